#include "fewstep/nn/threads.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <vector>

using fewstep::nn::thread_pool;

TEST_CASE("every task is done once, and no two at the same time as the same worker", "[nn]")
{
  for (const std::size_t threads : {1u, 2u, 5u}) {
    thread_pool pool(threads);
    REQUIRE(pool.size() == threads);
    for (std::size_t loop = 0; loop < 300; ++loop) {
      const std::size_t tasks = loop % 17;
      std::vector<std::atomic<int>> done(tasks), busy(threads);
      std::atomic<int> collisions = 0;
      pool.run(tasks, [&](std::size_t k, std::size_t worker) {
        if (busy[worker]++ != 0) ++collisions;
        ++done[k];
        --busy[worker];
      });
      REQUIRE(collisions == 0);
      for (const auto& times : done) REQUIRE(times == 1);
    }
  }
}

TEST_CASE("what the tasks wrote is there when the loop has ended", "[nn]")
{
  thread_pool pool(3);
  std::vector<std::size_t> numbers(1000);
  for (std::size_t loop = 1; loop < 100; ++loop) {
    pool.run(numbers.size(), [&](std::size_t k, std::size_t) { numbers[k] += k; });
    for (std::size_t k = 0; k < numbers.size(); ++k) REQUIRE(numbers[k] == loop * k);
  }
}

TEST_CASE("a loop that is not worth waking others for is done by its caller", "[nn]")
{
  thread_pool pool(4);
  std::vector<std::size_t> workers;
  pool.run(
      20, [&](std::size_t, std::size_t worker) { workers.push_back(worker); }, true);
  REQUIRE(workers == std::vector<std::size_t>(20, 0));
}

TEST_CASE("a number of threads that no machine has is refused", "[nn]")
{
  for (const std::size_t threads : {std::size_t{0}, std::size_t{1025}})
    REQUIRE(fewstep::test::refusal<std::invalid_argument>([&] { thread_pool pool(threads); }) ==
            "an engine runs on 1 to 1024 threads, but was given " + std::to_string(threads));
}
