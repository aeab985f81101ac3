#include "fewstep/plan/heun.hpp"

#include "fewstep/plan/ddim.hpp"
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

double slope(double x, double s)
{
  return (x - test::two_peaks(x, test::edm(s))) / s;
}

}  // namespace

TEST_CASE("the rows of Heun's step are the ones worked out by hand", "[plan]")
{
  // s = 1 to s' = 1/4. Euler: keep 0.4, D 0.6. Then x + alpha' / 2 (s / s' - 1) (D_1 - D_0) = x + 1.2 (D_1 - D_0)
  const noise_level from{2, 0.5, 0.5}, to{1, 0.8, 0.2};
  const sampling_plan plan = heun(std::vector{from, to});
  REQUIRE(plan.steps.size() == 2);
  REQUIRE_THAT(plan.steps[0].keep, WithinRel(0.4, 1e-15));
  REQUIRE_THAT(plan.steps[0].model[0], WithinRel(0.6, 1e-15));
  REQUIRE(plan.steps[1].at == to);
  REQUIRE_THAT(plan.steps[1].keep, WithinRel(1, 1e-15));
  REQUIRE_THAT(plan.steps[1].model[0], WithinRel(1.2, 1e-14));
  REQUIRE_THAT(plan.steps[1].model[1], WithinRel(-1.2, 1e-14));
}

TEST_CASE("Heun's plan does what EDM's Algorithm 1 does", "[plan]")
{
  const auto grid = karras(test::edm, 9, {});
  double x = 60;
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
    const double s = grid[k].sigma, s_to = grid[k + 1].sigma, d = slope(x, s), ahead = x + (s_to - s) * d;
    x = s_to == 0 ? ahead : x + (s_to - s) * (d + slope(ahead, s_to)) / 2;
  }
  const sampling_plan plan = heun(grid);
  REQUIRE(plan.steps.size() == 17);
  REQUIRE_THAT(test::run(plan, 60, test::two_peaks), WithinAbs(x, 1e-12));
}

TEST_CASE("Heun's plan with churn does what EDM's Algorithm 2 does", "[plan]")
{
  const auto grid = karras(test::edm, 9, {});
  double x = 60;
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
    double s = grid[k].sigma;
    if (s >= 0.05 && s <= 100) {
      const double raised = s * (1 + 1.8 / 9);
      // drawn by the lift (0) and by the second row of each step (2 k)
      x += 1.003 * std::sqrt(raised * raised - s * s) * normal(2 * k);
      s = raised;
    }
    const double s_to = grid[k + 1].sigma, d = slope(x, s), ahead = x + (s_to - s) * d;
    x = s_to == 0 ? ahead : x + (s_to - s) * (d + slope(ahead, s_to)) / 2;
  }
  const sampling_plan plan = heun(test::edm, grid, {.churn = 1.8, .s_min = 0.05, .s_max = 100, .s_noise = 1.003});
  REQUIRE_THAT(test::run(plan, 60, test::two_peaks, normal), WithinAbs(x, 1e-12));
  REQUIRE(heun(test::edm, grid, {}) == heun(grid));
}

TEST_CASE("the plan of DPM-2 does what k-diffusion's sampler does", "[plan]")
{
  const auto grid = karras(test::edm, 9, {});
  for (bool ancestral : {false, true}) {
    double x = 60;
    for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
      const double s = grid[k].sigma, s_to = grid[k + 1].sigma;
      const double up = ancestral ? 0.7 * std::sqrt(s_to * s_to * (s * s - s_to * s_to) / (s * s)) : 0;
      const double down = std::sqrt(s_to * s_to - up * up), middle = std::exp((std::log(s) + std::log(down)) / 2);
      if (s_to == 0) {
        x -= s * slope(x, s);
        continue;
      }
      x += (down - s) * slope(x + (middle - s) * slope(x, s), middle);
      x += 1.01 * up * normal(2 * k + 2);  // drawn by the second row of each step
    }
    const sampling_plan plan = ancestral ? dpm_2_ancestral(test::edm, grid, 0.7, 1.01) : dpm_2(test::edm, grid);
    REQUIRE_THAT(test::run(plan, 60, test::two_peaks, normal), WithinAbs(x, 1e-11));
  }
}

TEST_CASE("plans of two stages carry the law of each level into the next", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  const flow_schedule flow;
  const std::vector<double> sigmas = karras_sigmas(7, {0.02, 50});
  const auto all = [](const auto& schedule, const auto& grid) {
    for (double eta : {0.0, 0.3, 1.0}) REQUIRE(test::law_error(dpm_2_ancestral(schedule, grid, eta)) < 1e-13);
    REQUIRE(test::law_error(heun(grid)) < 1e-14);
    REQUIRE(test::law_error(heun(schedule, grid, {.churn = 2, .s_max = 0.9 * noise_to_signal(grid[0])})) < 1e-14);
    REQUIRE(test::law_error(dpm_2(schedule, grid)) < 1e-14);
  };
  all(table, trailing(table, 10));
  all(table, karras(table, 10));
  all(table, trailing(table, 6, grid_end::first_level));
  all(test::edm, karras(test::edm, 10, {}));
  all(flow, grid_at_sigmas(flow, sigmas));
}

TEST_CASE("Heun and DPM-2 converge to the flow at second order", "[plan]")
{
  const auto midpoint = [](const auto& grid) { return dpm_2(test::ratio_schedule{grid.front().alpha != 1}, grid); };
  const auto mean = [](const auto& grid) { return heun(grid); };
  REQUIRE_THAT(test::lowest_order(mean), WithinAbs(2, 0.15));
  REQUIRE_THAT(test::highest_order(mean), WithinAbs(2, 0.15));
  REQUIRE_THAT(test::lowest_order(midpoint), WithinAbs(2, 0.15));
  REQUIRE_THAT(test::highest_order(midpoint), WithinAbs(2, 0.15));
}

TEST_CASE("on the mixture Heun and DPM-2 err as measured elsewhere", "[plan]")
{
  // two digits each, from another implementation of the same samplers on the same problem
  struct measured {
    std::size_t steps;
    double heun, dpm_2;
  };
  for (const auto& [steps, of_heun, of_dpm_2] :
       {measured{8, 5.5e-2, 2.8e-2}, {32, 3.0e-3, 1.2e-3}, {128, 1.8e-4, 6.8e-5}, {512, 1.1e-5, 4.2e-6}}) {
    const auto grid = test::mixture_grid(steps);
    REQUIRE_THAT(test::flow_error(heun(grid), test::two_peaks), WithinRel(of_heun, 0.05));
    REQUIRE_THAT(test::flow_error(dpm_2(test::ratio_schedule{}, grid), test::two_peaks), WithinRel(of_dpm_2, 0.05));
  }
}

TEST_CASE("a thousand of Heun's steps find the consistency function of normal data", "[plan]")
{
  const auto reached = [](double x, double from) {
    std::vector<noise_level> grid = karras(test::edm, 1001, {.sigma_min = 0.002, .sigma_max = from});
    grid.pop_back();  // stop at sigma = 0.002
    const sampling_plan plan = heun(grid);
    REQUIRE(plan.steps.size() == 2000);
    return test::run(plan, x, test::gaussian{.mean = 0.7, .deviation = 0.5});
  };
  REQUIRE_THAT(reached(2, 1), WithinAbs(1.281382325153, 1e-6));
  REQUIRE_THAT(reached(-60, 80), WithinAbs(.320629374522, 1e-5));
}

TEST_CASE("stochastic plans of two stages converge to the law of the data at second order", "[plan]")
{
  const test::ratio_schedule vp{true};
  const auto ancestral = [&](const auto& grid) { return dpm_2_ancestral(vp, grid); };
  REQUIRE_THAT(test::variance_order(ancestral), WithinAbs(2, 0.15));
  const auto churned = [&](const auto& grid) {
    return heun(vp, grid, {.churn = 4, .s_max = 0.99 * noise_to_signal(grid[0])});
  };
  REQUIRE_THAT(test::variance_order(churned), WithinAbs(2, 0.15));
  const sampling_plan plan = ancestral(test::gaussian_grid(32));
  const double mean = test::gaussian{}.mean_at(plan.end);
  REQUIRE_THAT(test::end_moments(plan, {}).mean, WithinAbs(mean, 1e-13));
}

TEST_CASE("an ancestral step makes up in noise what it goes too far down", "[plan]")
{
  const auto [down, up] = ancestral(5, 3, 1);
  REQUIRE_THAT(up, WithinRel(2.4, 1e-15));  // 3 * 4 / 5
  REQUIRE_THAT(down, WithinRel(1.8, 1e-15));
  const ancestral_step none = ancestral(5, 3, 0);
  REQUIRE(none.down == 3);
  REQUIRE(none.up == 0);
  const ancestral_step part = ancestral(5, 3, 0.6);
  REQUIRE_THAT(std::hypot(part.down, part.up), WithinRel(3, 1e-15));
}

TEST_CASE("Euler ancestral is DDIM, whatever eta", "[plan]")
{
  const auto grid = karras(test::edm, 9, {});
  for (double eta : {0.0, 0.3, 1.0}) {
    const sampling_plan plan = ddim(grid, eta);
    for (std::size_t k = 0; k < 9; ++k) {
      const auto [down, up] = ancestral(grid[k].sigma, grid[k + 1].sigma, eta);
      REQUIRE_THAT(plan.steps[k].noise, WithinAbs(up, 1e-12));
      REQUIRE_THAT(plan.steps[k].keep, WithinAbs(down / grid[k].sigma, 1e-12));
      REQUIRE_THAT(plan.steps[k].model[0], WithinAbs(1 - down / grid[k].sigma, 1e-12));
    }
  }
}

TEST_CASE("two-stage builders refuse what they cannot build", "[plan]")
{
  const flow_schedule flow;
  const std::vector<noise_level> pure{flow(1), flow(0.5), flow(0)}, rising{test::edm(1), test::edm(2)};
  REQUIRE_THROWS_WITH(heun(pure), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(heun(flow, pure, {.churn = 1}), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(dpm_2(flow, pure), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(dpm_2_ancestral(flow, pure), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(heun(rising), ContainsSubstring("must fall"));
  REQUIRE_THROWS_WITH(heun(std::vector<noise_level>{}), ContainsSubstring("at least two levels"));
  const auto grid = karras(test::edm, 3, {});
  REQUIRE_THROWS_WITH(dpm_2_ancestral(test::edm, grid, 1.1), ContainsSubstring("eta"));
  REQUIRE_THROWS_WITH(dpm_2_ancestral(test::edm, grid, 1, -1), ContainsSubstring("s_noise"));
}
