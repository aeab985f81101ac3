#include "fewstep/io/scheduler/consistency.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;
using fewstep::test::scheduler_file;
using fewstep::test::times;

TEST_CASE("LCM's file plans the published times", "[io]")
{
  const scheduler_config config = scheduler_file("LCM", R"("timestep_spacing": "trailing", "steps_offset": 1)");
  REQUIRE(config.unused.empty());
  REQUIRE(times(plan_of(config, 4)) == std::vector<double>{999, 759, 499, 259});
  REQUIRE(times(plan_of(config, 4, {.strength = 0.5})) == std::vector<double>{499, 379, 259, 139});
  REQUIRE(times(plan_of(config, 4, {.original_steps = 100})) == std::vector<double>{999, 749, 499, 249});
  REQUIRE(plan_of(config, 4) == lcm(scaled_linear_vp(), std::vector<double>{999, 759, 499, 259}));
  REQUIRE_THROWS_WITH(plan_of(config, 51), ContainsSubstring("50 original steps"));
}

TEST_CASE("TCD's file plans the same times, any time, or those of its options", "[io]")
{
  const scheduler_config config = scheduler_file("TCD"),
                         any = scheduler_file("TCD", R"("original_inference_steps": null)");
  const std::vector<double> distilled{999, 759, 499, 259}, even{999, 749, 499, 249};
  REQUIRE(times(plan_of(config, 4)) == distilled);
  REQUIRE(times(plan_of(config, 4, {.original_steps = 50})) == even);  // whatever its value
  REQUIRE(times(plan_of(any, 4)) == even);
  REQUIRE(plan_of(config, 4) == tcd(scaled_linear_vp(), distilled, 0.3));
  REQUIRE(plan_of(config, 4, {.eta = 0}) == tcd(scaled_linear_vp(), distilled, 0));
}

TEST_CASE("a consistency model's file plans the official two-step run", "[io]")
{
  const scheduler_config config = scheduler_file("CMStochasticIterative");
  const std::vector<double> published{22, 0};  // as diffusers takes them
  const sampling_plan plan = plan_of(config, published);
  REQUIRE(plan == consistency(consistency_grid(published::cd_imagenet64)));
  REQUIRE_THAT(plan.steps[1].at.sigma, WithinAbs(1.382368, 1e-6));
  REQUIRE_THAT(plan_of(config, 2).steps[1].at.sigma, WithinAbs(2.24044, 1e-5));  // index 20: not the tuned one
  REQUIRE(plan_of(config, 1).steps.size() == 1);
  REQUIRE(plan_of(config, 1).end.sigma == 0.002);
}

TEST_CASE("a step from sigma_min to itself is diffusers' alone", "[io]")
{
  const scheduler_config config = scheduler_file("CMStochasticIterative");
  REQUIRE(plan_of(config, 40).steps.size() == 39);
  REQUIRE(plan_of(config, 40, {.diffusers_compatible = true}).steps.size() == 40);
}

TEST_CASE("indices that do not fall or are none are refused", "[io]")
{
  const scheduler_config config = scheduler_file("CMStochasticIterative");
  REQUIRE_THROWS_WITH(plan_of(config, std::vector<double>{0, 22}), ContainsSubstring("less of it"));
  REQUIRE_THROWS_WITH(plan_of(config, std::vector<double>{40, 0}), ContainsSubstring("40 levels"));
  REQUIRE_THROWS_WITH(plan_of(config, std::vector<double>{2.5, 0}), ContainsSubstring("2.5"));
  REQUIRE_THROWS_AS(plan_of(config, std::vector<double>{}), std::invalid_argument);
}
