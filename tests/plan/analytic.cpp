#include "fewstep/plan/analytic.hpp"

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/trajectory.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <utility>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

/// The variance at the plan's end of data ~ N(0, v) under its exact denoiser, from x ~ N(0, that of the start).
double final_variance(const sampling_plan& plan, double v)
{
  double variance = plan.start.alpha * plan.start.alpha * v + plan.start.sigma * plan.start.sigma;
  for (const plan_step& row : plan.steps) {
    const double total = row.at.alpha * row.at.alpha * v + row.at.sigma * row.at.sigma;
    const double slope = row.keep + row.model[0] * row.at.alpha * v / total;
    variance = slope * slope * variance + row.noise * row.noise;
  }
  return variance;
}

moment_table of_variance(const vp_table& table, double v)
{
  return test::spectrum{.variances = {v}}.moments(levels_of(table));
}

}  // namespace

TEST_CASE("with the optimal variance normal data keep theirs, for every number of steps and every eta", "[plan]")
{
  for (const vp_table& table : {linear_vp(), cosine_vp()})
    for (const double v : {.25, 1., 3.}) {
      const moment_table moments = of_variance(table, v);
      for (const std::size_t steps : {1u, 2u, 5u, 10u, 50u, 1000u})
        for (const double eta : {0., .3, 1.}) {
          const auto plan = analytic(even_grid(table, steps), moments, eta, {.noise_at_end = true});
          CAPTURE(v, steps, eta);
          REQUIRE(plan.steps.size() == steps);
          REQUIRE_THAT(final_variance(plan, v), WithinRel(v, 1e-12));
        }
    }
}

TEST_CASE("with the usual variances they do not: the reference's table", "[plan]")
{
  struct known {
    std::size_t steps;
    double ddim, small, large;
  };
  const vp_table table = linear_vp();
  for (const auto& [steps, flat, small, large] :
       {known{5, .05066, .04399, .55835}, {10, .13076, .10422, .35852}, {50, .22270, .19642, .26788}}) {
    const auto grid = even_grid(table, steps);
    CAPTURE(steps);
    REQUIRE_THAT(final_variance(ddim(grid), .25), WithinAbs(flat, 6e-6));
    REQUIRE_THAT(final_variance(ddpm(grid), .25), WithinAbs(small, 6e-6));
    REQUIRE_THAT(final_variance(ddpm(grid, {.variance = ddpm_variance::interval}), .25), WithinAbs(large, 6e-6));
  }
}

TEST_CASE("the variance is that of theorem 1 in all its forms", "[plan]")
{
  std::mt19937 bits(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  const vp_table table = linear_vp();
  const auto levels = levels_of(table);
  for (int trial = 0; trial < 2000; ++trial) {
    std::size_t s = bits() % 1000, t = bits() % 1000;
    if (s == t) continue;
    if (s > t) std::swap(s, t);
    const noise_level &from = levels[t], &to = levels[s];
    const double eta = uniform(bits), ms = uniform(bits), gamma = ms / (from.sigma * from.sigma);
    const moment_table moments = moments_of_ms_eps(std::vector{from}, std::vector{0., ms});
    const auto at_eta = reverse_variances(std::vector{from, to}, moments, eta).front();
    const auto at_one = reverse_variances(std::vector{from, to}, moments, 1).front();

    const double abar = from.alpha * from.alpha, bbar = from.sigma * from.sigma;
    const double abar_s = to.alpha * to.alpha, bbar_s = to.sigma * to.sigma;
    const double kept = abar / abar_s, beta = bbar - kept * bbar_s, tilde = beta * bbar_s / bbar;
    const double lambda2 = eta * eta * tilde, error = bbar / abar * (1 - ms);
    const double paper =
        lambda2 + std::pow(std::sqrt(bbar / kept) - std::sqrt(bbar_s - lambda2), 2) * (1 - bbar * gamma);
    const double code = lambda2 + std::pow(std::sqrt(abar_s) - std::sqrt((bbar_s - lambda2) * abar / bbar), 2) * error;
    CAPTURE(s, t, eta, ms);
    REQUIRE_THAT(at_eta.lower, WithinRel(lambda2, 1e-9));
    REQUIRE_THAT(at_eta.optimal, WithinRel(paper, 1e-9));
    REQUIRE_THAT(at_eta.optimal, WithinRel(code, 1e-9));
    REQUIRE_THAT(at_one.optimal, WithinRel(tilde + abar_s * beta * beta / (bbar * bbar) * error, 1e-9));
    REQUIRE_THAT(at_one.optimal, WithinRel(beta / kept * (1 - beta * gamma), 1e-9 + 1e-14 / (1 - beta * gamma)));

    REQUIRE(at_eta.optimal >= at_eta.bounds.lower);
    REQUIRE(at_eta.optimal <= at_eta.bounds.any_data * (1 + 1e-15));
    REQUIRE_THAT(at_one.bounds.any_data, WithinRel(beta / kept, 1e-9));
    REQUIRE_THAT(at_eta.bounds.any_data,
                 WithinRel(lambda2 + std::pow(std::sqrt(bbar / kept) - std::sqrt(bbar_s - lambda2), 2), 1e-9));
  }
}

TEST_CASE("the bounds of the last noisy step are those printed in table 7 of the paper", "[plan]")
{
  struct known {
    vp_table table;
    std::size_t steps, second;
    double lower, ddpm, ddim;
  };
  const known rows[] = {
      {linear_vp(), 10, 112, 9.993e-5, 1.446e-1, 1.372e-1}, {linear_vp(), 25, 43, 9.956e-5, 2.244e-2, 1.964e-2},
      {linear_vp(), 50, 21, 9.841e-5, 6.203e-3, 4.816e-3},  {linear_vp(), 100, 11, 9.545e-5, 2.098e-3, 1.360e-3},
      {cosine_vp(), 10, 112, 4.124e-5, 3.560e-2, 3.325e-2}, {cosine_vp(4000), 25, 168, 9.849e-6, 5.929e-3, 5.465e-3}};
  for (const auto& [table, steps, second, lower, with_ddpm, with_ddim] : rows) {
    const auto grid = even_grid(table, steps);
    const jump step{grid[steps - 2], grid[steps - 1]};
    REQUIRE(step.from.t + 1 == static_cast<double>(second));
    const variance_bounds of_ddpm = bounds_of(step, 1, data_range{}), of_ddim = bounds_of(step, 0, data_range{});
    const double digit = 5.1e-4;  // four printed digits
    REQUIRE_THAT(of_ddpm.lower, WithinRel(lower, digit));
    REQUIRE(of_ddim.lower == 0);
    REQUIRE_THAT(of_ddpm.upper(), WithinRel(with_ddpm, digit));
    REQUIRE_THAT(of_ddim.upper(), WithinRel(with_ddim, digit));
  }
}

TEST_CASE("a variance lies within its bounds, and the linear bound is the tightest", "[plan]")
{
  const test::spectrum data{.variances = {1.0, .25, .05, .01}};  // a number in [-1, 1] has variance 1 at most
  const vp_table table = linear_vp();
  moment_table moments = data.moments(levels_of(table));
  moments.data_variance = data.variance();
  for (const double eta : {0., .5, 1.})
    for (const reverse_variance& row :
         reverse_variances(even_grid(table, 20), moments, eta, {.range = data_range{}, .linear_bound = true})) {
      REQUIRE(row.optimal >= row.bounds.lower);
      REQUIRE(row.optimal <= row.bounds.linear * (1 + 1e-14));
      REQUIRE(row.bounds.linear <= row.bounds.any_data * (1 + 1e-14));
      REQUIRE(row.bounds.linear <= row.bounds.in_range * (1 + 1e-14));
      REQUIRE(row.bounds.upper() == row.bounds.linear);
    }
}

TEST_CASE("errors beyond what is known of the data are held", "[plan]")
{
  const vp_table table = linear_vp();
  const auto grid = even_grid(table, 5);
  std::vector<double> errors;
  for (const noise_level& at : levels_of(table)) errors.push_back(std::min(noise_variance(at), 7.0));
  moment_table moments = moments_of_errors(levels_of(table), errors);
  moments.data_variance = .3;
  const auto used = [&](const analytic_options& options) {
    return reverse_variances(grid, moments, 0, options).front().error.value;
  };
  REQUIRE(used({}) == 7);
  REQUIRE(used({.range = data_range{}}) == 1);
  REQUIRE(used({.range = data_range{0, 1}}) == .25);
  REQUIRE_THAT(used({.linear_bound = true}), WithinRel(error_of_variance(.3, table(999)), 1e-15));
  moments.data_variance = 0;
  REQUIRE_THROWS_WITH(used({.linear_bound = true}), ContainsSubstring("do not hold"));
}

TEST_CASE("the plan is DDIM's with other noise, none to the data", "[plan]")
{
  const vp_table table = linear_vp();
  const auto grid = even_grid(table, 10);
  const moment_table moments = of_variance(table, .25);
  for (const double eta : {0., .5, 1.}) {
    const sampling_plan plan = analytic(grid, moments, eta), usual = ddim(grid, eta);
    const auto variances = reverse_variances(grid, moments, eta);
    for (std::size_t k = 0; k < 10; ++k) {
      REQUIRE(plan.steps[k].keep == usual.steps[k].keep);
      REQUIRE(plan.steps[k].model == usual.steps[k].model);
      REQUIRE(plan.steps[k].noise == (k < 9 ? std::sqrt(variances[k].optimal) : 0));
    }
  }
  REQUIRE(analytic_ddpm(grid, moments) == analytic(grid, moments, 1));
  REQUIRE(analytic_ddim(grid, moments) == analytic(grid, moments, 0));
  REQUIRE(analytic_ddim(even_grid(table, 1), moments).steps.front().model[0] == 1);

  const pixel_clip clip{.pixels = 2};
  REQUIRE(analytic_ddpm(grid, moments, {.clip = clip}).steps[8].noise == largest_deviation(clip));
  REQUIRE(analytic_ddpm(grid, moments, {.clip = clip}).steps[7].noise == analytic_ddpm(grid, moments).steps[7].noise);
}

TEST_CASE("moments of a table make the plans of other schedules right", "[plan]")
{
  const moment_table moments = of_variance(linear_vp(), .25);
  const std::vector<std::vector<noise_level>> grids{trailing(cosine_vp(), 7), karras(edm_schedule{}, 9, {}),
                                                    karras(flow_schedule{}, 9, {})};
  for (const auto& grid : grids)
    for (const double eta : {0., 1.})
      REQUIRE_THAT(final_variance(analytic(grid, moments, eta, {.noise_at_end = true}), .25), WithinRel(.25, 1e-10));
}

TEST_CASE("an error of the moments changes the variance by coefficient times error", "[plan]")
{
  const vp_table table = linear_vp();
  const auto grid = even_grid(table, 10);
  moment_table moments{.levels = {}};
  const double deviation = 1e-3;
  for (const noise_level& at : levels_of(table))
    moments.levels.push_back({.at = at, .residual = {2, error_of_variance(.25, at), 2 * deviation * deviation}});
  moment_table moved = moments;
  for (moment_level& level : moved.levels) level.residual.mean += deviation;
  for (const double eta : {0., 1.}) {
    const auto before = reverse_variances(grid, moments, eta), after = reverse_variances(grid, moved, eta);
    for (std::size_t k = 0; k < 9; ++k)
      REQUIRE_THAT(before[k].standard_error(), WithinAbs(after[k].optimal - before[k].optimal, 1e-15));
  }
}

TEST_CASE("a plan that cannot be is refused", "[plan]")
{
  const vp_table table = linear_vp();
  const auto grid = even_grid(table, 10);
  const moment_table moments = of_variance(table, .25);
  REQUIRE_THROWS_WITH(analytic(grid, moments, 1.2), ContainsSubstring("eta"));
  REQUIRE_THROWS_AS(analytic_ddpm(std::vector{table(5)}, moments), std::invalid_argument);
  REQUIRE_THROWS_AS(analytic_ddpm(grid, moment_table{}), std::invalid_argument);
  REQUIRE_THROWS_AS(analytic_ddpm(grid, moments, {.range = data_range{2, 1}}), std::invalid_argument);
  REQUIRE_THROWS_AS(analytic_ddpm(grid, moments, {.clip = pixel_clip{.pixels = -1}}), std::invalid_argument);
  REQUIRE_THROWS_WITH(analytic_ddpm(grid, moments, {.estimator = error_estimator::clipped}),
                      ContainsSubstring("do not hold"));
  moment_table bad = moments;
  bad.levels[3].residual.mean = std::numeric_limits<double>::quiet_NaN();
  REQUIRE_THROWS_WITH(analytic_ddpm(grid, bad), ContainsSubstring("t = 3.0"));
}
