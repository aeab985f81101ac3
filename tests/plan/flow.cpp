#include "fewstep/plan/flow.hpp"

#include "fewstep/plan/check.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("the shift of a flow keeps its ends and moves the middle up", "[flow]")
{
  for (double shift : {0.5, 1.0, 3.0}) {
    REQUIRE(shifted(0, shift) == 0);
    REQUIRE_THAT(shifted(1, shift), WithinAbs(1, 1e-15));
  }
  REQUIRE(shifted(0.3, 1) == 0.3);
  REQUIRE_THAT(shifted(0.25, 3), WithinAbs(0.5, 1e-15));
  REQUIRE_THAT(shifted(0.5, 3), WithinAbs(0.75, 1e-15));
  // the shift multiplies the ratio of noise to signal
  REQUIRE_THAT(noise_to_signal(flow_schedule{}(shifted(0.4, 3))),
               WithinAbs(3 * noise_to_signal(flow_schedule{}(0.4)), 1e-14));
}

TEST_CASE("the dynamic shift is the exponential one, linear in the length of the sequence", "[flow]")
{
  REQUIRE_THAT(dynamic_shift(256), WithinAbs(std::exp(0.5), 1e-14));
  REQUIRE_THAT(dynamic_shift(4096), WithinAbs(std::exp(1.15), 1e-14));
  REQUIRE_THAT(dynamic_shift(2176), WithinAbs(std::exp(0.825), 1e-14));  // half way
  const double mu = 0.9, s = 0.35;
  REQUIRE_THAT(shifted(s, std::exp(mu)), WithinAbs(std::exp(mu) / (std::exp(mu) + 1 / s - 1), 1e-15));
}

TEST_CASE("a flow's grid runs evenly from noise to data before it is shifted", "[flow]")
{
  const auto grid = flow_grid(4, {.shift = 3});
  const std::vector<double> expected{1, 0.9, 0.75, 0.5, 0};
  REQUIRE(grid.size() == 5);
  for (std::size_t k = 0; k < 5; ++k) {
    REQUIRE_THAT(grid[k].sigma, WithinAbs(expected[k], 1e-15));
    REQUIRE_THAT(grid[k].alpha, WithinAbs(1 - expected[k], 1e-15));
  }
  const auto ends_before = flow_grid(3, {.last = 0.2});
  REQUIRE_THAT(ends_before[1].sigma, WithinAbs(0.6, 1e-15));
  REQUIRE(ends_before[2].sigma == 0.2);
  REQUIRE(ends_before[3] == flow_schedule::data_level());
  REQUIRE(flow_grid(1, {.last = 0.001}).size() == 2);
}

TEST_CASE("flow Euler adds the velocity times the step", "[flow]")
{
  const auto grid = flow_grid(5, {.shift = 2});
  const sampling_plan plan = flow_euler(grid);
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const double x = 0.8, v = -0.37, data = x - grid[k].sigma * v;
    const double next = plan.steps[k].keep * x + plan.steps[k].model[0] * data;
    REQUIRE_THAT(next, WithinAbs(x + (grid[k + 1].sigma - grid[k].sigma) * v, 1e-15));
  }
}

TEST_CASE("stochastic flow draws all noise anew", "[flow]")
{
  const auto grid = flow_grid(3);
  const sampling_plan plan = flow_stochastic(grid);
  for (std::size_t k = 0; k < 3; ++k) {
    REQUIRE(plan.steps[k].keep == 0);
    REQUIRE(plan.steps[k].model[0] == grid[k + 1].alpha);
    REQUIRE(plan.steps[k].noise == grid[k + 1].sigma);
  }
}

TEST_CASE("flow plans carry the law of levels", "[flow]")
{
  for (double shift : {1.0, 3.0, 7.0})
    for (const auto& plan :
         {flow_euler(flow_grid(9, {.shift = shift})), flow_stochastic(flow_grid(9, {.shift = shift}))})
      for (const auto& [signal, variance] : law_residuals(plan)) {
        REQUIRE_THAT(signal, WithinAbs(0, 1e-15));
        REQUIRE_THAT(variance, WithinAbs(0, 1e-15));
      }
}

TEST_CASE("a flow's grid refuses shifts and ends that make none", "[flow]")
{
  REQUIRE_THROWS_AS(flow_grid(0), std::invalid_argument);
  REQUIRE_THROWS_WITH(flow_grid(4, {.shift = 0}), ContainsSubstring("shift"));
  REQUIRE_THROWS_AS(flow_grid(4, {.shift = NAN}), std::invalid_argument);
  REQUIRE_THROWS_AS(flow_grid(4, {.shift = INFINITY}), std::invalid_argument);
  REQUIRE_THROWS_WITH(flow_grid(4, {.last = 1}), ContainsSubstring("last time"));
  REQUIRE_THROWS_AS(flow_grid(4, {.last = 0}), std::invalid_argument);
  REQUIRE_THROWS_AS(dynamic_shift(0), std::invalid_argument);
  REQUIRE_THROWS_AS(dynamic_shift(64, {.max_length = 256}), std::invalid_argument);
}
