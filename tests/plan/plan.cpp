#include "fewstep/plan/plan.hpp"

#include "support/catch.hpp"

using namespace fewstep;

namespace {

sampling_plan two_rows()
{
  return {.start = {2, 0.5, 0.8},
          .steps = {{.at = {2, 0.5, 0.8}, .keep = 0.3, .model = {0.7}, .noise = 0.1},
                    {.at = {1, 0.8, 0.5}, .keep = 0.2, .model = {0.9, -0.1}}},
          .end = {-1, 1, 0}};
}

}  // namespace

TEST_CASE("the depth of a plan is the oldest output that a row weighs", "[plan]")
{
  sampling_plan plan = two_rows();
  REQUIRE(depth(plan) == 2);
  plan.steps[1].model[4] = 1e-300;
  REQUIRE(depth(plan) == 5);
  plan.steps[1].model = {};
  REQUIRE(depth(plan) == 1);
}

TEST_CASE("a plan is stochastic if any row or the lift draws", "[plan]")
{
  sampling_plan plan = two_rows();
  REQUIRE(is_stochastic(plan));
  plan.steps[0].noise = 0;
  REQUIRE_FALSE(is_stochastic(plan));
  plan.lift = 1;
  REQUIRE(is_stochastic(plan));
}

TEST_CASE("the hash of a plan changes with every number in it", "[plan]")
{
  const sampling_plan plan = two_rows();
  REQUIRE(hash(plan) == hash(two_rows()));
  const auto differs = [&](auto change) {
    sampling_plan other = plan;
    change(other);
    return hash(other) != hash(plan);
  };
  REQUIRE(differs([](auto& p) { p.predicts = prediction::noise; }));
  REQUIRE(differs([](auto& p) { p.start.t += 1e-9; }));
  REQUIRE(differs([](auto& p) { p.lift = 1e-300; }));
  REQUIRE(differs([](auto& p) { p.steps[1].at.alpha = 0.81; }));
  REQUIRE(differs([](auto& p) { p.steps[1].keep = 0.21; }));
  REQUIRE(differs([](auto& p) { p.steps[1].model[3] = 1; }));
  REQUIRE(differs([](auto& p) { p.steps[1].noise = 1; }));
  REQUIRE(differs([](auto& p) { p.steps[1].last_noise = 1; }));
  REQUIRE(differs([](auto& p) { p.steps.pop_back(); }));
  REQUIRE(differs([](auto& p) { p.end.sigma = 0.1; }));
}
