/// @file
/// Everything that changes while a network runs: buffers and threads. The network itself never does.
#pragma once

#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/threads.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace fewstep::nn {

namespace detail {

/// Below this many operations, waking other threads costs more than it gives.
inline constexpr std::size_t worth_waking = 200'000;

}  // namespace detail

/// The memory and the threads of one stream of evaluations. Evaluations one after another share it, whatever their
/// network, batch or condition; evaluations at the same time need one each. After the first evaluation of a shape the
/// next ones of that shape allocate nothing. Results do not depend on the number of threads.
class workspace {
public:
  /// Throws std::invalid_argument unless `threads` is 1 to 1024.
  explicit workspace(std::size_t threads = 1) :
      threads_(threads),
      pool_(std::make_shared<buffer_pool>()),
      scratch_(threads)
  {
  }

  thread_pool& threads() { return threads_; }

  /// A feature with arbitrary content.
  feature make(std::size_t count, std::size_t channels, std::size_t height = 1, std::size_t width = 1)
  {
    return {pool_, count, channels, height, width};
  }

  /// Makes room for `count` floats in each thread's scratch. Call it before the threads run.
  void reserve_scratch(std::size_t count)
  {
    for (aligned_floats& numbers : scratch_)
      if (numbers.size() < count + slack) numbers.resize(count + slack);
  }

  float* scratch(std::size_t worker) { return scratch_[worker].data(); }

  /// Room for doubles that the calling thread shares with the others.
  std::span<double> statistics(std::size_t count)
  {
    if (statistics_.size() < count) statistics_.resize(count);
    return {statistics_.data(), count};
  }

  /// Memory held by now. It only grows, but by `trim`, so after an evaluation it is that evaluation's peak.
  std::size_t bytes() const
  {
    std::size_t total = pool_->bytes() + statistics_.size() * sizeof(double);
    for (const aligned_floats& numbers : scratch_) total += numbers.size() * sizeof(float);
    return total;
  }

  /// Gives memory that nobody uses back to the system: worth a call after the last evaluation of a large shape.
  void trim() { pool_->trim(); }

private:
  thread_pool threads_;
  std::shared_ptr<buffer_pool> pool_;
  std::vector<aligned_floats> scratch_;
  std::vector<double> statistics_;
};

}  // namespace fewstep::nn
