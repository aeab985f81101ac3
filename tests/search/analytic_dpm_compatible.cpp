#include "fewstep/search/analytic_dpm_compatible.hpp"

#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/from_one.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

namespace {

using path = std::vector<std::size_t>;

/// The spectrum's "ms_eps", times 1 + wave * sin(0.37 n): a badly estimated sequence that passes 1 in places.
moment_table wavy(double wave, std::size_t steps = 1000)
{
  const auto levels = levels_of(linear_vp({.steps = steps}));
  std::vector<double> ms_eps{0};
  for (std::size_t t = 0; t < steps; ++t)
    ms_eps.push_back(test::spectrum{}.second_moment(levels[t]) *
                     (1 + wave * std::sin(.37 * static_cast<double>(t + 1))));
  return moments_of_ms_eps(levels, ms_eps);
}

}  // namespace

TEST_CASE("bad moments cut the official trajectory where the official code cuts it", "[search]")
{
  REQUIRE(test::from_one(analytic_dpm_compatible_path(wavy(5e-4), 5)) == path{1, 42, 125, 600, 1000});
  REQUIRE(test::from_one(analytic_dpm_compatible_path(wavy(5e-4), 10)) ==
          path{1, 14, 32, 60, 107, 192, 600, 733, 867, 1000});
}

TEST_CASE("good moments have the optimal trajectory", "[search]")
{
  const moment_table moments = wavy(0);
  const auto nodes = path_nodes(moments, levels_of(linear_vp()));
  for (const std::size_t stops : {2u, 5u, 40u, 1000u})
    REQUIRE(analytic_dpm_compatible_path(moments, stops) == optimal_path(nodes, stops));
}

TEST_CASE("moments that leave nothing to search are refused where the official code fails", "[search]")
{
  moment_table moments = wavy(0);
  moments.levels[400].second_moment.mean = 1.01;
  REQUIRE_THROWS_WITH(analytic_dpm_compatible_path(moments, 10), ContainsSubstring("level 400 of 1000"));
  REQUIRE_THROWS_WITH(analytic_dpm_compatible_path(wavy(5e-4), 2), ContainsSubstring("can be trusted"));
  REQUIRE_THROWS_AS(analytic_dpm_compatible_path(wavy(0), 1001), std::invalid_argument);
}
