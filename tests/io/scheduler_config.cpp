#include "fewstep/io/scheduler_config.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/scheduler_files.hpp"

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using fewstep::test::file_refusal;
using fewstep::test::latent;
using fewstep::test::scheduler_file;

namespace {

/// Every class that is read, with the members that its file cannot leave out.
const std::vector<std::pair<std::string, std::string>> classes{{"DDIM", ""},
                                                               {"DDPM", ""},
                                                               {"PNDM", R"("skip_prk_steps": true)"},
                                                               {"EulerDiscrete", ""},
                                                               {"EulerAncestralDiscrete", ""},
                                                               {"HeunDiscrete", ""},
                                                               {"DPMSolverMultistep", ""},
                                                               {"UniPCMultistep", ""},
                                                               {"LCM", ""},
                                                               {"TCD", ""},
                                                               {"CMStochasticIterative", ""},
                                                               {"EDMEuler", ""},
                                                               {"EDMDPMSolverMultistep", ""},
                                                               {"FlowMatchEulerDiscrete", ""}};

}  // namespace

TEST_CASE("a file that leaves everything out means diffusers' defaults", "[io]")
{
  struct defaults {
    std::string name;
    prediction predicts;
    bool bounds;
  };
  const auto expected = GENERATE(
      defaults{"DDIM", prediction::noise, true}, defaults{"DDPM", prediction::noise, true},
      defaults{"EulerDiscrete", prediction::noise, false}, defaults{"EulerAncestralDiscrete", prediction::noise, false},
      defaults{"HeunDiscrete", prediction::noise, false}, defaults{"DPMSolverMultistep", prediction::noise, false},
      defaults{"UniPCMultistep", prediction::noise, false}, defaults{"LCM", prediction::noise, false},
      defaults{"TCD", prediction::noise, false}, defaults{"CMStochasticIterative", prediction::data, true},
      defaults{"EDMEuler", prediction::noise, false}, defaults{"EDMDPMSolverMultistep", prediction::noise, false},
      defaults{"FlowMatchEulerDiscrete", prediction::flow, false});
  CAPTURE(expected.name);
  const scheduler_config config = scheduler_file(expected.name);
  REQUIRE(config.predicts == expected.predicts);
  REQUIRE(config.bounds.has_value() == expected.bounds);
  REQUIRE(config.unused.empty());
  if (!config.bounds) return;
  REQUIRE(config.bounds->limit == 1);
  REQUIRE_FALSE(config.bounds->quantile);
}

TEST_CASE("tables have the betas of their class", "[io]")
{
  const auto last = [](const std::string& name) { return table_of(scheduler_file(name))(999); };
  for (const char* name :
       {"DDIM", "DDPM", "EulerDiscrete", "EulerAncestralDiscrete", "DPMSolverMultistep", "UniPCMultistep"})
    REQUIRE(last(name) == linear_vp()(999));
  for (const char* name : {"LCM", "TCD"}) REQUIRE(last(name) == scaled_linear_vp()(999));
  REQUIRE(last("HeunDiscrete") == linear_vp({1000, 0.00085, 0.012})(999));
  for (const char* name : {"EDMEuler", "EDMDPMSolverMultistep", "CMStochasticIterative", "FlowMatchEulerDiscrete"})
    REQUIRE_THROWS_WITH(table_of(scheduler_file(name)), ContainsSubstring("no table"));
}

TEST_CASE("keys that mean nothing are listed", "[io]")
{
  for (const auto& [name, members] : classes) {
    CAPTURE(name);
    const auto config = scheduler_file(name, members + (members.empty() ? "" : ", ") + R"("meaning": "none")");
    REQUIRE(config.unused == std::vector<std::string>{"meaning"});
  }
}

TEST_CASE("a file may hold infinities as Python writes them", "[io]")
{
  const std::filesystem::path path = test::empty_folder("scheduler_infinity") / "scheduler_config.json";
  const std::string text = R"({"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity})";
  test::put(path, text);
  const scheduler_config config = read_scheduler_config(path);
  REQUIRE(plan_of(config, 10) == plan_of(scheduler_file("DPMSolverMultistep"), 10));
}

TEST_CASE("a scheduler file that means nothing is refused by its key", "[io]")
{
  struct bad {
    const char *name, *members, *key, *value;
  };
  const auto [name, members, key, value] = GENERATE(
      bad{"Whatever", "", "_class_name", "WhateverScheduler"},
      bad{"DDIM", R"("num_train_timesteps": 0)", "num_train_timesteps", "at least 1"},
      bad{"DDIM", R"("num_train_timesteps": -5)", "num_train_timesteps", "-5"},
      bad{"DDIM", R"("beta_start": -0.5)", "no schedule", "-0.5"},
      bad{"DDIM", R"("beta_end": "much")", "beta_end", "much"},
      bad{"DDPM", R"("trained_betas": [])", "no schedule", "at least one beta"},
      bad{"DDPM", R"("trained_betas": [0.1, 2])", "no schedule", "2.0"},
      bad{"DDIM", R"("beta_schedule": "sigmoid")", "beta_schedule", "sigmoid"},
      bad{"DDIM", R"("prediction_type": "noise")", "prediction_type", "noise"},
      bad{"DDIM", R"("timestep_spacing": "even")", "timestep_spacing", "even"},
      bad{"DDIM", R"("steps_offset": "one")", "steps_offset", "one"},
      bad{"DDIM", R"("clip_sample_range": 0)", "clip_sample_range", "positive"},
      bad{"DDIM", R"("thresholding": true, "dynamic_thresholding_ratio": 1.5)", "dynamic_thresholding_ratio", "1.5"},
      bad{"DDIM", R"("thresholding": true, "sample_max_value": 0.5)", "sample_max_value", "at least 1"},
      bad{"DDPM", R"("variance_type": "learned")", "variance_type", "learned"},
      bad{"PNDM", "", "skip_prk_steps", "true"},
      bad{"PNDM", R"("skip_prk_steps": true, "prediction_type": "sample")", "prediction_type", "sample"},
      bad{"EulerDiscrete", R"("interpolation_type": "cubic")", "interpolation_type", "cubic"},
      bad{"EulerDiscrete", R"("timestep_type": "both")", "timestep_type", "both"},
      bad{"EulerDiscrete", R"("sigma_min": -1)", "sigma_min", "positive"},
      bad{"EulerDiscrete", R"("sigma_min": 2, "sigma_max": 1)", "sigma_max", "above"},
      bad{"EulerDiscrete", R"("use_beta_sigmas": true)", "use_beta_sigmas", "false"},
      bad{"EulerDiscrete", R"("final_sigmas_type": "sigma_min")", "final_sigmas_type", "sigma_min"},
      bad{"EulerAncestralDiscrete", R"("prediction_type": "sample")", "prediction_type", "sample"},
      bad{"HeunDiscrete", R"("use_exponential_sigmas": true)", "use_exponential_sigmas", "false"},
      bad{"DPMSolverMultistep", R"("solver_order": 4)", "solver_order", "4"},
      bad{"DPMSolverMultistep", R"("solver_order": 0)", "solver_order", "0"},
      bad{"DPMSolverMultistep", R"("algorithm_type": "dpm")", "algorithm_type", "dpm"},
      bad{"DPMSolverMultistep", R"("algorithm_type": "dpmsolver")", "algorithm_type", "sigma_min"},
      bad{"DPMSolverMultistep", R"("solver_type": "euler")", "solver_type", "euler"},
      bad{"DPMSolverMultistep", R"("final_sigmas_type": "last")", "final_sigmas_type", "last"},
      bad{"DPMSolverMultistep", R"("variance_type": "learned_range")", "variance_type", "null"},
      bad{"DPMSolverMultistep", R"("use_flow_sigmas": true)", "use_flow_sigmas", "false"},
      bad{"UniPCMultistep", R"("solver_type": "bh3")", "solver_type", "bh3"},
      bad{"UniPCMultistep", R"("solver_order": 5)", "solver_order", "5"},
      bad{"UniPCMultistep", R"("solver_p": {"_class_name": "DDIMScheduler"})", "solver_p", "object"},
      bad{"UniPCMultistep", R"("disable_corrector": [-1])", "disable_corrector", "-1"},
      bad{"LCM", R"("original_inference_steps": 0)", "original_inference_steps", "0"},
      bad{"LCM", R"("original_inference_steps": null)", "original_inference_steps", "null"},
      bad{"LCM", R"("timestep_scaling": 0)", "timestep_scaling", "positive"},
      bad{"TCD", R"("original_inference_steps": 2000)", "original_inference_steps", "2000"},
      bad{"CMStochasticIterative", R"("num_train_timesteps": 1)", "num_train_timesteps", "at least 2"},
      bad{"CMStochasticIterative", R"("sigma_min": 0)", "sigma_min", "positive"},
      bad{"CMStochasticIterative", R"("rho": -7)", "rho", "-7"},
      bad{"CMStochasticIterative", R"("s_noise": -1)", "s_noise", "-1"},
      bad{"EDMEuler", R"("sigma_max": 0.001)", "sigma_max", "above"},
      bad{"EDMEuler", R"("sigma_data": 0)", "sigma_data", "positive"},
      bad{"EDMEuler", R"("prediction_type": "sample")", "prediction_type", "sample"},
      bad{"EDMEuler", R"("sigma_schedule": "linear")", "sigma_schedule", "linear"},
      bad{"EDMDPMSolverMultistep", R"("algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min")",
          "algorithm_type", "dpmsolver++"},
      bad{"FlowMatchEulerDiscrete", R"("shift": 0)", "shift", "positive"},
      bad{"FlowMatchEulerDiscrete", R"("time_shift_type": "linear")", "time_shift_type", "linear"},
      bad{"FlowMatchEulerDiscrete", R"("shift_terminal": 0.1)", "shift_terminal", "null"},
      bad{"FlowMatchEulerDiscrete", R"("invert_sigmas": true)", "invert_sigmas", "false"},
      bad{"FlowMatchEulerDiscrete", R"("base_image_seq_len": 5000)", "max_image_seq_len", "above"});
  CAPTURE(name, members);
  REQUIRE_THAT(file_refusal(name, members), ContainsSubstring(key) && ContainsSubstring(value));
}

TEST_CASE("a file that names no class is refused", "[io]")
{
  const json::object_reader file(json::parse("{}"), "scheduler_config.json");
  REQUIRE_THROWS_WITH(read_scheduler_config(file), ContainsSubstring("_class_name") && ContainsSubstring("missing"));
}

TEST_CASE("no class plans 0 steps, or more than its schedule has", "[io]")
{
  for (const auto& [name, members] : classes) {
    const scheduler_config config = scheduler_file(name, members);
    for (bool compatible : {false, true}) {
      CAPTURE(name, compatible);
      REQUIRE_THROWS_AS(plan_of(config, 0, {.diffusers_compatible = compatible}), std::invalid_argument);
      const bool endless = name.starts_with("EDM") || name.starts_with("Flow");
      if (!endless)
        REQUIRE_THROWS_AS(plan_of(config, 1001, {.diffusers_compatible = compatible}), std::invalid_argument);
    }
  }
}

TEST_CASE("every class plans along times of one's own", "[io]")
{
  for (const auto& [name, members] : classes) {
    CAPTURE(name);
    const scheduler_config config = scheduler_file(name, members);
    const bool indices = name.starts_with("CM"), flow = name.starts_with("Flow");
    const std::vector<double> own = indices ? std::vector<double>{30, 12, 0}
                                    : flow  ? std::vector<double>{0.9, 0.4, 0.1}
                                            : std::vector<double>{70, 20, 3};
    const sampling_plan plan = plan_of(config, own);
    REQUIRE(plan.steps.size() == (name == "HeunDiscrete" ? 5u : name == "PNDM" ? 4u : 3u));
    if (!indices) REQUIRE(plan.steps.front().at.t == own.front());
    const std::vector<double> outside{indices ? 40.0 : 2000.0, indices ? 12.5 : -3.0};
    REQUIRE_THROWS_AS(plan_of(config, outside), std::invalid_argument);
  }
}

TEST_CASE("runs start from as much noise as diffusers' do", "[io]")
{
  const auto start = [](const std::string& name, const std::string& members, std::size_t steps) {
    const scheduler_config config = scheduler_file(name, members);
    return start_deviation(config, plan_of(config, steps));
  };
  for (const char* name :
       {"DDIM", "DDPM", "DPMSolverMultistep", "UniPCMultistep", "LCM", "TCD", "FlowMatchEulerDiscrete"})
    REQUIRE(start(name, "", 8) == 1);
  // sigma at t = 999 and sqrt(sigma^2 + 1) at t = 875, eight steps, as the Python code prints them
  for (const char* name : {"EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete"}) {
    REQUIRE_THAT(start(name, latent, 8), WithinRel(14.6146, 1e-5));
    REQUIRE_THAT(start(name, latent + R"(, "timestep_spacing": "leading")", 8), WithinRel(7.402, 1e-4));
  }
  REQUIRE_THAT(start("EDMEuler", "", 8), WithinRel(std::sqrt(6401.0), 1e-14));
  REQUIRE(start("CMStochasticIterative", R"("sigma_max": 60)", 2) == 60);
}
