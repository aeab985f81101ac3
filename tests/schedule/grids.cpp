#include "fewstep/schedule/grids.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using times = std::vector<double>;

TEST_CASE("spacings are those of the official code", "[schedule]")
{
  REQUIRE(trailing_times(1000, 8) == times{999, 874, 749, 624, 499, 374, 249, 124});
  REQUIRE(trailing_times(1000, 1) == times{999});
  REQUIRE(leading_times(1000, 8) == times{875, 750, 625, 500, 375, 250, 125, 0});
  REQUIRE(leading_times(1000, 4, 1) == times{751, 501, 251, 1});
  REQUIRE(leading_times(1000, 1) == times{0});
  REQUIRE(linspace_times(1000, 10) == times{999, 888, 777, 666, 555, 444, 333, 222, 111, 0});
  REQUIRE(linspace_times(1000, 3) == times{999, 500, 0});  // 499.5 is rounded to even
  REQUIRE(linspace_times(1000, 1) == times{0});
  REQUIRE(quadratic_times(1000, 5) == times{800, 450, 200, 50, 0});  // 800 (i / 4)^2
}

TEST_CASE("trailing has as many times as steps, whatever their number", "[schedule]")
{
  for (std::size_t steps = 1; steps <= 1000; ++steps) {
    const times list = trailing_times(1000, steps);
    REQUIRE(list.size() == steps);
    REQUIRE(list.front() == 999);
    REQUIRE(list.back() >= 0);
  }
}

TEST_CASE("a grid visits the table and ends where it is told to", "[schedule]")
{
  const vp_table table = linear_vp();
  const auto grid = trailing(table, 10);
  REQUIRE(grid.size() == 11);
  REQUIRE(grid.front() == table(999));
  REQUIRE(grid[9] == table(99));
  REQUIRE(grid.back() == noise_level{-1, 1, 0});
  REQUIRE(leading(table, 4, 1, grid_end::first_level).back() == table(0));
  REQUIRE(linspace(table, 5).front() == table(999));
  REQUIRE(quadratic(table, 5).front() == table(800));
  REQUIRE(grid_at(table, times{700.5, 3}).front() == table(700.5));
}

TEST_CASE("Karras' grid has EDM's digits", "[schedule]")
{
  const times eighteen = karras_sigmas(18), forty = karras_sigmas(40);
  REQUIRE(eighteen.front() == 80);
  REQUIRE_THAT(eighteen[1], WithinAbs(57.58598, 6e-6));
  REQUIRE_THAT(eighteen[2], WithinAbs(40.78557, 6e-6));
  REQUIRE_THAT(eighteen[8], WithinAbs(3.25682, 6e-6));
  REQUIRE_THAT(eighteen[16], WithinAbs(.00753, 6e-6));
  REQUIRE(eighteen.back() == 0.002);
  REQUIRE_THAT(forty[20], WithinAbs(2.24044, 6e-6));
  REQUIRE_THAT(forty[22], WithinAbs(1.382368, 6e-7));

  const auto grid = karras(edm_schedule{}, 18, {});
  REQUIRE(grid.size() == 19);
  REQUIRE_THAT(grid[8].sigma, WithinAbs(3.25682, 6e-6));
  REQUIRE(grid.back() == noise_level{0, 1, 0});
}

TEST_CASE("over a table Karras' grid runs between its first and last ratio", "[schedule]")
{
  const vp_table table = scaled_linear_vp();
  const auto grid = karras(table, 8);
  REQUIRE_THAT(noise_to_signal(grid.front()), WithinRel(noise_to_signal(table(999)), 1e-14));
  REQUIRE_THAT(noise_to_signal(grid[7]), WithinRel(noise_to_signal(table(0)), 1e-14));
  // diffusers rounds these times: 999 890 746 549 299 90 12 0
  const double rounded[] = {999, 890, 746, 549, 299, 90, 12, 0};
  for (std::size_t k = 0; k < 8; ++k) REQUIRE(std::round(grid[k].t) == rounded[k]);
}

TEST_CASE("a grid that cannot be is refused by its number", "[schedule]")
{
  const vp_table table = linear_vp();
  REQUIRE_THROWS_WITH(trailing(table, 0), ContainsSubstring("[1, 1000]") && ContainsSubstring("is 0"));
  REQUIRE_THROWS_WITH(leading(table, 1001), ContainsSubstring("1001"));
  REQUIRE_THROWS_WITH(leading_times(1000, 1000, 1), ContainsSubstring("offset 1") && ContainsSubstring("1000"));
  REQUIRE_THROWS_WITH(leading(table, 10, 0, grid_end::first_level), ContainsSubstring("must fall"));
  REQUIRE_THROWS_WITH(quadratic_times(1000, 5, 0), ContainsSubstring("reach"));
  REQUIRE_THROWS_WITH(quadratic(table, 900), ContainsSubstring("must fall"));
  REQUIRE_THROWS_WITH(grid_at(table, times{10, 20}), ContainsSubstring("must fall"));
  REQUIRE_THROWS_WITH(grid_at(table, times{1000}), ContainsSubstring("[0, 999]"));
  REQUIRE_THROWS_WITH(karras_sigmas(5, {.sigma_min = 0}), ContainsSubstring("0 < sigma_min"));
  REQUIRE_THROWS_WITH(karras_sigmas(5, {.sigma_min = 2, .sigma_max = 1}), ContainsSubstring("sigma_max"));
  REQUIRE_THROWS_WITH(karras_sigmas(0), ContainsSubstring("at least one"));
  REQUIRE_THROWS_WITH(karras_sigmas(5, {}, -1), ContainsSubstring("rho -1"));
}
