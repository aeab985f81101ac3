/// @file
/// A few threads that share the tasks of one loop at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace fewstep::nn {

/// `size() - 1` threads of its own and the one that calls `run`. Which thread does a task is open; the layers are
/// written so that it does not matter. Between two loops the threads stay awake for some microseconds, then sleep.
class thread_pool {
public:
  /// Throws std::invalid_argument for 0 or more than 1024 threads.
  explicit thread_pool(std::size_t threads)
  {
    if (threads == 0 || threads > 1024)
      throw std::invalid_argument("an engine runs on 1 to 1024 threads, but was given " + std::to_string(threads));
    for (std::size_t worker = 1; worker < threads; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
  }

  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  ~thread_pool()
  {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      ++loops_;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  std::size_t size() const { return threads_.size() + 1; }

  /// Calls task(k, worker) for k = 0 ... tasks - 1, each once, and returns when all are done. `worker` < size() is
  /// another number for every call that runs at the same time. A task must not throw, nor call `run`. If `alone`, the
  /// calling thread does them all: for loops that are not worth waking the others.
  template <class F>
  void run(std::size_t tasks, const F& task, bool alone = false)
  {
    if (alone || threads_.empty() || tasks < 2) {
      for (std::size_t k = 0; k < tasks; ++k) task(k, std::size_t{0});
      return;
    }
    open({[](const void* f, std::size_t k, std::size_t worker) { (*static_cast<const F*>(f))(k, worker); },
          std::addressof(task), tasks});
    work(0);
    close();
  }

private:
  struct loop {
    void (*call)(const void* f, std::size_t k, std::size_t worker) = nullptr;
    const void* f = nullptr;
    std::size_t tasks = 0;
  };

  void open(const loop& next)
  {
    bool asleep = false;
    {
      const std::lock_guard lock(mutex_);
      loop_ = next;
      next_.store(0, std::memory_order_relaxed);
      open_ = true;
      ++loops_;
      asleep = asleep_ > 0;
    }
    if (asleep) wake_.notify_all();
  }

  /// Threads that have not begun by now are not waited for.
  void close()
  {
    std::unique_lock lock(mutex_);
    open_ = false;
    for (int turn = 0; active_ > 0 && turn < turns_awake; ++turn) {
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
    }
    idle_.wait(lock, [this] { return active_ == 0; });
  }

  void work(std::size_t worker)
  {
    for (std::size_t k; (k = next_.fetch_add(1, std::memory_order_relaxed)) < loop_.tasks;)
      loop_.call(loop_.f, k, worker);
  }

  void serve(std::size_t worker)
  {
    for (std::size_t seen = 0;;) {
      for (int turn = 0; turn < turns_awake && loops_.load(std::memory_order_relaxed) == seen; ++turn)
        std::this_thread::yield();
      std::unique_lock lock(mutex_);
      ++asleep_;
      wake_.wait(lock, [&] { return loops_ != seen; });
      --asleep_;
      seen = loops_;
      if (stop_) return;
      if (!open_) continue;
      ++active_;
      lock.unlock();
      work(worker);
      lock.lock();
      if (--active_ == 0) idle_.notify_one();
    }
  }

  static constexpr int turns_awake = 64;

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  loop loop_;
  std::atomic<std::size_t> next_ = 0;   ///< the next task
  std::atomic<std::size_t> loops_ = 0;  ///< loops begun so far
  std::size_t active_ = 0;              ///< threads inside the loop, but for the caller's
  std::size_t asleep_ = 0;
  bool open_ = false;  ///< whether threads may still join the loop
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fewstep::nn
