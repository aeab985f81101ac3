#include "samplers.hpp"
#include "toy.hpp"
#include "trajectory.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/denoiser.hpp"
#include "fewstep/io/scheduler_config.hpp"

#include <functional>
#include <stdexcept>
#include <string>

namespace conformance {

namespace {

using fewstep::scheduler_config;

/// The same document as fewstep's reader has it; the strings "inf" and "-inf" are numbers.
fewstep::json::value converted(const json& value)
{
  if (value.is_object()) {
    fewstep::json::object members;
    for (const auto& [key, element] : value.items()) members.emplace_back(key, converted(element));
    return members;
  }
  if (value.is_array()) {
    fewstep::json::array elements;
    for (const json& element : value) elements.push_back(converted(element));
    return elements;
  }
  if (value == "inf" || value == "-inf") return number(value, "");
  return fewstep::json::parse(value.dump());
}

/// The scheduler as its file would have it. Throws unsupported for what the reader refuses or passes over.
scheduler_config read_config(const json& config)
{
  json options = member(config, "scheduler_options");
  if (!options.is_object()) throw mismatch("the case has no \"scheduler_options\"");
  options["_class_name"] = member(config, "scheduler");
  try {
    scheduler_config read = fewstep::read_scheduler_config({converted(options), "scheduler_options"});
    if (read.unused.empty()) return read;
    throw unsupported("the scheduler's option \"" + read.unused.front() + "\" is not known");
  } catch (const std::runtime_error& refused) {
    throw unsupported(refused.what());
  }
}

/// The plan that the case asks for: along times of its own, or of n steps.
fewstep::sampling_plan read_plan(const json& config, const scheduler_config& scheduler)
{
  const json& set = member(config, "set_timesteps");
  const json& step = member(config, "step_options");
  require_known(set, "set_timesteps", {"timesteps", "original_inference_steps", "strength"});
  require_known(step, "step_options", {"eta", "use_clipped_model_output", "s_churn", "s_tmin", "s_tmax", "s_noise"});
  fewstep::scheduler_options options{.diffusers_compatible = true};
  if (step.contains("eta")) options.eta = number(step["eta"], "eta");
  options.churn.churn = number_or(step, "s_churn", 0);
  options.churn.s_min = number_or(step, "s_tmin", 0);
  options.churn.s_max = number_or(step, "s_tmax", options.churn.s_max);
  options.churn.s_noise = number_or(step, "s_noise", 1);
  options.strength = number_or(set, "strength", 1);
  if (set.contains("original_inference_steps")) options.original_steps = count(set, "original_inference_steps");
  if (set.contains("timesteps")) return plan_of(scheduler, list(set["timesteps"], "timesteps"), options);
  return plan_of(scheduler, count(config, "num_inference_steps"), options);
}

/// What the official code keeps as its prediction: the data, or the noise where the solver works on noise.
void compare_predictions(const sampler_case& golden, const trajectory& ours, comparison& all)
{
  const bool noise = !golden.has("x0_predictions");
  const char* name = noise ? "converted_model_outputs" : "x0_predictions";
  const states theirs = golden.states_at(name);
  all.add(name, noise ? ours.outputs : ours.predictions, theirs, golden.tolerance(theirs));
}

/// Churn of the Euler schedulers acts on what the network did not see, and so on what they report as its prediction.
bool is_churned(const json& config)
{
  return number_or(member(config, "step_options"), "s_churn", 0) > 0;
}

}  // namespace

outcome check_diffusers(const sampler_case& golden)
{
  const json& config = golden.config();
  const scheduler_config scheduler = read_config(config);
  const fewstep::sampling_plan plan = read_plan(config, scheduler);
  const toy_network network(golden);
  const fewstep::denoiser_options options{
      .samples = golden.samples(),
      .use_clipped_output = member(member(config, "step_options"), "use_clipped_model_output") == true};
  const trajectory ours = with_denoiser(
      scheduler, plan, std::cref(network), [&](auto denoise) { return run(plan, golden, denoise); }, options);

  const states reached = golden.states_at("states");
  const numbers times = golden.times_at("model_times");
  comparison all;
  all.add("model_times", network.asked(), times, golden.tolerance(times));
  all.add("timesteps", network.asked(), golden.at("timesteps"), golden.tolerance(times));
  all.add("states", ours.reached, reached, golden.tolerance(reached));
  if (!is_churned(config)) compare_predictions(golden, ours, all);
  if (golden.has("init_noise_sigma"))
    all.add("init_noise_sigma", start_deviation(scheduler, plan), number(golden.field("init_noise_sigma"), ""),
            golden.tolerance(plan.start.sigma));
  return all.result();
}

}  // namespace conformance
