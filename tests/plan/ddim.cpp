#include "fewstep/plan/ddim.hpp"

#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"
#include "support/laws.hpp"

#include <cmath>
#include <limits>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

/// Mean and variance of x after the plan, for data ~ N(mean, deviation^2) and its exact posterior mean, in closed form.
struct moments {
  double mean, variance;
};

moments after(const sampling_plan& plan, const test::gaussian& data, moments x)
{
  for (const plan_step& row : plan.steps) {
    const double gain = data.gain(row.at), slope = row.keep + row.model[0] * gain;
    const double offset = row.model[0] * (data.mean - gain * data.mean_at(row.at));
    x = {slope * x.mean + offset, slope * slope * x.variance + row.noise * row.noise};
  }
  return x;
}

}  // namespace

TEST_CASE("every first-order row carries the law of its level into the next", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  for (const auto& grid :
       {trailing(table, 10), leading(table, 7, 1, grid_end::first_level), linspace(table, 4), karras(table, 9),
        karras(edm_schedule{}, 12, {}), trailing(rescale_zero_terminal_snr(table), 5)})
    for (double eta : {0.0, 0.3, 1.0}) REQUIRE(test::law_error(ddim(grid, eta)) < 1e-14);
}

TEST_CASE("a row of DDIM is the one worked out by hand", "[plan]")
{
  // alpha = 3/5, sigma = 4/5 to alpha' = 4/5, sigma' = 3/5, eta = 1/2:
  // posterior deviation = 3/5 sqrt(1 - (9/16)^2), c = half of it, keep = sqrt(9/25 - c^2) / (4/5)
  const noise_level from{2, 0.6, 0.8}, to{1, 0.8, 0.6};
  const double c = 0.3 * std::sqrt(175.0) / 16, keep = std::sqrt(0.36 - 0.09 * 175 / 256) * 1.25;
  const plan_step row = ddim(std::vector<noise_level>{from, to}, 0.5).steps.front();
  REQUIRE_THAT(row.noise, WithinRel(c, 1e-14));
  REQUIRE_THAT(row.keep, WithinRel(keep, 1e-14));
  REQUIRE_THAT(row.model[0], WithinRel(0.8 - keep * 0.6, 1e-14));
  REQUIRE(row.at == from);
}

TEST_CASE("where nearly all noise is fresh, what is kept of x loses no digits", "[plan]")
{
  // at eta = 1 it is alpha / alpha' (sigma' / sigma)^2 exactly
  const vp_table table = cosine_vp();
  const noise_level from = table(999), to = table(499);
  REQUIRE(from.alpha < 1e-4);
  REQUIRE_THAT(ddim_row(from, to, 1).keep,
               WithinRel(from.alpha / to.alpha * std::pow(to.sigma / from.sigma, 2), 1e-14));
  for (double eta : {0.0, 0.5, 0.9}) {
    const plan_step row = ddim_row(from, to, eta);
    REQUIRE_THAT(row.keep, WithinRel(first_order(from, to, row.noise).keep, 1e-14));
  }
}

TEST_CASE("eta = 1 is DDPM: the coefficients of the reference on Stable Diffusion's schedule", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  const plan_step row = ddpm(std::vector{table(749), table(499)}).steps.front();
  REQUIRE_THAT(row.keep, WithinAbs(.345768098, 6e-10));
  REQUIRE_THAT(row.model[0], WithinAbs(.444665779, 6e-10));
  REQUIRE_THAT(row.noise, WithinAbs(.780733262, 6e-10));

  const plan_step flat = ddim(std::vector{table(749), table(499)}).steps.front();
  REQUIRE_THAT(flat.keep, WithinAbs(.875034956, 6e-10));
  REQUIRE_THAT(flat.model[0], WithinAbs(.318723073, 6e-10));
}

TEST_CASE("DDPM's mean and variance are those of the posterior, written in betas", "[plan]")
{
  const vp_table table = linear_vp();
  const auto grid = trailing(table, 10);
  const sampling_plan small = ddpm(grid), large = ddpm(grid, {.variance = ddpm_variance::interval});
  for (std::size_t k = 0; k + 1 < 10; ++k) {
    const double bar = std::pow(grid[k].alpha, 2), bar_to = std::pow(grid[k + 1].alpha, 2), beta = 1 - bar / bar_to;
    CAPTURE(k);
    REQUIRE_THAT(small.steps[k].model[0], WithinRel(std::sqrt(bar_to) * beta / (1 - bar), 1e-11));
    REQUIRE_THAT(small.steps[k].keep, WithinRel(std::sqrt(bar / bar_to) * (1 - bar_to) / (1 - bar), 1e-11));
    REQUIRE_THAT(small.steps[k].noise, WithinRel(std::sqrt((1 - bar_to) / (1 - bar) * beta), 1e-11));
    REQUIRE_THAT(large.steps[k].noise, WithinRel(std::sqrt(beta), 1e-11));
    REQUIRE(large.steps[k].keep == small.steps[k].keep);
  }
  REQUIRE(small.steps[9].noise == 0);
  REQUIRE(large.steps[9].noise == 0);
}

TEST_CASE("with diffusers' variance noise is drawn in every row above time 0, and never less than 1e-10", "[plan]")
{
  const vp_table table = linear_vp();
  const auto to_zero = jumps(leading(table, 5)), above = jumps(trailing(table, 5));
  const auto last = [](const sampling_plan& plan) { return plan.steps.back().noise; };
  const ddpm_options small{.diffusers_compatible = true},
      large{.variance = ddpm_variance::interval, .diffusers_compatible = true};
  REQUIRE(last(ddpm(to_zero, small)) == 0);
  REQUIRE(last(ddpm(above, small)) == 1e-10);
  REQUIRE_THAT(last(ddpm(above, large)), WithinRel(table(199).sigma, 1e-15));
}

TEST_CASE("diffusers' steps go to t - T/n whatever the grid", "[plan]")
{
  const vp_table table = linear_vp();
  const auto steps = diffusers_compatible(table, linspace_times(1000, 10));
  REQUIRE(steps[0].from == table(999));
  REQUIRE(steps[0].to == table(899));
  REQUIRE(steps[1].from == table(888));
  REQUIRE(steps[9].to == vp_table::data_level());
  const auto joined = diffusers_compatible(table, leading_times(1000, 10)), grid = jumps(leading(table, 10));
  for (std::size_t k = 0; k < 10; ++k) {
    REQUIRE(joined[k].from == grid[k].from);
    REQUIRE(joined[k].to == grid[k].to);
  }
  REQUIRE(diffusers_compatible(table, leading_times(1000, 4, 1), table(0)).back().to == table(0));
}

TEST_CASE("DDIM converges to the flow of Gaussian data at first order", "[plan]")
{
  const test::gaussian data{.mean = 0.7, .deviation = 0.4};
  for (bool cosine : {false, true}) {
    const vp_table table =
        cosine ? cosine_vp(100000) : linear_vp({.steps = 100000, .first_beta = 1e-6, .last_beta = 2e-4});
    std::vector<double> logs;
    for (std::size_t steps : {64u, 128u, 256u, 512u}) {
      auto grid = trailing(table, steps * 2);
      grid.resize(steps + 1);  // stop halfway: at the data a step in time is no step in lambda
      const double x = after(ddim(grid), data, {1.3, 0}).mean;
      logs.push_back(std::log2(std::abs(x - data.flow(1.3, grid.front(), grid.back()))));
    }
    REQUIRE_THAT((logs.front() - logs.back()) / 3, WithinAbs(1, 0.15));
  }
}

TEST_CASE("ancestral sampling of Gaussian data converges to its mean and variance at first order", "[plan]")
{
  const test::gaussian data{.mean = 0.7, .deviation = 0.4};
  const vp_table table = linear_vp({.steps = 10000, .first_beta = 1e-5, .last_beta = 2e-3});
  const noise_level start = table(9999);
  std::vector<double> logs;
  for (std::size_t steps : {500u, 1000u, 2000u, 4000u}) {
    const auto [mean, variance] =
        after(ddim(trailing(table, steps), 1), data, {data.mean_at(start), std::pow(data.deviation_at(start), 2)});
    REQUIRE_THAT(mean, WithinAbs(0.7, 1e-12));
    logs.push_back(std::log2(std::abs(variance - 0.16)));
  }
  REQUIRE_THAT((logs.front() - logs.back()) / 3, WithinAbs(1, 0.15));
}

TEST_CASE("DDIM in VE coordinates is Euler's rule", "[plan]")
{
  const auto grid = karras(edm_schedule{}, 10, {});
  const sampling_plan plan = ddim(grid);
  for (std::size_t k = 0; k < 10; ++k) {
    const double ratio = grid[k + 1].sigma / grid[k].sigma;
    REQUIRE_THAT(plan.steps[k].keep, WithinAbs(ratio, 1e-15));
    REQUIRE_THAT(plan.steps[k].model[0], WithinAbs(1 - ratio, 1e-15));
  }
}

TEST_CASE("first-order builders refuse what they cannot build", "[plan]")
{
  const vp_table table = linear_vp();
  const auto grid = trailing(table, 5);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (double eta : {-0.1, 1.1, nan}) REQUIRE_THROWS_WITH(ddim(grid, eta), ContainsSubstring("eta must lie in [0, 1]"));
  REQUIRE_THROWS_WITH(ddim(std::vector<noise_level>{}), ContainsSubstring("at least two levels"));
  REQUIRE_THROWS_WITH(ddim(std::vector<jump>{}), ContainsSubstring("at least one step"));
  REQUIRE_THROWS_WITH(ddim(std::vector<jump>{{table(10), table(20)}}), ContainsSubstring("less noise"));
  REQUIRE_THROWS_WITH(ddim(std::vector<jump>{{table(-1), table(-1)}}), ContainsSubstring("less noise"));
  REQUIRE_THROWS_WITH(diffusers_compatible(table, std::vector<double>{}), ContainsSubstring("[1, 1000]"));
}
