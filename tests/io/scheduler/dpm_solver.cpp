#include "fewstep/io/scheduler/dpm_solver.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include "fewstep/schedule/sigma_grids.hpp"

#include <cstddef>
#include <string>

using namespace fewstep;
using fewstep::test::scheduler_file;

TEST_CASE("the file chooses among the forms of DPM-Solver", "[io]")
{
  const vp_table table = linear_vp();
  const auto plan = [](const std::string& members) {
    return plan_of(scheduler_file("DPMSolverMultistep", members), 10);
  };
  const auto clean = grid_at(table, open_linspace_times(1000, 10));
  const auto noisy = grid_at(table, open_linspace_times(1000, 10), grid_end::first_level);
  REQUIRE(plan("") == dpm_solver_pp(clean));
  REQUIRE(plan(R"("algorithm_type": "deis")") == dpm_solver_pp(clean));
  REQUIRE(plan(R"("algorithm_type": "sde-dpmsolver++")") == dpm_solver_pp(clean, {.eta = 1}));
  REQUIRE(plan(R"("solver_type": "heun")") == dpm_solver_pp(clean, {.slope = slope_weight::heun}));
  REQUIRE(plan(R"("solver_type": "logrho")") == dpm_solver_pp(clean));
  REQUIRE(plan(R"("solver_order": 3)") == dpm_solver_pp(clean, {.order = 3}));
  REQUIRE(plan(R"("lower_order_final": false)") == dpm_solver_pp(clean, {.lower_order_final = false}));
  REQUIRE(plan(R"("euler_at_final": true)") == dpm_solver_pp(clean, {.euler_at_final = true}));
  const std::string end = R"(, "final_sigmas_type": "sigma_min")";
  REQUIRE(plan(R"("algorithm_type": "dpmsolver")" + end) == dpm_solver(noisy));
  REQUIRE(plan(R"("algorithm_type": "sde-dpmsolver")" + end) == dpm_solver(noisy, {.eta = 1}));
}

TEST_CASE("order 3 has half the curvature in diffusers", "[io]")
{
  const scheduler_config config = scheduler_file("DPMSolverMultistep", R"("solver_order": 3)");
  const auto grid = grid_at(linear_vp(), open_linspace_times(1000, 20));
  REQUIRE(plan_of(config, 20) == dpm_solver_pp(grid, {.order = 3}));
  REQUIRE(plan_of(config, 20, {.diffusers_compatible = true}) ==
          dpm_solver_pp(grid, {.order = 3, .halved_curvature = true}));
}

TEST_CASE("a last level that is there twice is visited once, in diffusers twice", "[io]")
{
  const std::string members = R"("use_karras_sigmas": true, "final_sigmas_type": "sigma_min", "solver_order": )";
  for (const std::size_t order : {2u, 3u}) {
    const scheduler_config config = scheduler_file("DPMSolverMultistep", members + std::to_string(order));
    const sampling_plan plan = plan_of(config, 10), theirs = plan_of(config, 10, {.diffusers_compatible = true});
    REQUIRE(plan.steps.size() == 9);
    REQUIRE(theirs.steps.size() == 10);
    REQUIRE(theirs.steps.back() == plan_step{.at = theirs.steps.back().at, .keep = 1});
    // the step of order 1 that ends a short run is the one that changes nothing; the one before has order 2
    REQUIRE(theirs.steps[8].model[1] != 0);
    REQUIRE(theirs.steps[8].model[2] == 0);
    REQUIRE(plan.steps[8].model[1] == 0);
  }
}
