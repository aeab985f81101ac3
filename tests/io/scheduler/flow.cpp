#include "fewstep/io/scheduler/flow.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using fewstep::test::scheduler_file;
using fewstep::test::times;

TEST_CASE("a flow's file plans even times, shifted", "[io]")
{
  REQUIRE(times(plan_of(scheduler_file("FlowMatchEulerDiscrete"), 4)) == std::vector<double>{1, 0.75, 0.5, 0.25});
  const auto shifted = times(plan_of(scheduler_file("FlowMatchEulerDiscrete", R"("shift": 3)"), 4));
  REQUIRE_THAT(shifted[2], WithinRel(3 * 0.5 / (1 + 2 * 0.5), 1e-14));
}

TEST_CASE("diffusers' flow ends at the table's first time, which its shift moves twice", "[io]")
{
  // FlowMatchEulerDiscreteScheduler: sigmas = shift(t / T); set_timesteps: linspace(sigmas[0], sigmas[-1], n), shifted
  const double shift = 3;
  const auto moved = [=](double s) { return shift * s / (1 + (shift - 1) * s); };
  const double first = moved(1e-3);
  const scheduler_config config = scheduler_file("FlowMatchEulerDiscrete", R"("shift": 3)");
  const sampling_plan plan = plan_of(config, 5, {.diffusers_compatible = true});
  for (std::size_t k = 0; k < 5; ++k)
    REQUIRE_THAT(times(plan)[k], WithinRel(moved(1 - static_cast<double>(k) / 4 * (1 - first)), 1e-13));
  REQUIRE(plan.end.sigma == 0);
}

TEST_CASE("a dynamic shift asks for the image's length", "[io]")
{
  const scheduler_config config = scheduler_file("FlowMatchEulerDiscrete", R"("use_dynamic_shifting": true)");
  REQUIRE_THROWS_WITH(plan_of(config, 4), ContainsSubstring("length"));
  // mu = 0.5 + 0.65 / 3840 (1024 - 256) = 0.63; sigma = e^mu / (e^mu + 1 / s - 1) (Flux)
  const auto s = times(plan_of(config, 4, {.sequence_length = 1024}));
  REQUIRE_THAT(s[1], WithinRel(std::exp(0.63) / (std::exp(0.63) + 1 / 0.75 - 1), 1e-13));
}
