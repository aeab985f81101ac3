#include "samplers.hpp"
#include "toy.hpp"

#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/train/average.hpp"
#include "fewstep/train/batch.hpp"
#include "fewstep/train/consistency.hpp"
#include "fewstep/train/denoiser.hpp"
#include "fewstep/train/denoising.hpp"
#include "fewstep/train/discretisation.hpp"
#include "fewstep/train/distance.hpp"
#include "fewstep/train/level_sampling.hpp"
#include "fewstep/train/progressive.hpp"
#include "fewstep/train/solver.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace conformance {

namespace {

namespace train = fewstep::train;
using fewstep::jump;
using fewstep::noise_level;
using level_list = std::vector<noise_level>;
using compared = train::compared<numbers>;

/// KarrasDenoiser's options: the student's, or the teacher's.
struct karras_denoiser {
  bool distillation;
  double sigma_data, sigma_min, sigma_max, rho;
  std::string norm, weights;

  fewstep::edm_scaling plain() const { return {sigma_data, 250}; }
  fewstep::consistency_scaling boundary() const { return {sigma_data, sigma_min}; }

  /// The grid of n levels.
  level_list grid(std::size_t n) const
  {
    level_list at;
    for (const double sigma : fewstep::karras_sigmas(n, {sigma_min, sigma_max}, rho))
      at.push_back(fewstep::edm_schedule{}(sigma));
    return at;
  }
};

karras_denoiser denoiser_of(const json& options)
{
  require_known(options, "KarrasDenoiser",
                {"loss_norm", "distillation", "weight_schedule", "sigma_data", "sigma_min", "sigma_max", "rho"});
  return {member(options, "distillation") == true,
          number_or(options, "sigma_data", 0.5),
          number_or(options, "sigma_min", 0.002),
          number_or(options, "sigma_max", 80),
          number_or(options, "rho", 7),
          text(options, "loss_norm"),
          options.contains("weight_schedule") ? text(options, "weight_schedule") : "karras"};
}

train::weighting weighting_of(const std::string& name)
{
  using train::weighting;
  constexpr std::array<std::pair<const char*, weighting>, 5> known{{{"uniform", weighting::uniform},
                                                                    {"snr", weighting::snr},
                                                                    {"snr+1", weighting::snr_plus_one},
                                                                    {"truncated-snr", weighting::truncated_snr},
                                                                    {"karras", weighting::karras}}};
  for (const auto& [official, kind] : known)
    if (name == official) return kind;
  throw unsupported("the weight_schedule \"" + name + "\" is not known");
}

/// f(metric) for the metric that a case names.
template <class F>
compared with_metric(const std::string& norm, F f)
{
  if (norm == "l2") return f(train::l2{});
  if (norm == "l1") return f(train::l1{});
  throw unsupported("the loss_norm \"" + norm + "\" is not known");
}

/// A case of losses: batch, options, networks.
struct loss_case {
  explicit loss_case(const sampler_case& of) :
      golden(of),
      config(of.config()),
      student(denoiser_of(member(config, "KarrasDenoiser"))),
      clean{of.flat_at("x_start"), of.flat_at("noise")},
      samples(of.states_at("x_start").size()),
      model(gain("model")),
      target(gain("target_model")),
      teacher(gain("teacher_model"))
  {
    require_known(config, "config", {"kind", "KarrasDenoiser", "gains", "num_scales", "teacher_KarrasDenoiser"});
    golden.require_network("toy-v1");
  }

  double gain(const char* of) const { return number(member(member(config, "gains"), of), of); }

  karras_denoiser teacher_options() const { return denoiser_of(member(config, "teacher_KarrasDenoiser")); }

  const sampler_case& golden;
  const json& config;
  karras_denoiser student;
  train::batch<numbers> clean;
  std::size_t samples;
  toy_batch model, target, teacher;
};

/// The levels of the grid at the case's indices, `offset` further on.
level_list picked(const loss_case& of, const level_list& grid, std::size_t stride, std::size_t offset)
{
  level_list at;
  for (const double index : of.golden.at("indices")) {
    const std::size_t place = stride * static_cast<std::size_t>(index) + offset;
    if (place >= grid.size()) throw mismatch("\"indices\" holds an index beyond the grid");
    at.push_back(grid[place]);
  }
  if (at.size() != of.samples) throw mismatch("there are not as many indices as samples");
  return at;
}

class comparison_with : public comparison {
public:
  explicit comparison_with(const sampler_case& golden) : golden_(golden) {}

  void field(const char* name, const numbers& ours)
  {
    const numbers theirs = golden_.flat_at(name);
    add(name, ours, theirs, golden_.tolerance(theirs));
  }

  void sigmas(const char* name, const level_list& at)
  {
    numbers ours;
    for (const noise_level& level : at) ours.push_back(level.sigma);
    field(name, ours);
  }

  /// Losses by sample, weighed at the levels.
  void losses(const char* name, const loss_case& of, const compared& result, const level_list& at)
  {
    const numbers weights = train::loss_weights(weighting_of(of.student.weights), at, of.student.sigma_data);
    field("weights", weights);
    numbers ours = result.losses;
    for (std::size_t k = 0; k < ours.size(); ++k) ours[k] *= weights[k];
    field(name, ours);
  }

  void times(const char* name, const toy_batch& network)
  {
    const states theirs = golden_.states_at(name);
    add(name, network.asked(), theirs, golden_.tolerance(theirs));
  }

private:
  const sampler_case& golden_;
};

outcome check_denoising(const loss_case& of)
{
  level_list at;
  for (const double sigma : of.golden.at("sigmas")) at.push_back(fewstep::edm_schedule{}(sigma));
  const auto network = train::preconditioned(of.model, of.student.plain());
  const compared result = with_metric(of.student.norm, [&](const auto& metric) {
    return train::denoising(network, fewstep::prediction::data, of.clean, at, metric);
  });
  comparison_with all(of.golden);
  all.field("x_t", noised(of.clean, at));
  all.field("denoised", result.estimate);
  all.field("terms_xs_mse", result.losses);
  all.losses("terms_loss", of, result, at);
  all.times("model_times", of.model);
  return all.result();
}

/// Consistency distillation and training.
outcome check_consistency(const loss_case& of, bool with_teacher)
{
  if (!of.student.distillation) throw unsupported("a consistency loss without the boundary scaling");
  const level_list grid = of.student.grid(count(of.config, "num_scales"));
  const level_list from = picked(of, grid, 1, 0), to = picked(of, grid, 1, 1);
  std::vector<jump> steps;
  for (std::size_t k = 0; k < from.size(); ++k) steps.push_back({from[k], to[k]});
  const auto student = train::preconditioned(of.model, of.student.boundary());
  const auto target = train::preconditioned(of.target, of.student.boundary());

  comparison_with all(of.golden);
  numbers x_to = noised(of.clean, to);
  compared result;
  if (with_teacher) {
    const auto teacher = train::preconditioned(of.teacher, of.teacher_options().plain());
    result = with_metric(of.student.norm, [&](const auto& metric) {
      return train::consistency_distillation(student, target, teacher, of.clean, steps, metric);
    });
    all.times("teacher_times", of.teacher);
    x_to = train::solver_step(teacher, noised(of.clean, from), steps, train::heun_solver{});
  } else {
    result = with_metric(of.student.norm, [&](const auto& metric) {
      return train::consistency_training(student, target, of.clean, steps, metric);
    });
  }
  all.sigmas("t", from);
  all.sigmas("t2", to);
  all.field("x_t", noised(of.clean, from));
  all.field("x_t2", x_to);
  all.field("distiller", result.estimate);
  all.field("distiller_target", result.target);
  all.losses("terms_loss", of, result, from);
  all.times("model_times", of.model);
  all.times("target_times", of.target);
  return all.result();
}

outcome check_progressive(const loss_case& of)
{
  const level_list grid = of.student.grid(2 * count(of.config, "num_scales") + 1);
  const level_list from = picked(of, grid, 2, 0), middle = picked(of, grid, 2, 1), to = picked(of, grid, 2, 2);
  std::vector<train::double_step> steps;
  for (std::size_t k = 0; k < from.size(); ++k) steps.push_back({from[k], middle[k], to[k]});
  const auto student = train::preconditioned(of.model, of.student.plain());
  const auto teacher = train::preconditioned(of.teacher, of.teacher_options().plain());
  const compared result = with_metric(of.student.norm, [&](const auto& metric) {
    return train::progressive_distillation(student, teacher, of.clean, steps, metric);
  });
  comparison_with all(of.golden);
  all.sigmas("t", from);
  all.sigmas("t2", middle);
  all.sigmas("t3", to);
  all.field("x_t", noised(of.clean, from));
  all.field("denoised_x", result.estimate);
  all.field("target_x", result.target);
  all.losses("terms_loss", of, result, from);
  all.times("model_times", of.model);
  all.times("teacher_times", of.teacher);
  return all.result();
}

/// A number of training steps, which may exceed what `count` takes for a size.
std::size_t training_steps(const json& value, std::string_view what)
{
  const double steps = number(value, what);
  if (!(steps >= 0 && steps <= 1e9 && steps == std::floor(steps)))
    throw mismatch("\"" + std::string(what) + "\" must hold numbers of training steps");
  return static_cast<std::size_t>(steps);
}

/// The number of levels and the target's decay at step k, in the code's own three modes.
std::pair<double, double> schedule_at(std::size_t k, const json& options)
{
  const double decay = number_or(options, "start_ema", 1);
  const train::level_growth growth{count(options, "start_scales"), count(options, "end_scales"),
                                   training_steps(member(options, "total_steps"), "total_steps")};
  const std::string ema = text(options, "target_ema_mode"), scales = text(options, "scale_mode");
  if (scales == "progdist" && ema == "fixed")
    return {static_cast<double>(train::halving_steps(
                k, growth.first, training_steps(member(options, "distill_steps_per_iter"), "distill_steps_per_iter"))),
            1};
  if (scales == "fixed" && ema == "fixed") return {static_cast<double>(growth.first), decay};
  if (scales != "progressive") throw unsupported("the scale_mode \"" + scales + "\" is not known");
  const auto grown = static_cast<double>(train::progressive_levels(k, growth));
  if (ema == "fixed") return {grown, decay};
  if (ema != "adaptive") throw unsupported("the target_ema_mode \"" + ema + "\" is not known");
  return {grown, train::target_decay(k, decay, growth, train::decay_rule::official_code)};
}

outcome check_schedules(const sampler_case& golden)
{
  comparison all;
  for (const json& schedule : golden.field("schedules")) {
    const json& options = member(schedule, "options");
    require_known(options, "options",
                  {"start_ema", "start_scales", "end_scales", "total_steps", "distill_steps_per_iter",
                   "target_ema_mode", "scale_mode"});
    numbers scales, decays;
    for (const json& step : member(schedule, "steps")) {
      const auto [grown, decay] = schedule_at(training_steps(step, "steps"), options);
      scales.push_back(grown), decays.push_back(decay);
    }
    all.add("scales", scales, list(member(schedule, "scales"), "scales"), 0);
    all.add("ema", decays, list(member(schedule, "ema"), "ema"), 1e-12);
  }
  const json& update = golden.field("update_ema");
  states after;
  for (const double rate : list(member(update, "rates"), "rates")) {
    std::vector<numbers> mean{list(member(update, "target"), "target")};
    train::update_average(mean, {list(member(update, "source"), "source")}, rate);
    after.push_back(mean[0]);
  }
  const states theirs = lists(member(update, "after"), "after");
  all.add("update_ema", after, theirs, golden.tolerance(theirs));
  return all.result();
}

}  // namespace

outcome check_training(const sampler_case& golden)
{
  if (golden.has("schedules")) return check_schedules(golden);
  const loss_case of(golden);
  const std::string kind = text(of.config, "kind");
  if (kind == "denoising") return check_denoising(of);
  if (kind == "distillation") return check_consistency(of, true);
  if (kind == "training") return check_consistency(of, false);
  if (kind == "progressive") return check_progressive(of);
  throw unsupported("the objective \"" + kind + "\" is not known");
}

}  // namespace conformance
