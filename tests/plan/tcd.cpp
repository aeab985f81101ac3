#include "fewstep/plan/tcd.hpp"

#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/plan/consistency.hpp"
#include "fewstep/plan/lcm.hpp"
#include "fewstep/plan/phased.hpp"
#include "fewstep/sample.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"
#include "support/laws.hpp"
#include "support/mixture.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("TCD's rows are those of its scheduler", "[tcd]")
{
  // x' = kx x + kP P + kz z of TCDScheduler with 4 steps, gamma 0.3
  struct row {
    double kx, kP, kz;
  };
  const std::vector<row> official{{.4114137750, .2004163582, .8827879427},
                                  {.5325044422, .4052656327, .6734797085},
                                  {.5033349352, .5465439089, .3975234926},
                                  {.0499248409, .9590472680, 0}};
  const sampling_plan plan = tcd(scaled_linear_vp(), lcm_times(1000, 4));
  REQUIRE(plan.steps.size() == 4);
  for (std::size_t k = 0; k < 4; ++k) {
    REQUIRE_THAT(plan.steps[k].keep, WithinAbs(official[k].kx, 6e-11));
    REQUIRE_THAT(plan.steps[k].model[0], WithinAbs(official[k].kP, 6e-11));
    REQUIRE_THAT(plan.steps[k].noise, WithinAbs(official[k].kz, 6e-11));
  }
  REQUIRE(plan.end == scaled_linear_vp()(0));
}

TEST_CASE("TCD carries the law of levels for every gamma and rule of times", "[tcd]")
{
  const vp_table table = scaled_linear_vp();
  for (double gamma : {0.0, 0.2, 0.3, 0.77, 1.0})
    for (std::size_t original : std::vector<std::size_t>{50, 1000})
      for (std::size_t steps : std::vector<std::size_t>{1, 4, 7, 50})
        REQUIRE(test::law_error(tcd(table, lcm_times(1000, steps, {.original_steps = original}), gamma), 1) < 1e-15);
}

TEST_CASE("TCD without noise is phased sampling on the same edges", "[tcd]")
{
  const vp_table table = scaled_linear_vp();
  const sampling_plan without = tcd(table, lcm_times(1000, 4), 0);
  const sampling_plan deterministic = phased(pcm_sd15(4, pcm_times::demo));
  REQUIRE(without.steps.size() == deterministic.steps.size());
  for (std::size_t k = 0; k < without.steps.size(); ++k) {
    REQUIRE(without.steps[k].noise == 0);
    REQUIRE_THAT(without.steps[k].keep, WithinAbs(deterministic.steps[k].keep, 1e-12));
    REQUIRE_THAT(without.steps[k].model[0], WithinAbs(deterministic.steps[k].model[0], 1e-12));
  }
}

TEST_CASE("TCD with gamma 1 is LCM up to the noise of time 0", "[tcd]")
{
  const vp_table table = scaled_linear_vp();
  const noise_level first = table(0);
  const sampling_plan all = tcd(table, lcm_times(1000, 4), 1), forgets = lcm(table, lcm_times(1000, 4));
  for (std::size_t k = 0; k < 3; ++k) {
    // what is left of x is the part of its noise that time 0 holds
    const double left = forgets.steps[k + 1].at.alpha / first.alpha * first.sigma;
    REQUIRE_THAT(all.steps[k].keep * all.steps[k].at.sigma, WithinAbs(left, 1e-14));
    REQUIRE_THAT(all.steps[k].noise, WithinAbs(std::sqrt(std::pow(forgets.steps[k].noise, 2) - left * left), 1e-14));
  }
}

TEST_CASE("CTM without noise is deterministic, and with gamma 1 multistep consistency sampling", "[tcd]")
{
  const auto grid = test::edm_levels({80, 5, 0.6, 0.002});
  REQUIRE(ctm(grid, 0) == ddim(grid));

  // the consistency function of a CTM network g is its jump to the end
  const auto g = [](double x, const noise_level& at) { return std::tanh(x / at.sigma) * 0.9; };
  const auto f = [&](double x, const noise_level& at) {
    const double part = 0.002 / at.sigma;
    return part * x + (1 - part) * g(x, at);
  };
  const auto normal = [](double, const evaluation& at) { return 0.4 - 0.7 * static_cast<double>(at.row); };
  REQUIRE_THAT(sample(ctm(grid, 1), 33.0, g, normal), WithinAbs(sample(consistency(grid), 33.0, f, normal), 1e-12));
}

TEST_CASE("CTM's rows are those of the official code", "[tcd]")
{
  const auto grid = test::edm_levels({80, 5, 2});
  const sampling_plan plan = ctm(grid, 0.6);
  const double s = 0.8 * (5 - 2.0) + 2;  // sqrt(1 - gamma^2) (t' - epsilon) + epsilon
  REQUIRE_THAT(plan.steps[0].keep, WithinAbs(s / 80, 1e-15));
  REQUIRE_THAT(plan.steps[0].model[0], WithinAbs(1 - s / 80, 1e-15));
  REQUIRE_THAT(plan.steps[0].noise, WithinAbs(std::sqrt(25 - s * s), 1e-14));
  REQUIRE(plan.steps[1].noise == 0);
  REQUIRE_THAT(ctm_targets(grid, 0.6)[0], WithinAbs(s, 1e-15));
  REQUIRE(ctm_targets(grid, 0.6)[1] == 2);
  REQUIRE(test::law_error(plan, 1) < 1e-14);
  // on a grid that goes to the data it is the paper's: s = sqrt(1 - gamma^2) t'
  REQUIRE_THAT(ctm_targets(test::edm_levels({80, 5, 0}), 0.6)[0], WithinAbs(4, 1e-15));
}

TEST_CASE("an exact CTM network keeps the marginals for every gamma", "[tcd]")
{
  const auto grid = test::edm_levels({80, 24, 3, 0.5, 0.002});
  const test::gaussian data{.mean = 0.7, .deviation = 0.5};
  // g such that (s / t) x + (1 - s / t) g is the flow from t to s, the network's second time
  const auto exact = [&](double x, const evaluation& at) {
    const double part = at.target / at.sigma;
    return (data.flow(x, at, edm_schedule{}(at.target)) - part * x) / (1 - part);
  };
  for (double gamma : {0.0, 0.3, 0.8, 1.0}) {
    const sampling_plan plan = ctm(grid, gamma);
    auto told = with_targets(exact, ctm_targets(grid, gamma));
    // the run is linear in x and in each z: its slopes give the variance
    auto run = [&](double x, std::size_t drawn) {
      return sample(plan, x, told, [=](double, const evaluation& at) { return at.row == drawn ? 1.0 : 0.0; });
    };
    const double mean = run(data.mean, 99), slope = run(data.mean + 1, 99) - mean;
    double variance = slope * slope * std::pow(data.deviation_at(grid.front()), 2);
    for (std::size_t row = 0; row < plan.steps.size(); ++row)
      if (plan.steps[row].noise != 0) variance += std::pow(run(data.mean, row) - mean, 2);
    REQUIRE_THAT(mean, WithinAbs(data.mean, 1e-12));
    REQUIRE_THAT(variance, WithinAbs(std::pow(data.deviation_at(grid.back()), 2), 1e-12));
  }
}

TEST_CASE("trajectory samplers refuse gamma out of range and times that rise", "[tcd]")
{
  const vp_table table = scaled_linear_vp();
  const auto grid = test::edm_levels({80, 1});
  for (double gamma : {-0.1, 1.1, double{NAN}}) {
    REQUIRE_THROWS_WITH(tcd(table, std::vector<double>{999}, gamma), ContainsSubstring("gamma"));
    REQUIRE_THROWS_WITH(ctm(grid, gamma), ContainsSubstring("gamma"));
    REQUIRE_THROWS_WITH(ctm_targets(grid, gamma), ContainsSubstring("gamma"));
  }
  REQUIRE_THROWS_WITH(tcd(table, std::vector<double>{499, 999}),
                      ContainsSubstring("499.0") && ContainsSubstring("999.0"));
  REQUIRE_THROWS_AS(tcd(table, std::vector<double>{499, 499}), std::invalid_argument);
  REQUIRE_THROWS_AS(tcd(table, std::vector<double>{1000}), std::invalid_argument);
  REQUIRE_THROWS_AS(tcd(table, std::vector<double>{-1}), std::invalid_argument);
  REQUIRE_THROWS_AS(tcd(table, std::vector<double>{}), std::invalid_argument);
  REQUIRE_THROWS_AS(ctm(test::edm_levels({1, 80}), 0.5), std::invalid_argument);
}
