#include "fewstep/nn/workspace.hpp"

#include "support/catch.hpp"

#include <cstddef>

using namespace fewstep;

TEST_CASE("a workspace counts everything that it holds", "[nn]")
{
  nn::workspace work(2);
  REQUIRE(work.threads().size() == 2);
  const std::size_t empty = work.bytes();
  work.reserve_scratch(1000);
  REQUIRE(work.bytes() >= empty + 2 * 1000 * sizeof(float));
  const std::size_t with_scratch = work.bytes();
  REQUIRE(work.statistics(50).size() == 50);
  REQUIRE(work.bytes() == with_scratch + 50 * sizeof(double));
  const nn::feature x = work.make(1, 100);
  REQUIRE(work.bytes() >= with_scratch + 50 * sizeof(double) + 100 * sizeof(float));
}

TEST_CASE("each thread has scratch of its own, and room once made stays", "[nn]")
{
  nn::workspace work(3);
  work.reserve_scratch(100);
  const std::size_t held = work.bytes();
  work.reserve_scratch(10);
  REQUIRE(work.bytes() == held);
  for (std::size_t worker = 0; worker < 3; ++worker) work.scratch(worker)[99] = static_cast<float>(worker);
  for (std::size_t worker = 0; worker < 3; ++worker) REQUIRE(work.scratch(worker)[99] == static_cast<float>(worker));
}
