#include "fewstep/plan/diffusers_euler.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/mixture.hpp"
#include "support/run.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

namespace {

struct scalings {
  double skip, out;
};

scalings scaled(prediction kind, double sigma, double sigma_data)
{
  const double d = sigma_data * sigma_data, s = sigma * sigma;
  if (sigma_data > 0) {
    const double out = sigma * sigma_data / std::sqrt(s + d);
    return {d / (s + d), kind == prediction::noise ? out : -out};
  }
  if (kind == prediction::noise) return {1, -sigma};
  if (kind == prediction::velocity) return {1 / (s + 1), -sigma / std::sqrt(s + 1)};
  return {0, 1};
}

}  // namespace

TEST_CASE("churn as in diffusers' Euler steps a network that never sees the noise", "[plan]")
{
  const auto grid = karras(test::edm, 6, {0.05, 20});
  const churn_options options{.churn = 1.5, .s_min = 0.1, .s_max = 10, .s_noise = 1.01};
  const auto normal = [](std::size_t k) { return std::sin(3 * static_cast<double>(k) + 1); };
  for (double sigma_data : {0.0, 0.5})
    for (auto kind : {prediction::noise, prediction::velocity, prediction::data}) {
      if (sigma_data > 0 && kind == prediction::data) continue;
      double x = 7;
      for (std::size_t k = 0; k < 6; ++k) {
        const double s = grid[k].sigma, hat = s >= 0.1 && s <= 10 ? s * 1.25 : s;
        const scalings here = scaled(kind, s, sigma_data);
        const double network = (test::two_peaks(x, grid[k]) - here.skip * x) / here.out;
        const double churned = x + 1.01 * std::sqrt(hat * hat - s * s) * normal(k + 1);
        const bool at_sigma = sigma_data == 0 && kind == prediction::velocity;
        const scalings after = at_sigma ? here : scaled(kind, hat, sigma_data);
        const double predicted = after.skip * churned + after.out * network;
        x = churned + (grid[k + 1].sigma - hat) * (churned - predicted) / hat;
      }
      const sampling_plan plan = diffusers_euler(grid, options, kind, sigma_data);
      REQUIRE_THAT(test::run(plan, 7, test::two_peaks, normal), WithinAbs(x, 1e-12));
    }
}

TEST_CASE("without churn diffusers' Euler is DDIM", "[plan]")
{
  const auto grid = karras(test::edm, 6, {});
  const sampling_plan plan = ddim(grid);
  for (auto kind : {prediction::noise, prediction::velocity, prediction::data}) {
    const sampling_plan same = diffusers_euler(grid, {}, kind);
    for (std::size_t k = 0; k < 6; ++k) {
      REQUIRE_THAT(same.steps[k].keep, WithinAbs(plan.steps[k].keep, 1e-14));
      REQUIRE_THAT(same.steps[k].model[0], WithinAbs(plan.steps[k].model[0], 1e-14));
      REQUIRE(same.steps[k].noise == 0);
    }
  }
}

TEST_CASE("diffusers' Euler refuses other networks, other coordinates and bad churn", "[plan]")
{
  const auto grid = karras(test::edm, 3, {});
  REQUIRE_THROWS_WITH(diffusers_euler(grid, {}, prediction::flow), ContainsSubstring("networks of noise"));
  REQUIRE_THROWS_WITH(diffusers_euler(grid, {}, prediction::data, 0.5), ContainsSubstring("networks of noise"));
  REQUIRE_THROWS_WITH(diffusers_euler(grid, {.churn = -1}, prediction::noise), ContainsSubstring("churn"));
  REQUIRE_THROWS_WITH(diffusers_euler(trailing(linear_vp(), 3), {}, prediction::noise),
                      ContainsSubstring("alpha is 1"));
}
