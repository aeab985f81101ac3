#include "samplers.hpp"
#include "toy.hpp"

#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/lcm.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/train/batch.hpp"
#include "fewstep/train/consistency.hpp"
#include "fewstep/train/denoiser.hpp"
#include "fewstep/train/distance.hpp"
#include "fewstep/train/phased.hpp"
#include "fewstep/train/solver.hpp"
#include "fewstep/train/steps.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace conformance {

namespace {

namespace train = fewstep::train;
using fewstep::jump;
using fewstep::noise_level;
using fewstep::prediction;
using compared = train::compared<numbers>;

/// What the scripts of LCM and PCM have in common.
struct script_case {
  explicit script_case(const sampler_case& of) :
      golden(of),
      config(of.config()),
      table(fewstep::scaled_linear_vp(
          {1000, number_or(schedule(), "beta_start", 0.00085), number_or(schedule(), "beta_end", 0.012)})),
      clean{of.flat_at("latents"), of.flat_at("noise")},
      guidance(of.at("guidance_w")),
      huber_c(constant())
  {
    require_known(config, "config",
                  {"multiphase", "loss_type", "not_apply_cfg_solver", "noise_schedule", "num_ddim_timesteps", "w_min",
                   "w_max", "huber_c", "gains"});
    require_known(schedule(), "noise_schedule", {"beta_schedule", "beta_start", "beta_end", "prediction_type"});
    if (text(schedule(), "beta_schedule") != "scaled_linear")
      throw unsupported("another beta_schedule than scaled_linear");
    golden.require_network("toy-v1");
    for (double& w : guidance) w += 1;  // the scripts' w is the scale less one
  }

  const json& schedule() const { return member(config, "noise_schedule"); }
  double constant() const { return number(member(config, "huber_c"), "huber_c"); }
  double gain(const char* of) const { return number(member(member(config, "gains"), of), of); }

  prediction predicts() const
  {
    if (!schedule().contains("prediction_type")) return prediction::noise;
    if (text(schedule(), "prediction_type") == "v_prediction") return prediction::velocity;
    throw unsupported("another prediction_type than v_prediction");
  }

  /// The data that the network of such a gain predicts.
  auto data(const char* network) const { return train::converted(toy_batch(gain(network)), predicts()); }

  /// Data by which DDIM's step to `ends` lands where the script's does. The scripts take the output of a network for
  /// the noise whatever it predicts: theirs is alpha' D + sigma' * output, which for a velocity is not ours.
  auto stepping_data(const char* network, const std::vector<noise_level>& ends) const
  {
    return [output = toy_batch(gain(network)), own = data(network), ends, kind = predicts()](const numbers& x,
                                                                                             train::batch_levels at) {
      numbers d = own(x, at);
      if (kind == prediction::noise) return d;
      const numbers f = output(x, at);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t k = i / (x.size() / at.size());
        const double keep = ends[k].sigma / at[k].sigma, weight = ends[k].alpha - keep * at[k].alpha;
        if (weight != 0) d[i] = (ends[k].alpha * d[i] + ends[k].sigma * f[i] - keep * x[i]) / weight;
      }
      return d;
    };
  }

  /// The teacher, guided unless the case says not to. `not_apply_cfg_solver` takes the prompted network for both.
  auto teacher(const std::vector<noise_level>& ends) const
  {
    const bool plain = member(config, "not_apply_cfg_solver") == true;
    return train::guided(stepping_data("teacher_with_prompt", ends),
                         stepping_data(plain ? "teacher_with_prompt" : "teacher_without_prompt", ends), guidance);
  }

  /// Those of `steps`, noisiest first, that the case's indices name, which count from the clean end.
  template <class S>
  std::vector<S> picked(const std::vector<S>& steps) const
  {
    std::vector<S> out;
    for (const double index : golden.at("index")) {
      if (!(index >= 0 && index < static_cast<double>(steps.size()))) throw mismatch("\"index\" is beyond the grid");
      out.push_back(steps[steps.size() - 1 - static_cast<std::size_t>(index)]);
    }
    if (out.size() != guidance.size()) throw mismatch("there are not as many indices as scales");
    return out;
  }

  const sampler_case& golden;
  const json& config;
  fewstep::vp_table table;
  train::batch<numbers> clean;
  numbers guidance;
  double huber_c;
};

/// One of the levels of each step.
template <class S>
std::vector<noise_level> levels_of(const std::vector<S>& steps, noise_level S::*which)
{
  std::vector<noise_level> at;
  for (const S& step : steps) at.push_back(step.*which);
  return at;
}

void compare(const script_case& of, const std::vector<jump>& steps, const compared& result, comparison& all)
{
  const auto field = [&](const char* name, const numbers& ours) {
    const numbers theirs = of.golden.flat_at(name);
    all.add(name, ours, theirs, of.golden.tolerance(theirs));
  };
  numbers starts, ends;
  for (const auto& [from, to] : steps) starts.push_back(from.t), ends.push_back(to.t);
  const std::vector<noise_level> from = levels_of(steps, &jump::from), to = levels_of(steps, &jump::to);
  const numbers x = noised(of.clean, from);
  field("start_timesteps", starts);
  field("timesteps", ends);
  field("noisy_model_input", x);
  field("cond_pred_x0", of.data("teacher_with_prompt")(x, train::batch_levels(from)));
  field("x_prev", train::solver_step(of.teacher(to), x, steps, train::ddim_solver{}));
  field("model_pred", result.estimate);
  field("target", result.target);
  const double loss = number(of.golden.field("loss"), "loss");
  all.add("loss", train::mean(result.losses)[0], loss, of.golden.tolerance(loss));
}

/// f(metric) for the loss that a case names.
template <class F>
compared with_metric(const script_case& of, F f)
{
  const std::string type = text(of.config, "loss_type");
  if (type == "l2") return f(train::l2{});
  if (type == "huber") return f(train::element_huber(of.huber_c));
  throw unsupported("the loss_type \"" + type + "\" is not known");
}

outcome check_lcm_step(const script_case& of)
{
  const auto steps = of.picked(train::distillation_steps(of.table, {.times = count(of.config, "num_ddim_timesteps")}));
  const fewstep::lcm_scaling boundary;
  const auto student = train::preconditioned(of.data("student"), boundary);
  const auto target = train::preconditioned(of.data("target"), boundary);
  const compared result = with_metric(of, [&](const auto& metric) {
    return train::consistency_distillation(student, target, of.teacher(levels_of(steps, &jump::to)), of.clean, steps,
                                           metric, train::ddim_solver{});
  });
  comparison all;
  compare(of, steps, result, all);
  // sines of angles up to 1000 w, each right to half a unit in the last place of the angle
  const states embeddings = of.golden.states_at("w_embedding");
  if (embeddings.size() != steps.size()) throw mismatch("there are not as many embeddings as samples");
  for (std::size_t k = 0; k < embeddings.size(); ++k)
    all.add("w_embedding", fewstep::guidance_embedding(of.guidance[k], embeddings[k].size()), embeddings[k],
            1e-12 + 2.3e-16 * 1000 * of.guidance[k]);
  return all.result();
}

outcome check_pcm_step(const script_case& of)
{
  const auto phased = of.picked(
      train::phased_steps(of.table, count(of.config, "multiphase"), {.times = count(of.config, "num_ddim_timesteps")}));
  const auto student = of.stepping_data("student", levels_of(phased, &train::phased_step::end));
  const auto teacher = of.teacher(levels_of(phased, &train::phased_step::to));
  const compared result = with_metric(of, [&](const auto& metric) {
    return train::phased_distillation(student, student, teacher, of.clean, phased, metric);
  });
  comparison all;
  std::vector<jump> steps;
  numbers ends;
  for (const auto& [from, to, end] : phased) steps.push_back({from, to}), ends.push_back(end.t);
  compare(of, steps, result, all);
  all.add("end_timesteps", ends, of.golden.flat_at("end_timesteps"), of.golden.tolerance(1));
  return all.result();
}

}  // namespace

outcome check_distillation(const sampler_case& golden)
{
  const script_case of(golden);
  return of.config.contains("multiphase") ? check_pcm_step(of) : check_lcm_step(of);
}

}  // namespace conformance
