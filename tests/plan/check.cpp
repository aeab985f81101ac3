#include "fewstep/plan/check.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <limits>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("a row that misses its level shows by how much", "[plan]")
{
  sampling_plan plan = ddim(trailing(linear_vp(), 5));
  plan.steps[2].model[0] += 0.01;
  plan.steps[3].noise = 0.1;
  const auto residuals = law_residuals(plan);
  REQUIRE_THAT(residuals[1].signal, WithinAbs(0, 1e-15));
  REQUIRE_THAT(residuals[2].signal, WithinAbs(0.01, 1e-15));
  REQUIRE_THAT(residuals[2].variance, WithinAbs(0, 1e-15));
  REQUIRE_THAT(residuals[3].variance, WithinAbs(0.01, 1e-15));
}

TEST_CASE("the same step obeys the law whatever its outputs stand for", "[plan]")
{
  // x' = alpha' D + sigma' eps, written with each kind of prediction
  const noise_level from{1, 0.6, 0.8}, to{0, 0.9, std::sqrt(1 - 0.81)};
  const double a = from.alpha, s = from.sigma, keep = to.sigma / s, data = to.alpha - keep * a;
  struct form {
    prediction kind;
    double keep, weight;
  };
  // D = of_x x + of_m m
  const form forms[] = {{prediction::data, keep, data},
                        {prediction::noise, keep + data / a, -data * s / a},
                        {prediction::velocity, keep + data * a, -data * s},
                        {prediction::score, keep + data / a, data * s * s / a},
                        {prediction::flow, keep + data / (a + s), -data * s / (a + s)}};
  for (const auto& [kind, of_x, of_output] : forms) {
    const sampling_plan plan{
        .predicts = kind, .start = from, .steps = {{.at = from, .keep = of_x, .model = {of_output}}}, .end = to};
    CAPTURE(static_cast<int>(kind));
    REQUIRE_THAT(law_residuals(plan)[0].signal, WithinAbs(0, 1e-15));
    REQUIRE_THAT(law_residuals(plan)[0].variance, WithinAbs(0, 1e-15));
  }
}

TEST_CASE("noise that is weighed again in the next row counts with what x already holds of it", "[plan]")
{
  // x1 = D + 0.3 z, x2 = 0.5 x1 + 0.5 D + 0.2 z: variance (0.5 * 0.3 + 0.2)^2
  sampling_plan plan{.start = {2, 1, 1},
                     .steps = {{.at = {2, 1, 1}, .keep = 0, .model = {1}, .noise = 0.3},
                               {.at = {1, 1, 0.3}, .keep = 0.5, .model = {0.5}, .last_noise = 0.2}},
                     .end = {0, 1, 0.35}};
  REQUIRE_THAT(law_residuals(plan)[1].variance, WithinAbs(0, 1e-16));
}

TEST_CASE("a plan from outside that cannot be run is refused by the row that is wrong", "[plan]")
{
  const sampling_plan good = ddim(trailing(linear_vp(), 5), 1);
  REQUIRE_NOTHROW(require_plan(good));
  const auto refusal = [&](auto change) {
    sampling_plan plan = good;
    change(plan);
    try {
      require_plan(plan);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REQUIRE_THAT(refusal([](auto& p) { p.steps.clear(); }), ContainsSubstring("no rows"));
  REQUIRE_THAT(refusal([=](auto& p) { p.steps[1].keep = nan; }),
               ContainsSubstring("row 1") && ContainsSubstring("not finite"));
  REQUIRE_THAT(refusal([=](auto& p) { p.steps[2].model[1] = nan; }),
               ContainsSubstring("row 2") && ContainsSubstring("output 1"));
  REQUIRE_THAT(refusal([=](auto& p) { p.steps[1].model[2] = 1; }),
               ContainsSubstring("row 1") && ContainsSubstring("before the start"));
  REQUIRE_THAT(refusal([=](auto& p) { p.steps[3].noise = nan; }), ContainsSubstring("row 3"));
  REQUIRE_THAT(refusal([=](auto& p) { p.steps[0].last_noise = 1; }), ContainsSubstring("noise of the row before"));
  REQUIRE_THAT(refusal([=](auto& p) { p.steps[4].at.sigma = -1; }), ContainsSubstring("sigma = -1"));
  REQUIRE_THAT(refusal([=](auto& p) { p.end.alpha = nan; }), ContainsSubstring("nan"));
  REQUIRE_THAT(refusal([=](auto& p) { p.lift = -1; }), ContainsSubstring("lift is -1"));
}
