#include "fewstep/io/scheduler_config.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

namespace {

scheduler_config from(const std::string& text)
{
  return read_scheduler_config(json::object_reader(json::parse(text), "scheduler_config.json"));
}

/// The sentence with which a config is refused.
std::string refusal(const std::string& text)
{
  try {
    from(text);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a file that leaves everything out means diffusers' defaults", "[io]")
{
  const scheduler_config ddim = from(R"({"_class_name": "DDIMScheduler", "_diffusers_version": "0.27.2"})");
  REQUIRE(ddim.schedule.steps() == 1000);
  REQUIRE(ddim.schedule(999) == linear_vp()(999));
  REQUIRE(ddim.predicts == prediction::noise);
  REQUIRE(ddim.end == grid_end::data);
  REQUIRE(ddim.bounds->limit == 1);
  REQUIRE_FALSE(ddim.bounds->quantile);
  REQUIRE(ddim.unused.empty());
  REQUIRE(plan_of(ddim, 10) == fewstep::ddim(leading(linear_vp(), 10)));
}

TEST_CASE("Stable Diffusion's file gives its schedule, end and times, and lists what it does not use", "[io]")
{
  const scheduler_config config = from(R"({
    "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "clip_sample": false, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null})");
  REQUIRE(config.schedule(500) == scaled_linear_vp()(500));
  REQUIRE_FALSE(config.bounds);
  REQUIRE(config.unused == std::vector<std::string>{"skip_prk_steps"});
  const sampling_plan plan = plan_of(config, 50, {.eta = 1});
  REQUIRE(plan.steps.front().at.t == 981);
  REQUIRE(plan.steps.back().at.t == 1);
  REQUIRE(plan.end == config.schedule(0));
}

TEST_CASE("DDPM's file chooses its variance", "[io]")
{
  const auto variance = [](const std::string& kind) {
    const auto config = from(R"({"_class_name": "DDPMScheduler", "variance_type": ")" + kind + "\"}");
    return std::get<ddpm_scheduler>(config.method).variance;
  };
  REQUIRE(variance("fixed_small") == ddpm_variance::posterior);
  REQUIRE(variance("fixed_small_log") == ddpm_variance::posterior);
  REQUIRE(variance("fixed_large") == ddpm_variance::interval);
  REQUIRE(variance("fixed_large_log") == ddpm_variance::interval);
}

TEST_CASE("steps go to the next time, or as diffusers' do if that is asked for", "[io]")
{
  const scheduler_config config = from(R"({"_class_name": "DDIMScheduler", "timestep_spacing": "linspace"})");
  const vp_table table = linear_vp();
  REQUIRE(plan_of(config, 10) == ddim(linspace(table, 10)));
  REQUIRE(plan_of(config, 10, {.diffusers_compatible = true}) ==
          ddim(diffusers_compatible(table, linspace_times(1000, 10))));
  const std::vector<double> own{700, 200, 30};
  REQUIRE(plan_of(config, own) == ddim(grid_at(table, own)));
}

TEST_CASE("trained betas and the rescaled end replace the named schedule", "[io]")
{
  const scheduler_config trained =
      from(R"({"_class_name": "DDPMScheduler", "trained_betas": [0.1, 0.2, 0.3], "beta_schedule": "linear"})");
  REQUIRE(trained.schedule.steps() == 3);
  REQUIRE(trained.schedule(2) == vp_table(std::vector{0.1, 0.2, 0.3})(2));
  const scheduler_config rescaled = from(R"({"_class_name": "DDIMScheduler", "rescale_betas_zero_snr": true,
    "timestep_spacing": "trailing", "prediction_type": "v_prediction", "thresholding": true, "sample_max_value": 2})");
  REQUIRE(rescaled.schedule(999).alpha == 0);
  REQUIRE(rescaled.predicts == prediction::velocity);
  REQUIRE(rescaled.bounds->quantile == 0.995);
  REQUIRE(rescaled.bounds->limit == 2);
}

TEST_CASE("a scheduler file that means nothing is refused by its key", "[io]")
{
  const std::string head = R"({"_class_name": "DDIMScheduler", )";
  REQUIRE_THAT(refusal("{}"), ContainsSubstring("_class_name") && ContainsSubstring("missing"));
  REQUIRE_THAT(refusal(R"({"_class_name": "WhateverScheduler"})"), ContainsSubstring("WhateverScheduler"));
  REQUIRE_THAT(refusal(head + R"("num_train_timesteps": 0})"),
               ContainsSubstring("num_train_timesteps") && ContainsSubstring("at least 1"));
  REQUIRE_THAT(refusal(head + R"("num_train_timesteps": -5})"),
               ContainsSubstring("num_train_timesteps") && ContainsSubstring("-5"));
  REQUIRE_THAT(refusal(head + R"("beta_start": -0.5})"), ContainsSubstring("no schedule") && ContainsSubstring("-0.5"));
  REQUIRE_THAT(refusal(head + R"("trained_betas": []})"), ContainsSubstring("no schedule"));
  REQUIRE_THAT(refusal(head + R"("beta_schedule": "sigmoid"})"),
               ContainsSubstring("beta_schedule") && ContainsSubstring("sigmoid"));
  REQUIRE_THAT(refusal(head + R"("prediction_type": "noise"})"), ContainsSubstring("prediction_type"));
  REQUIRE_THAT(refusal(head + R"("timestep_spacing": "even"})"), ContainsSubstring("timestep_spacing"));
  REQUIRE_THAT(refusal(head + R"("steps_offset": "one"})"), ContainsSubstring("steps_offset"));
  REQUIRE_THAT(refusal(R"({"_class_name": "DDPMScheduler", "variance_type": "learned"})"),
               ContainsSubstring("learned"));
}

TEST_CASE("the number of steps is refused if the schedule has not so many", "[io]")
{
  const scheduler_config config = from(R"({"_class_name": "DDIMScheduler"})");
  for (bool compatible : {false, true}) {
    REQUIRE_THROWS_WITH(plan_of(config, 0, {.diffusers_compatible = compatible}), ContainsSubstring("is 0"));
    REQUIRE_THROWS_WITH(plan_of(config, 1001, {.diffusers_compatible = compatible}), ContainsSubstring("1001"));
  }
}
