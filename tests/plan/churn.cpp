#include "fewstep/plan/churn.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/mixture.hpp"
#include "support/order.hpp"
#include "support/run.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

TEST_CASE("noise behind a row adds in quadrature and scales all that the row did", "[plan]")
{
  sampling_plan plan{.steps = {{.at = {1, 1, 1}, .keep = 0.5, .model = {0.25, 0.125}, .noise = 3, .last_noise = 2}}};
  add_noise(plan, 2, 8);
  const plan_step& row = plan.steps.front();
  REQUIRE(row.keep == 1);
  REQUIRE(row.model == std::array<double, max_history>{0.5, 0.25});
  REQUIRE(row.last_noise == 4);
  REQUIRE_THAT(row.noise, WithinRel(10, 1e-15));  // 6 and 8
  REQUIRE(plan.lift == 0);
}

TEST_CASE("noise before the first row is the lift, which cannot scale", "[plan]")
{
  sampling_plan plan;
  add_noise(plan, 1, 3);
  add_noise(plan, 1, 4);
  REQUIRE_THAT(plan.lift, WithinRel(5, 1e-15));
  REQUIRE_THROWS_WITH(add_noise(plan, 0.9, 1), ContainsSubstring("scale x by 0.9"));
}

TEST_CASE("a factor of noise multiplies every noise and nothing else", "[plan]")
{
  sampling_plan plan{.lift = 1, .steps = {{.keep = 2, .noise = 3}, {.keep = 4, .noise = 5, .last_noise = 6}}};
  const sampling_plan scaled = scaled_noise(plan, 0.5);
  REQUIRE(scaled.lift == 0.5);
  REQUIRE(scaled.steps[0] == plan_step{.keep = 2, .noise = 1.5});
  REQUIRE(scaled.steps[1] == plan_step{.keep = 4, .noise = 2.5, .last_noise = 3});
  REQUIRE_THROWS_WITH(scaled_noise(plan, -1), ContainsSubstring("not negative"));
}

TEST_CASE("a level is raised within its range only, ends included, and by at most the square root of two", "[plan]")
{
  const churn_options options{.churn = 2, .s_min = 1, .s_max = 3};
  REQUIRE_THAT(churn_factor(test::edm(3), 10, options), WithinRel(1.2, 1e-15));
  REQUIRE_THAT(churn_factor(test::edm(1), 10, options), WithinRel(1.2, 1e-15));
  REQUIRE(churn_factor(test::edm(3.1), 10, options) == 1);
  REQUIRE(churn_factor(test::edm(0.9), 10, options) == 1);
  REQUIRE_THAT(churn_factor(test::edm(2), 2, options), WithinRel(std::numbers::sqrt2, 1e-15));
}

TEST_CASE("Euler with churn does what EDM's Algorithm 2 does without its second stage", "[plan]")
{
  const auto grid = karras(test::edm, 8, {0.03, 14.6});
  const churn_options options{.churn = 2.4, .s_min = 0.1, .s_max = 50, .s_noise = 1.01};
  const auto z = [](std::size_t k) { return std::sin(3 * static_cast<double>(k) + 1); };

  double x = 5;
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
    double s = grid[k].sigma;
    if (s >= 0.1 && s <= 50) {
      const double raised = s * 1.3;  // 2.4 / 8
      x += 1.01 * std::sqrt(raised * raised - s * s) * z(k);
      s = raised;
    }
    x += (grid[k + 1].sigma - s) * (x - test::two_peaks(x, test::edm(s))) / s;
  }
  // the lift draws number 0, row k - 1 the noise before step k
  REQUIRE_THAT(test::run(euler(test::edm, grid, options), 5, test::two_peaks, z), WithinAbs(x, 1e-12));
}

TEST_CASE("without churn Euler is DDIM", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  const auto grid = trailing(table, 7);
  REQUIRE(euler(table, grid) == ddim(grid));
}

TEST_CASE("churned rows carry the law of a level into the raised one", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  REQUIRE(test::law_error(euler(test::edm, karras(test::edm, 10, {}), {.churn = 3})) < 1e-14);
  const auto grid = karras(table, 10);
  const sampling_plan plan = euler(table, grid, {.churn = 3, .s_max = 10});
  REQUIRE(test::law_error(plan) < 1e-14);
  REQUIRE(plan.steps[0].at == grid[0]);
  REQUIRE_THAT(noise_to_signal(plan.steps[3].at), WithinRel(1.3 * noise_to_signal(grid[3]), 1e-12));
}

TEST_CASE("sampling with churn converges to the variance of the data at first order", "[plan]")
{
  const auto build = [](const auto& grid) { return euler(test::ratio_schedule{}, grid, {.churn = 4}); };
  test::lambda_grid grid = test::gaussian_grid;
  grid.variance_preserving = false;
  REQUIRE_THAT(test::variance_order(build, grid), WithinAbs(1, 0.15));
}

TEST_CASE("churn that cannot be built is refused", "[plan]")
{
  const auto grid = test::edm_levels({2, 1, 0});
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (double bad : {-1.0, nan, infinity}) {
    REQUIRE_THROWS_WITH(euler(test::edm, grid, {.churn = bad}), ContainsSubstring("churn"));
    REQUIRE_THROWS_WITH(euler(test::edm, grid, {.s_noise = bad}), ContainsSubstring("s_noise"));
  }
  REQUIRE_THROWS_WITH(euler(test::edm, grid, {.s_min = -1}), ContainsSubstring("s_min"));
  REQUIRE_THROWS_WITH(euler(test::edm, grid, {.s_max = nan}), ContainsSubstring("s_max"));
  REQUIRE_THROWS_WITH(euler(test::edm, test::edm_levels({1, 2}), {}), ContainsSubstring("must fall"));
  const vp_table table = linear_vp();
  REQUIRE_THROWS_WITH(euler(table, trailing(table, 5), {.churn = 1}), ContainsSubstring("raised level"));
}
