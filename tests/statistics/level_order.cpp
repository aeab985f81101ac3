#include "fewstep/statistics/level_order.hpp"

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;

TEST_CASE("every level comes once, the ends first", "[moments]")
{
  for (const std::size_t steps : {1u, 2u, 3u, 10u, 100u}) {
    std::vector<std::size_t> order = level_order(levels_of(linear_vp({.steps = steps})));
    REQUIRE(order.size() == steps);
    REQUIRE(order[0] == 0);
    if (steps > 1) REQUIRE(order[1] == steps - 1);
    std::sort(order.begin(), order.end());
    for (std::size_t k = 0; k < steps; ++k) REQUIRE(order[k] == k);
  }
  REQUIRE(level_order({}).empty());
}

TEST_CASE("the first levels leave no gap in the logarithm of the noise", "[moments]")
{
  std::vector<noise_level> levels;  // 1001 levels from 1e-2 to 1e2, evenly in the logarithm
  for (int k = 0; k <= 1000; ++k) levels.push_back({static_cast<double>(k), 1, std::pow(10.0, -2 + 0.004 * k)});
  const auto order = level_order(levels);
  REQUIRE(std::vector(order.begin(), order.begin() + 5) == std::vector<std::size_t>{0, 1000, 500, 250, 750});
  for (const std::size_t few : {5u, 9u, 17u, 33u, 65u}) {
    std::vector<std::size_t> first(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(few));
    std::sort(first.begin(), first.end());
    for (std::size_t k = 1; k < few; ++k) REQUIRE(first[k] - first[k - 1] <= 1000 / (few - 1) + 1);
  }
}

TEST_CASE("levels without noise or without signal come last", "[moments]")
{
  const std::vector<noise_level> levels{{0, 0, 1}, {1, 1, 0}, {2, 1, 1}, {3, 1, 2}};
  const auto order = level_order(levels);
  REQUIRE(order[0] == 2);
  REQUIRE(order[1] == 3);
}
