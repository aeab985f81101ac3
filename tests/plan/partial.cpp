#include "fewstep/plan/partial.hpp"

#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

TEST_CASE("the tail of a grid holds the last steps, as image to image counts them", "[partial]")
{
  const auto grid = trailing(scaled_linear_vp(), 10);
  REQUIRE(tail(grid, 1) == grid);
  const auto part = tail(grid, 0.75);  // int(10 * 0.75) = 7 of 10 steps
  REQUIRE(part.size() == 8);
  REQUIRE(part.front().t == 699);
  REQUIRE(part.back() == grid.back());
  REQUIRE(tail(grid, 0.1) == std::vector(grid.end() - 2, grid.end()));
}

TEST_CASE("a run from a level goes on with the levels below it", "[partial]")
{
  const vp_table table = scaled_linear_vp();
  const auto grid = trailing(table, 4);  // 999, 749, 499, 249, data
  const auto between = from_level(grid, table(600));
  REQUIRE(between == std::vector{table(600), table(499), table(249), vp_table::data_level()});
  REQUIRE(from_level(grid, table(499)) == std::vector(grid.begin() + 2, grid.end()));
  // a level of another schedule goes by its ratio of noise to signal
  REQUIRE(from_level(grid, edm_schedule{}(1.0)).size() == 3);
}

TEST_CASE("partial runs refuse strengths and levels that leave no step", "[partial]")
{
  const auto grid = trailing(scaled_linear_vp(), 4);
  REQUIRE_THROWS_WITH(tail(grid, 0.2), ContainsSubstring("strength") && ContainsSubstring("0.2"));
  REQUIRE_THROWS_AS(tail(grid, 0), std::invalid_argument);
  REQUIRE_THROWS_AS(tail(grid, 1.5), std::invalid_argument);
  REQUIRE_THROWS_AS(tail(grid, NAN), std::invalid_argument);
  REQUIRE_THROWS_AS(from_level(grid, vp_table::data_level()), std::invalid_argument);
}
