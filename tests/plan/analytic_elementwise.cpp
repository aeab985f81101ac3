#include "fewstep/plan/analytic_elementwise.hpp"

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/trajectory.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

/// Moments whose parts are the numbers of the spectrum.
moment_table by_part(const std::vector<noise_level>& levels, const test::spectrum& data)
{
  moment_table moments = data.moments(levels);
  for (moment_level& level : moments.levels)
    for (const double v : data.variances)
      level.parts.push_back({.residual = {.count = 1, .mean = error_of_variance(v, level.at)}});
  return moments;
}

}  // namespace

TEST_CASE("with a variance for each number anisotropic normal data keep theirs", "[plan]")
{
  const test::spectrum data;
  const vp_table table = linear_vp();
  const moment_table moments = by_part(levels_of(table), data);
  for (const std::size_t steps : {1u, 2u, 5u, 50u})
    for (const double eta : {0., .3, 1.}) {
      const auto grid = even_grid(table, steps);
      const auto [plan, deviations] = analytic_elementwise(grid, eta, {.noise_at_end = true});
      for (std::size_t i = 0; i < data.variances.size(); ++i) {
        const double v = data.variances[i];
        double variance = grid[0].alpha * grid[0].alpha * v + grid[0].sigma * grid[0].sigma;
        for (std::size_t k = 0; k < steps; ++k) {
          const plan_step& row = plan.steps[k];
          const double total = row.at.alpha * row.at.alpha * v + row.at.sigma * row.at.sigma;
          const double slope = row.keep + row.model[0] * row.at.alpha * v / total;
          const double deviation = deviations[k](part_errors(moments, row.at)[i].value);
          variance = slope * slope * variance + row.noise * row.noise * deviation * deviation;
        }
        CAPTURE(steps, eta, v);
        REQUIRE_THAT(variance, WithinRel(v, 1e-11));
      }
    }
}

TEST_CASE("equal parts make the plan of the whole", "[plan]")
{
  const vp_table table = linear_vp();
  const auto grid = even_grid(table, 10);
  const moment_table moments = by_part(levels_of(table), {.variances = {.25}});
  const analytic_options options{.range = data_range{}, .clip = pixel_clip{.pixels = 2}};
  for (const double eta : {0., 1.}) {
    const sampling_plan whole = analytic(grid, moments, eta, options);
    const auto [plan, deviations] = analytic_elementwise(grid, eta, options);
    for (std::size_t k = 0; k < 10; ++k) {
      REQUIRE(plan.steps[k].noise == (k < 9 ? 1 : 0));
      REQUIRE(plan.steps[k].keep == whole.steps[k].keep);
      const double error = part_errors(moments, grid[k])[0].value;
      REQUIRE_THAT(deviations[k](error) * plan.steps[k].noise, WithinRel(whole.steps[k].noise, 1e-14));
    }
  }
}

TEST_CASE("both kinds of head give the error of normal data", "[plan]")
{
  for (const double v : {.01, .25, 1.})
    for (const noise_level& at : {linear_vp()(20), linear_vp()(600), edm_schedule{}(2)}) {
      // eps given x is normal, of mean eps_hat and variance alpha^2 v / (alpha^2 v + sigma^2)
      const double left = at.alpha * at.alpha * v / (at.alpha * at.alpha * v + at.sigma * at.sigma);
      const double eps_hat = .7;
      const double error = error_of_variance(v, at);
      REQUIRE_THAT(second_moment_error(at, eps_hat * eps_hat + left, eps_hat),
                   WithinAbs(error, 1e-15 * (error + noise_variance(at))));
      REQUIRE_THAT(residual_error(at, left), WithinRel(error, 1e-14));
    }
}

TEST_CASE("heads that go astray are held", "[plan]")
{
  const auto grid = even_grid(linear_vp(), 10);
  const auto [plan, deviations] = analytic_elementwise(grid, 1, {.range = data_range{}});
  for (std::size_t k = 0; k < 9; ++k) {
    const variance_bounds bounds = bounds_of({grid[k], grid[k + 1]}, 1, data_range{});
    REQUIRE_THAT(deviations[k](-3), WithinRel(std::sqrt(bounds.lower), 1e-14));
    REQUIRE_THAT(deviations[k](1e9), WithinRel(std::sqrt(bounds.upper()), 1e-14));
  }
}

TEST_CASE("parts that are missing, and bounds that do not hold for them, are refused", "[plan]")
{
  const vp_table table = linear_vp({.steps = 4});
  const auto levels = levels_of(table);
  REQUIRE_THROWS_WITH(part_errors(test::spectrum{}.moments(levels), levels[0]), ContainsSubstring("0 parts"));
  moment_table uneven = by_part(levels, {});
  uneven.levels[2].parts.pop_back();
  REQUIRE_THROWS_WITH(part_errors(uneven, levels[0]), ContainsSubstring("t = 2.0"));
  REQUIRE_THROWS_AS(analytic_elementwise(even_grid(table, 2), 1, {.linear_bound = true}), std::invalid_argument);
  REQUIRE_THROWS_AS(analytic_elementwise(even_grid(table, 2), 2), std::invalid_argument);
}
