#include "fewstep/plan/dpm_solver_singlestep.hpp"

#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/mixture.hpp"
#include "support/order.hpp"
#include "support/run.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using fewstep::test::normal;

namespace {

struct pair {
  double down, up;
};

/// k-diffusion's get_ancestral_step.
pair split(double s, double s_to, double eta)
{
  const double up = eta * std::sqrt(s_to * s_to * (s * s - s_to * s_to) / (s * s));
  return {std::sqrt(s_to * s_to - up * up), up};
}

}  // namespace

TEST_CASE("the rows of a 2S step are the ones worked out by hand", "[plan]")
{
  // sigma 4 to 1, middle 2: x_m = x / 2 + D_0 / 2; x' = x / 4 + 3/4 D_m = (x_m - D_0 / 2) / 2 + 3/4 D_m
  const sampling_plan plan = dpm_solver_pp_2s(test::edm, std::vector{test::edm(4), test::edm(1)});
  REQUIRE(plan.steps.size() == 2);
  REQUIRE_THAT(plan.steps[0].keep, WithinRel(0.5, 1e-14));
  REQUIRE_THAT(plan.steps[0].model[0], WithinRel(0.5, 1e-14));
  REQUIRE_THAT(plan.steps[1].at.sigma, WithinRel(2, 1e-14));
  REQUIRE_THAT(plan.steps[1].keep, WithinRel(0.5, 1e-14));
  REQUIRE_THAT(plan.steps[1].model[0], WithinRel(0.75, 1e-14));
  REQUIRE_THAT(plan.steps[1].model[1], WithinRel(-0.25, 1e-14));
}

TEST_CASE("the rows of a two-stage stochastic step are the ones worked out by hand", "[plan]")
{
  // sigma 4 to 1, middle 2, eta 1: down_1 = 1, up_1 = sqrt 3, x_m = x / 4 + 3/4 D_0 + sqrt 3 z_1;
  // down_2 = 1/4, up_2 = sqrt 15 / 4, x' = x / 16 + 15/16 D_m + up_2 z_2 with x / 16 = (x_m - 3/4 D_0 - sqrt 3 z_1) / 4
  const sampling_plan plan = dpm_solver_pp_sde(test::edm, std::vector{test::edm(4), test::edm(1)});
  REQUIRE_THAT(plan.steps[0].keep, WithinRel(0.25, 1e-13));
  REQUIRE_THAT(plan.steps[0].model[0], WithinRel(0.75, 1e-13));
  REQUIRE_THAT(plan.steps[0].noise, WithinRel(std::sqrt(3.0), 1e-13));
  REQUIRE_THAT(plan.steps[1].keep, WithinRel(0.25, 1e-13));
  REQUIRE_THAT(plan.steps[1].model[0], WithinRel(15.0 / 16, 1e-13));
  REQUIRE_THAT(plan.steps[1].model[1], WithinRel(-3.0 / 16, 1e-13));
  REQUIRE_THAT(plan.steps[1].last_noise, WithinRel(-std::sqrt(3.0) / 4, 1e-13));
  REQUIRE_THAT(plan.steps[1].noise, WithinRel(std::sqrt(15.0) / 4, 1e-13));
}

TEST_CASE("the plans do what k-diffusion's two-stage samplers do", "[plan]")
{
  const auto grid = karras(test::edm, 8, {0.03, 14.6});
  const double eta = 0.8, s_noise = 1.01;
  for (bool noise_in_both : {false, true})
    for (double r : {0.5, 0.3}) {
      double x = 9;
      for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
        const double s = grid[k].sigma, s_to = grid[k + 1].sigma, d = test::two_peaks(x, test::edm(s));
        if (s_to == 0) {
          x = d;
          continue;
        }
        const auto [down, up] = split(s, s_to, eta);
        const double goal = noise_in_both ? s_to : down, middle = s * std::pow(goal / s, r), f = 1 / (2 * r);
        const pair first = noise_in_both ? split(s, middle, eta) : pair{middle, 0};
        const double stage = first.down / s * x + (1 - first.down / s) * d + s_noise * first.up * normal(2 * k + 1);
        const double mixed = (1 - f) * d + f * test::two_peaks(stage, test::edm(middle));
        x = down / s * x + (1 - down / s) * mixed + s_noise * up * normal(2 * k + 2);
      }
      const sampling_plan plan = noise_in_both
                                     ? dpm_solver_pp_sde(test::edm, grid, {.middle = r, .eta = eta, .s_noise = s_noise})
                                     : dpm_solver_pp_2s(test::edm, grid, {.middle = r, .eta = eta, .s_noise = s_noise});
      REQUIRE_THAT(test::run(plan, 9, test::two_peaks, normal), WithinAbs(x, 1e-11));
    }
}

TEST_CASE("singlestep rows carry the law of each level into the next", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  const flow_schedule flow;
  const auto all = [](const auto& schedule, const auto& grid) {
    for (double eta : {0.0, 0.4, 1.0})
      for (double middle : {0.3, 0.5}) {
        REQUIRE(test::law_error(dpm_solver_pp_2s(schedule, grid, {.middle = middle, .eta = eta})) < 1e-12);
        REQUIRE(test::law_error(dpm_solver_pp_sde(schedule, grid, {.middle = middle, .eta = eta})) < 1e-12);
      }
  };
  all(table, trailing(table, 10));
  all(table, trailing(table, 5, grid_end::first_level));
  all(test::edm, karras(test::edm, 10, {}));
  all(flow, grid_at_sigmas(flow, karras_sigmas(7, {0.02, 50})));
}

TEST_CASE("2S converges to the flow at second order", "[plan]")
{
  for (double middle : {0.3, 0.5, 0.8}) {
    const auto plan = [=](const auto& grid) {
      return dpm_solver_pp_2s(test::ratio_schedule{grid.front().alpha != 1}, grid, {.middle = middle});
    };
    REQUIRE_THAT(test::lowest_order(plan), WithinAbs(2, 0.15));
    REQUIRE_THAT(test::highest_order(plan), WithinAbs(2, 0.15));
  }
}

TEST_CASE("ancestral 2S converges to the law of the data at second order, the two-stage SDE at first", "[plan]")
{
  const test::ratio_schedule vp{true};
  for (double eta : {0.5, 1.0}) {
    const auto two = [&](const auto& grid) { return dpm_solver_pp_2s(vp, grid, {.eta = eta}); };
    const auto sde = [&](const auto& grid) { return dpm_solver_pp_sde(vp, grid, {.eta = eta}); };
    REQUIRE_THAT(test::variance_order(two), WithinAbs(2, 0.15));
    REQUIRE_THAT(test::variance_order(sde), WithinAbs(1, 0.15));
    const sampling_plan plan = sde(test::gaussian_grid(20));
    REQUIRE_THAT(test::end_moments(plan, {}).mean, WithinAbs(test::gaussian{}.mean_at(plan.end), 1e-12));
  }
}

TEST_CASE("without noise both are the same plan", "[plan]")
{
  const auto grid = karras(test::edm, 8, {});
  const sampling_plan two = dpm_solver_pp_2s(test::edm, grid), sde = dpm_solver_pp_sde(test::edm, grid, {.eta = 0});
  REQUIRE_FALSE(is_stochastic(two));
  REQUIRE_FALSE(is_stochastic(sde));
  for (std::size_t k = 0; k < two.steps.size(); ++k) {
    REQUIRE_THAT(two.steps[k].keep, WithinAbs(sde.steps[k].keep, 1e-14));
    REQUIRE_THAT(two.steps[k].model[0], WithinAbs(sde.steps[k].model[0], 1e-14));
    REQUIRE_THAT(two.steps[k].model[1], WithinAbs(sde.steps[k].model[1], 1e-14));
  }
}

TEST_CASE("singlestep builders refuse what they cannot build", "[plan]")
{
  const auto grid = karras(test::edm, 3, {});
  for (double middle : {0.0, 1.0, -1.0})
    REQUIRE_THROWS_WITH(dpm_solver_pp_2s(test::edm, grid, {.middle = middle}), ContainsSubstring("(0, 1)"));
  REQUIRE_THROWS_WITH(dpm_solver_pp_sde(test::edm, grid, {.eta = 2}), ContainsSubstring("eta"));
  REQUIRE_THROWS_WITH(dpm_solver_pp_sde(test::edm, grid, {.s_noise = -2}), ContainsSubstring("s_noise"));
  const flow_schedule flow;
  const std::vector<noise_level> pure{flow(1), flow(0.5)};
  REQUIRE_THROWS_WITH(dpm_solver_pp_2s(flow, pure), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(dpm_solver_pp_sde(flow, pure), ContainsSubstring("divides by alpha"));
}
