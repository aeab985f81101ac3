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
using fewstep::test::scheduler_file;
using fewstep::test::times;

namespace {

const std::string latent = R"("beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012)";

}  // namespace

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
  const std::string members =
      latent + R"(, "use_karras_sigmas": true, "final_sigmas_type": "sigma_min", "solver_order": )";
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

TEST_CASE("the file chooses among the forms of UniPC", "[io]")
{
  const auto grid = grid_at(linear_vp(), open_linspace_times(1000, 10), grid_end::first_level);
  const auto plan = [](const std::string& members) { return plan_of(scheduler_file("UniPCMultistep", members), 10); };
  REQUIRE(plan("") == unipc(grid));
  REQUIRE(plan(R"("solver_order": 3, "solver_type": "bh1")") == unipc(grid, {.order = 3, .form = unipc_form::bh1}));
  REQUIRE(plan(R"("predict_x0": false)") == unipc(grid, {.predicts = prediction::noise}));
  REQUIRE(plan(R"("disable_corrector": [1, 2])") == unipc(grid, {.uncorrected = {1, 2}}));
  REQUIRE(plan(R"("lower_order_final": false)") == unipc(grid, {.lower_order_final = false}));
  const auto clean = grid_at(linear_vp(), open_linspace_times(1000, 10));
  REQUIRE(plan(R"("final_sigmas_type": "zero")") == unipc(clean));
}

TEST_CASE("UniPC on Karras' sigmas corrects its last step with the last evaluation", "[io]")
{
  const sampling_plan plan = plan_of(scheduler_file("UniPCMultistep", R"("use_karras_sigmas": true)"), 10);
  auto grid = karras(linear_vp(), 10);
  grid.pop_back();
  REQUIRE(plan == unipc(grid, {.correct_last = true}));
  REQUIRE(plan.steps.size() == 10);
}
