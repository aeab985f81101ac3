#include "fewstep/train/steps.hpp"

#include "support/catch.hpp"

#include "fewstep/schedule/schedules.hpp"

#include <cstddef>
#include <map>
#include <stdexcept>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

TEST_CASE("LCM's script distils from 999, 979, ... 19, each to 20 times below, the last to 0", "[train]")
{
  const auto steps = train::distillation_steps(scaled_linear_vp());
  REQUIRE(steps.size() == 50);
  for (std::size_t i = 0; i < 50; ++i) {
    REQUIRE(steps[i].from.t == 999 - 20.0 * static_cast<double>(i));
    REQUIRE(steps[i].to.t == (i == 49 ? 0 : 979 - 20.0 * static_cast<double>(i)));
  }
}

TEST_CASE("LCM's paper distils from every time, skipping 20", "[train]")
{
  const auto steps = train::distillation_steps(scaled_linear_vp(), {.times = 1000, .skip = 20});
  REQUIRE(steps.size() == 999);  // from time 0 there is nowhere to go
  REQUIRE(steps.front().to.t == 979);
  REQUIRE(steps.back().from.t == 1);
  REQUIRE(steps.back().to.t == 0);
}

TEST_CASE("each step of the official grid has the end of its phase", "[train]")
{
  const auto steps = train::phased_steps(scaled_linear_vp(), 4);
  std::map<double, double> end_of;
  for (const auto& step : steps) end_of[step.from.t] = step.end.t;
  REQUIRE(end_of.size() == 50);
  REQUIRE(end_of[999] == 739);
  REQUIRE(end_of[759] == 739);  // and so its target is the solver's point itself
  REQUIRE(end_of[739] == 499);
  REQUIRE(end_of[239] == 0);
  REQUIRE(end_of[19] == 0);
}

TEST_CASE("the steps of all phases together are the grid, phases in turn", "[train]")
{
  for (const std::size_t phases : {1U, 2U, 4U, 8U, 16U, 50U}) {
    const auto steps = train::phased_steps(scaled_linear_vp(), phases);
    REQUIRE(steps.size() == 50);
    std::map<double, std::size_t> lengths;
    for (const auto& step : steps) ++lengths[step.end.t];
    REQUIRE(lengths.size() == phases);
    for (const auto& [end, length] : lengths) {
      REQUIRE(length >= 50 / phases);
      REQUIRE(length <= 50 / phases + 1);
    }
  }
}

TEST_CASE("phases that must have one length must divide the grid", "[train]")
{
  REQUIRE_NOTHROW(train::phased_steps(scaled_linear_vp(), 4, {.times = 40, .even = true}));
  REQUIRE_THROWS_WITH(train::phased_steps(scaled_linear_vp(), 4, {.times = 50, .even = true}),
                      ContainsSubstring("50 times are not a multiple of 4 phases"));
  REQUIRE_THROWS_AS(train::phased_steps(scaled_linear_vp(), 0), std::invalid_argument);
  REQUIRE_THROWS_AS(train::phased_steps(scaled_linear_vp(), 51), std::invalid_argument);
}

TEST_CASE("steps off a grid and steps over an edge are refused", "[train]")
{
  const vp_table table = scaled_linear_vp();
  REQUIRE_THROWS_AS(train::distillation_steps(table, {.times = 0}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::distillation_steps(table, {.times = 1001}), std::invalid_argument);
  REQUIRE_THROWS_WITH(train::distillation_steps(table, {.skip = 1000}),
                      ContainsSubstring("the skip must be below 1000"));
  const std::vector<jump> over{{table(600), table(400)}};
  REQUIRE_THROWS_WITH(train::phased_steps(over, {table(999), table(499), table(0)}),
                      ContainsSubstring("a step must stay in its phase"));
}
