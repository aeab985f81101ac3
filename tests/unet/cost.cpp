#include "fewstep/unet/cost.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

/// 10 at the ends, connections of 1, 2, 4 and 8, a middle of 16: 41 in all.
const unet_cost cost{.connections = {1, 2, 4, 8}, .middle = 16, .ends = 10};

}  // namespace

TEST_CASE("a cached call costs the ends and the connections down to the branch", "[unet]")
{
  REQUIRE(full_cost(cost) == 41);
  const std::vector<double> shallow{11, 13, 17, 25};
  for (std::size_t branch = 0; branch < 4; ++branch) REQUIRE(shallow_cost(cost, branch) == shallow[branch]);
}

TEST_CASE("the ideal speed-up is the ratio of all multiply-adds", "[unet]")
{
  for (std::size_t branch = 0; branch < 4; ++branch)
    for (std::size_t refreshes = 1; refreshes <= 10; ++refreshes) {
      double spent = 0;
      for (std::size_t row = 0; row < 10; ++row) spent += row < refreshes ? 41 : shallow_cost(cost, branch);
      REQUIRE_THAT(ideal_speed_up(cost, branch, 10, refreshes), WithinRel(10 * 41 / spent, 1e-14));
    }
}

TEST_CASE("multiply-adds per image of the DDPM paper's table follow from its full and partial ones", "[unet]")
{
  // CIFAR-10, 100 steps: full 6.054 G, partial 2.24 G at the paper's branch 3; N = 2, 3, 5, 10 give these averages
  const unet_cost ddpm{.connections = {1, 1, 0.24}, .middle = 6.054 - 2.24};
  const std::vector<std::pair<std::size_t, double>> table{{2, 4.15}, {3, 3.54}, {5, 3.01}, {10, 2.63}};
  for (const auto& [interval, average] : table)
    REQUIRE_THAT(6.054 / ideal_speed_up(ddpm, 2, 100, (100 + interval - 1) / interval), WithinAbs(average, 0.01));
}

TEST_CASE("the choice is the shortest interval that reaches the speed-up, and its deepest branch", "[unet]")
{
  for (double wanted = 1; wanted < 3.2; wanted += 0.05) {
    const caching found = choose_caching(cost, 20, wanted);
    const auto promises = [&](std::size_t branch, std::size_t interval) {
      return ideal_speed_up(cost, branch, 20, (20 + interval - 1) / interval);
    };
    CAPTURE(wanted, found.branch, found.every);
    REQUIRE(found.speed_up == promises(found.branch, found.every));
    REQUIRE(found.speed_up >= wanted);
    for (std::size_t deeper = found.branch + 1; deeper < 4; ++deeper) REQUIRE(promises(deeper, found.every) < wanted);
    for (std::size_t shorter = 1; shorter < found.every; ++shorter) REQUIRE(promises(0, shorter) < wanted);
  }
}

TEST_CASE("what cannot be reached is refused with what can", "[unet]")
{
  // one refresh in 20 rows and branch 0: 20 * 41 / (41 + 19 * 11) = 3.28
  REQUIRE_THROWS_WITH(choose_caching(cost, 20, 4), ContainsSubstring("3.28") && ContainsSubstring("4.0"));
  REQUIRE_THROWS_AS(choose_caching(unet_cost{}, 20, 1), std::invalid_argument);
  REQUIRE_THROWS_WITH(shallow_cost(cost, 4), ContainsSubstring("connection 4") && ContainsSubstring("4 connections"));
}
