#include "fewstep/io/scheduler/multistep.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using fewstep::test::latent;
using fewstep::test::scheduler_file;
using fewstep::test::times;

TEST_CASE("multistep schedulers leave out the clean end of their times", "[io]")
{
  for (const char* name : {"DPMSolverMultistep", "UniPCMultistep"}) {
    const auto spaced = [&](const std::string& spacing) {
      return times(plan_of(scheduler_file(name, R"("timestep_spacing": ")" + spacing + "\""), 8));
    };
    // lists of the Python code
    REQUIRE(spaced("linspace") == std::vector<double>{999, 874, 749, 624, 500, 375, 250, 125});
    REQUIRE(spaced("leading") == std::vector<double>{888, 777, 666, 555, 444, 333, 222, 111});
    REQUIRE(spaced("trailing") == std::vector<double>{999, 874, 749, 624, 499, 374, 249, 124});
    REQUIRE(times(plan_of(scheduler_file(name), 8)) == spaced("linspace"));
  }
}

TEST_CASE("the network is told Karras' times, rounded in diffusers", "[io]")
{
  const scheduler_config config = scheduler_file("DPMSolverMultistep", latent + R"(, "use_karras_sigmas": true)");
  const sampling_plan theirs = plan_of(config, 8, {.diffusers_compatible = true}), plan = plan_of(config, 8);
  REQUIRE(times(theirs) == std::vector<double>{999, 890, 746, 549, 299, 90, 12, 0});  // as the Python code prints them
  REQUIRE_THAT(times(plan)[1], WithinAbs(889.546, 1e-3));
  for (std::size_t k = 0; k < 8; ++k)
    REQUIRE_THAT(noise_to_signal(plan.steps[k].at), WithinRel(noise_to_signal(theirs.steps[k].at), 1e-15));
}

TEST_CASE("even lambdas are even", "[io]")
{
  const sampling_plan plan = plan_of(scheduler_file("DPMSolverMultistep", R"("use_lu_lambdas": true)"), 11);
  const double first = log_snr(plan.steps.front().at), last = log_snr(plan.steps.back().at);
  for (std::size_t k = 0; k < 11; ++k)
    REQUIRE_THAT(log_snr(plan.steps[k].at), WithinAbs(first + static_cast<double>(k) / 10 * (last - first), 1e-9));
}

TEST_CASE("levels below the lowest lambda are left out", "[io]")
{
  const scheduler_config config = scheduler_file(
      "DPMSolverMultistep",
      R"("beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -4, "timestep_spacing": "trailing")");
  const vp_table table = cosine_vp();
  const sampling_plan plan = plan_of(config, 5);
  const double first = plan.start.t;
  REQUIRE(log_snr(table(first)) >= -4);
  REQUIRE(log_snr(table(first + 1)) < -4);
  REQUIRE(plan.steps.size() == 5);
  // diffusers goes on in steps of T / n
  const auto theirs = times(plan_of(config, 5, {.diffusers_compatible = true}));
  REQUIRE(theirs == std::vector<double>{first, first - 200, first - 400, first - 600, first - 800});
}
