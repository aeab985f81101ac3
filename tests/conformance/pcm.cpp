#include "samplers.hpp"
#include "toy.hpp"
#include "trajectory.hpp"

#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/plan/flow.hpp"
#include "fewstep/plan/phased.hpp"
#include "fewstep/plan/plan.hpp"

#include <string>

namespace conformance {

namespace {

/// PCMFMDeterministicScheduler and PCMFMStochasticScheduler.
outcome check_flow(const sampler_case& golden, bool stochastic)
{
  const json& config = golden.config();
  const json& options = member(config, "scheduler_options");
  require_known(options, "scheduler_options", {"num_train_timesteps", "shift", "pcm_timesteps"});
  require_known(member(config, "set_timesteps"), "set_timesteps", {});
  require_known(member(config, "step_options"), "step_options", {});
  const fewstep::pcm_flow_spacing spacing{.grid = count(options, "pcm_timesteps"),
                                          .shift = number(member(options, "shift"), "shift"),
                                          .table = count(options, "num_train_timesteps")};
  const auto grid = fewstep::pcm_flow_grid(count(config, "num_inference_steps"), spacing);
  const fewstep::sampling_plan plan = stochastic ? fewstep::flow_stochastic(grid) : fewstep::flow_euler(grid);
  const toy_network network(golden);
  const auto denoise = fewstep::preconditioned(network, fewstep::flow_scaling{static_cast<double>(spacing.table)});
  const trajectory ours = run(plan, golden, denoise);

  numbers sigmas;
  for (const fewstep::noise_level& at : grid) sigmas.push_back(at.sigma);
  const states reached = golden.states_at("states"), predictions = golden.states_at("x0_predictions");
  comparison all;
  all.add("sigmas", sigmas, golden.at("sigmas"), golden.tolerance(1));
  all.add("timesteps", network.asked(), golden.at("timesteps"), golden.tolerance(golden.at("timesteps")));
  all.add("model_times", network.asked(), golden.times_at("model_times"),
          golden.tolerance(golden.times_at("model_times")));
  all.add("states", ours.reached, reached, golden.tolerance(reached));
  all.add("x0_predictions", ours.predictions, predictions, golden.tolerance(predictions));
  return all.result();
}

}  // namespace

outcome check_pcm(const sampler_case& golden)
{
  const json& config = golden.config();
  if (config.contains("loss_type")) return check_distillation(golden);
  if (!config.contains("scheduler")) return check_solver(golden);
  const std::string scheduler = text(config, "scheduler");
  if (scheduler == "PCMFMDeterministicScheduler") return check_flow(golden, false);
  if (scheduler == "PCMFMStochasticScheduler") return check_flow(golden, true);
  return check_diffusers(golden);
}

}  // namespace conformance
