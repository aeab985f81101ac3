#include "fewstep/io/scheduler/edm.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

using Catch::Matchers::WithinRel;
using namespace fewstep;
using fewstep::test::scheduler_file;
using fewstep::test::times;

TEST_CASE("EDM's Euler file plans Karras' grid to the data", "[io]")
{
  REQUIRE(plan_of(scheduler_file("EDMEuler"), 18) == ddim(karras(edm_schedule{}, 18, {})));
  const scheduler_config own = scheduler_file("EDMEuler", R"("sigma_min": 0.01, "sigma_max": 50, "rho": 5)");
  REQUIRE(plan_of(own, 18) == ddim(karras(edm_schedule{}, 18, {0.01, 50}, 5)));
  const auto exponential = times(plan_of(scheduler_file("EDMEuler", R"("sigma_schedule": "exponential")"), 3));
  REQUIRE_THAT(exponential[1], WithinRel(std::sqrt(0.002 * 80), 1e-12));
}

TEST_CASE("churn raises what EDM's network sees, in diffusers it does not", "[io]")
{
  const scheduler_config config = scheduler_file("EDMEuler");
  const churn_options churn{.churn = 4, .s_min = 0.05, .s_max = 50};
  const auto grid = karras(edm_schedule{}, 10, {});
  REQUIRE(plan_of(config, 10, {.churn = churn}) == euler(edm_schedule{}, grid, churn));
  const sampling_plan theirs = plan_of(config, 10, {.churn = churn, .diffusers_compatible = true});
  REQUIRE(times(theirs) == times(ddim(grid)));
  REQUIRE(theirs == diffusers_euler(grid, churn, prediction::noise, 0.5));
}

TEST_CASE("EDM's DPM-Solver file plans to the data, or to sigma_min in as many steps", "[io]")
{
  const auto grid = karras(edm_schedule{}, 10, {});
  REQUIRE(plan_of(scheduler_file("EDMDPMSolverMultistep"), 10) == dpm_solver_pp(grid));
  REQUIRE(plan_of(scheduler_file("EDMDPMSolverMultistep", R"("algorithm_type": "sde-dpmsolver++")"), 10) ==
          dpm_solver_pp(grid, {.eta = 1}));
  const scheduler_config config = scheduler_file("EDMDPMSolverMultistep", R"("final_sigmas_type": "sigma_min")");
  auto open = karras(edm_schedule{}, 11, {});
  open.pop_back();
  REQUIRE(plan_of(config, 10) == dpm_solver_pp(open));
  REQUIRE(plan_of(config, 10).end.sigma == 0.002);
}

TEST_CASE("diffusers reaches sigma_min a step early and evaluates the network once more", "[io]")
{
  const scheduler_config config = scheduler_file("EDMDPMSolverMultistep", R"("final_sigmas_type": "sigma_min")");
  const sampling_plan plan = plan_of(config, 10, {.diffusers_compatible = true});
  REQUIRE(plan.steps.size() == 10);
  REQUIRE(plan.steps.back() == plan_step{.at = edm_schedule{}(0.002), .keep = 1});
  REQUIRE(plan.steps[8].model[1] != 0);  // of order 2: the step of order 1 is the one that changes nothing
}
