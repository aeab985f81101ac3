#include "fewstep/plan/runge_kutta.hpp"

#include "fewstep/plan/heun.hpp"
#include "fewstep/schedule/sigma_grids.hpp"
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

namespace {

std::vector<double> evenly_in_time(double from, double to, std::size_t steps)
{
  std::vector<double> times;
  for (std::size_t k = 0; k <= steps; ++k)
    times.push_back(from + (to - from) * static_cast<double>(k) / static_cast<double>(steps));
  return times;
}

/// Algorithm 3 as it is written: x and both slopes kept.
template <class S>
double algorithm_3(const S& schedule, const std::vector<double>& times, double a, double x)
{
  const auto slope = [&](double at_x, double t) {
    const noise_level at = schedule(t);
    const level_rates rate = rates(schedule, t);
    const double d = test::two_peaks(at_x, at);
    return rate.alpha * d + rate.sigma * (at_x - at.alpha * d) / at.sigma;
  };
  for (std::size_t k = 0; k + 1 < times.size(); ++k) {
    const double h = times[k + 1] - times[k], d = slope(x, times[k]);
    if (k + 2 == times.size())
      x += h * d;
    else
      x += h * ((1 - 1 / (2 * a)) * d + slope(x + a * h * d, times[k] + a * h) / (2 * a));
  }
  return x;
}

}  // namespace

TEST_CASE("rows do what the general second-order rule does in each schedule's time", "[plan]")
{
  for (double a : {0.5, 2.0 / 3, 1.0}) {
    const auto vp_times = evenly_in_time(1, 0.001, 12);
    REQUIRE_THAT(test::run(runge_kutta(continuous_vp{}, vp_times, {.alpha = a}), 0.8, test::two_peaks),
                 WithinAbs(algorithm_3(continuous_vp{}, vp_times, a, 0.8), 1e-12));
    const std::vector<double> ve_times{400, 150, 50, 15, 4, 1, 0.2, 0.01};
    REQUIRE_THAT(test::run(runge_kutta(continuous_ve{}, ve_times, {.alpha = a}), 20, test::two_peaks),
                 WithinAbs(algorithm_3(continuous_ve{}, ve_times, a, 20), 1e-12));
  }
}

TEST_CASE("in EDM's time the rule with both ends is Heun's, row by row", "[plan]")
{
  std::vector<double> times = karras_sigmas(8);
  times.push_back(0);
  const churn_options churn{.churn = 2, .s_min = 0.05, .s_max = 50, .s_noise = 1.003};
  const sampling_plan plan = runge_kutta(test::edm, times, {.churn = churn}),
                      same = heun(test::edm, karras(test::edm, 8, {}), churn);
  REQUIRE(plan.steps.size() == same.steps.size());
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    REQUIRE(plan.steps[k].at == same.steps[k].at);
    REQUIRE_THAT(plan.steps[k].keep, WithinAbs(same.steps[k].keep, 1e-13));
    REQUIRE_THAT(plan.steps[k].model[0], WithinAbs(same.steps[k].model[0], 1e-13));
    REQUIRE_THAT(plan.steps[k].model[1], WithinAbs(same.steps[k].model[1], 1e-13));
    REQUIRE_THAT(plan.steps[k].noise, WithinAbs(same.steps[k].noise, 1e-13));
  }
}

TEST_CASE("where sigma and alpha are linear in time the rows carry the law", "[plan]")
{
  for (double a : {0.5, 2.0 / 3, 1.0}) {
    REQUIRE(test::law_error(runge_kutta(edm_schedule{}, karras_sigmas(9), {.alpha = a})) < 1e-13);
    // flows may start from pure noise, where alpha is 0
    REQUIRE(test::law_error(runge_kutta(flow_schedule{}, evenly_in_time(1, 0, 9), {.alpha = a})) < 1e-13);
  }
}

TEST_CASE("a row of the midpoint rule on a flow is the one worked out by hand", "[plan]")
{
  // s = 1 to 1/2, middle 3/4, dx/ds = (x - D) / s: x_m = 3/4 x + 1/4 D_0, then x = (4 x_m - D_0) / 3 and
  // x' = x - 1/2 (x_m - D_m) / (3/4) = 2/3 x_m - 1/3 D_0 + 2/3 D_m
  const sampling_plan plan = runge_kutta(flow_schedule{}, std::vector{1.0, 0.5, 0.0}, {.alpha = 0.5});
  REQUIRE(plan.steps.size() == 3);
  REQUIRE_THAT(plan.steps[0].keep, WithinRel(0.75, 1e-15));
  REQUIRE_THAT(plan.steps[0].model[0], WithinRel(0.25, 1e-15));
  REQUIRE(plan.steps[1].at == flow_schedule{}(0.75));
  REQUIRE_THAT(plan.steps[1].keep, WithinRel(2.0 / 3, 1e-15));
  REQUIRE_THAT(plan.steps[1].model[0], WithinRel(2.0 / 3, 1e-15));
  REQUIRE_THAT(plan.steps[1].model[1], WithinRel(-1.0 / 3, 1e-15));
  REQUIRE_THAT(plan.steps[2].keep, WithinAbs(0, 1e-15));
}

TEST_CASE("the order is the number of stages, in curved time too", "[plan]")
{
  // the last step is Euler's, so the runs stop before it: the grid has one time more than is compared
  const continuous_vp vp;
  const auto error = [&](std::size_t stages, double a, std::size_t steps) {
    auto times = evenly_in_time(0.9, 0.1, steps);
    times.push_back(0.05);
    sampling_plan plan = runge_kutta(vp, times, {.stages = stages, .alpha = a});
    plan.end = plan.steps.back().at;
    plan.steps.pop_back();
    return test::flow_error(plan, test::two_peaks);
  };
  for (double a : {0.5, 2.0 / 3, 1.0})
    REQUIRE_THAT(std::log2(error(2, a, 128) / error(2, a, 512)) / 2, WithinAbs(2, 0.15));
  REQUIRE_THAT(std::log2(error(1, 1, 128) / error(1, 1, 512)) / 2, WithinAbs(1, 0.15));
}

TEST_CASE("Runge-Kutta options out of range are refused", "[plan]")
{
  const std::vector<double> times{1, 0.5, 0};
  REQUIRE_THROWS_WITH(runge_kutta(edm_schedule{}, times, {.stages = 3}), ContainsSubstring("1 or 2 stages"));
  REQUIRE_THROWS_WITH(runge_kutta(edm_schedule{}, times, {.alpha = 0}), ContainsSubstring("(0, 1]"));
  REQUIRE_THROWS_WITH(runge_kutta(edm_schedule{}, times, {.alpha = 1.1}), ContainsSubstring("(0, 1]"));
  REQUIRE_THROWS_WITH(runge_kutta(edm_schedule{}, std::vector{0.5, 1.0}), ContainsSubstring("must fall"));
  REQUIRE_THROWS_WITH(runge_kutta(edm_schedule{}, times, {.churn = {.churn = -1}}), ContainsSubstring("churn"));
}
