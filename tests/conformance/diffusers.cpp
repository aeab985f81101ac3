#include "samplers.hpp"
#include "toy.hpp"
#include "trajectory.hpp"

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler_config.hpp"

#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

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
  require_known(set, "set_timesteps", {"timesteps"});
  require_known(step, "step_options", {"eta", "use_clipped_model_output"});
  fewstep::scheduler_options options{.diffusers_compatible = true};
  if (step.contains("eta")) options.eta = number(step["eta"], "eta");
  if (set.contains("timesteps")) return plan_of(scheduler, list(set["timesteps"], "timesteps"), options);
  const json& steps = member(config, "num_inference_steps");
  if (!steps.is_number_unsigned()) throw mismatch("\"num_inference_steps\" must be a number of steps");
  return plan_of(scheduler, steps.get<std::size_t>(), options);
}

/// Calls f with the network as the scheduler sees it: of the plan's kind, held in bounds.
template <class D, class F>
auto with_bounds(const scheduler_config& scheduler, bool keep_direction, std::size_t samples, D network, F f)
{
  const auto bound = [&](const auto& bounds) {
    return keep_direction ? f(clipped_keeping_direction(network, bounds)) : f(clipped(network, bounds));
  };
  if (!scheduler.bounds) return f(network);
  const auto& [limit, quantile] = *scheduler.bounds;
  if (!quantile) return bound(limit);
  return bound(fewstep::dynamic_threshold{.ratio = *quantile, .most = limit, .samples = samples});
}

}  // namespace

outcome check_diffusers(const sampler_case& golden)
{
  const json& config = golden.config();
  const scheduler_config scheduler = read_config(config);
  const fewstep::sampling_plan plan = read_plan(config, scheduler);
  const std::size_t samples = golden.samples();
  numbers asked;
  const auto network = [&](const numbers& x, const fewstep::evaluation& at) {
    asked.push_back(at.t);
    return toy(x, at.t, samples);
  };
  const bool keep_direction = std::holds_alternative<fewstep::ddim_scheduler>(scheduler.method) &&
                              member(member(config, "step_options"), "use_clipped_model_output") != true;
  const trajectory ours =
      with_bounds(scheduler, keep_direction, samples, fewstep::converted(network, scheduler.predicts, plan.predicts),
                  [&](auto denoise) { return run(plan, golden.at("initial"), denoise, golden.noises()); });

  const states reached = golden.states_at("states"), predictions = golden.states_at("x0_predictions");
  comparison all;
  all.add("timesteps", times_of(plan), golden.at("timesteps"), golden.tolerance(golden.at("timesteps")));
  all.add("model_times", asked, golden.at("model_times"), golden.tolerance(golden.at("model_times")));
  all.add("states", ours.reached, reached, golden.tolerance(reached));
  all.add("x0_predictions", ours.predictions, predictions, golden.tolerance(predictions));
  return all.result();
}

}  // namespace conformance
