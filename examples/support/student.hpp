/// @file
/// What digits are trained on: the loss of one batch under each objective, and the plan by which the result is sampled.
#pragma once

#include "metric.hpp"
#include "training_batch.hpp"
#include "unet2d_torch.hpp"

#include "fewstep/adapt/torch_gradients.hpp"
#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/lcm.hpp"
#include "fewstep/plan/phased.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/train/adversarial.hpp"
#include "fewstep/train/consistency.hpp"
#include "fewstep/train/denoiser.hpp"
#include "fewstep/train/denoising.hpp"
#include "fewstep/train/discretisation.hpp"
#include "fewstep/train/level_sampling.hpp"
#include "fewstep/train/phased.hpp"
#include "fewstep/train/steps.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace examples {

namespace train = fewstep::train;

struct objective_options {
  std::string name = "denoising";  ///< or consistency, consistency-training, phased
  std::size_t times = 50;          ///< of the training grid; as many levels at the end of consistency-training
  std::size_t skip = 0;            ///< of the solver, 0 for one step of the grid
  std::size_t phases = 4;
  std::string solver = "ddim";  ///< or heun
  std::string metric{};         ///< a name of `metric_of`; empty for the usual one of the objective
  double guidance = 1;          ///< of the teacher; of denoising, the scale that the network is to have by itself
  bool clipped = false;         ///< the data that student and teacher predict is held in [-1, 1], as samplers hold it
  std::size_t steps = 1;        ///< of the whole training, over which levels grow
};

/// The metric of an objective, if none was chosen: that of iCT, or that of LCM and PCM.
inline std::string metric_name(const objective_options& o)
{
  if (!o.metric.empty()) return o.metric;
  return o.name == "consistency-training" ? "pseudo-huber" : "huber";
}

/// The loss of a batch; of phased distillation also where the student and the target landed, and at which edges.
struct learnt {
  at::Tensor loss;
  at::Tensor estimate{}, target{};
  std::vector<fewstep::noise_level> edges{};
};

/// The networks of a run. The target of phased and consistency training is the student itself.
struct trained_networks {
  unet2d_torch& student;
  unet2d_torch* target = nullptr;
  unet2d_torch* teacher = nullptr;
};

/// The network under labels, as a denoiser over batches.
inline auto labelled(unet2d_torch& net, const at::Tensor& labels)
{
  return [&net, labels](const at::Tensor& x, train::batch_levels at) {
    std::vector<double> times;
    for (const fewstep::noise_level& level : at) times.push_back(level.t);
    return net.forward(x, at::tensor(times), labels).to(at::kFloat);
  };
}

/// The losses of the objectives on one table.
class objective {
public:
  /// Throws std::invalid_argument for options out of range, or that the objective has not.
  objective(const objective_options& o, const fewstep::vp_table& table, fewstep::prediction predicts, metric compared) :
      options_(o),
      table_(table),
      predicts_(predicts),
      compared_(std::move(compared))
  {
    if (o.name == "consistency") jumps_ = train::distillation_steps(table, {.times = o.times, .skip = o.skip});
    if (o.name == "phased") phased_ = train::phased_steps(table, o.phases, {.times = o.times});
    if (o.name == "consistency-training" && o.times < 10)
      throw std::invalid_argument("consistency training needs at least 10 levels, but has " + std::to_string(o.times));
    if (o.name == "consistency-training" && o.guidance != 1)
      throw std::invalid_argument("guidance is the teacher's, and consistency-training has none");
    if (o.name == "denoising" && !(o.guidance >= 1 && std::isfinite(o.guidance)))
      throw std::invalid_argument("the guidance that denoising builds in must be at least 1, but is " +
                                  std::to_string(o.guidance));
    if (o.name == "denoising" && o.clipped)
      throw std::invalid_argument("--clipped holds what students predict, and denoising has none");
    if (o.name == "denoising" && !o.metric.empty())
      throw std::invalid_argument("--metric compares a student with its target, and denoising has none");
  }

  bool needs_teacher() const { return !jumps_.empty() || !phased_.empty(); }
  bool has_target() const { return !jumps_.empty(); }

  /// The mean loss of a batch at step k, whose images draw their levels by the first uniform number of each.
  learnt operator()(std::size_t k, const training_batch& batch, const trained_networks& nets,
                    std::int64_t no_class) const
  {
    if (options_.name == "denoising") return denoising_loss(batch, nets.student, no_class);
    const auto data = [&](unet2d_torch& net, const at::Tensor& labels) {
      return train::converted(labelled(net, labels), predicts_);
    };
    const auto held = [clipped = options_.clipped](auto predicted) {
      return [predicted = std::move(predicted), clipped](const at::Tensor& x, train::batch_levels at) {
        const at::Tensor d = predicted(x, at);
        return clipped ? d.clamp(-1, 1) : d;
      };
    };
    const fewstep::lcm_scaling boundary;
    const auto student = held(data(nets.student, batch.labels));
    if (options_.name == "consistency-training")
      return training_loss(k, batch, train::preconditioned(student, boundary));
    const auto solve = [&](const auto& teacher) {
      if (options_.name == "phased") return phased_loss(batch, student, teacher);
      return consistency_loss(batch, train::preconditioned(student, boundary),
                              train::preconditioned(held(data(*nets.target, batch.labels)), boundary), teacher);
    };
    const auto conditional = data(*nets.teacher, batch.labels);
    if (options_.guidance == 1) return solve(held(conditional));
    const auto negative = data(*nets.teacher, at::full_like(batch.labels, no_class));
    return solve(held(train::guided(conditional, negative, std::vector(batch.uniforms.size(), options_.guidance))));
  }

  /// The levels up to which a discriminator has images noised that stand at edges, by the second uniform number of
  /// each.
  std::vector<fewstep::noise_level> judged_levels(const learnt& of, const training_batch& batch) const
  {
    std::vector<fewstep::noise_level> above;
    for (std::size_t j = 0; j < of.edges.size(); ++j)
      above.push_back(train::adversarial_level(table_, of.edges[j], options_.phases, batch.uniforms[j][1]));
    return above;
  }

  /// How the result is sampled.
  fewstep::sampling_plan plan() const
  {
    if (options_.name == "denoising") return ddim(fewstep::trailing(table_, 20));
    if (options_.name == "phased") return fewstep::phased(fewstep::phases(table_, options_.phases, options_.times));
    return fewstep::lcm(table_, fewstep::lcm_times(table_.steps(), std::min<std::size_t>(4, options_.times),
                                                   {.original_steps = options_.times}));
  }

  /// Whether a consistency function is sampled, with its boundary scaling, or a network that predicts data.
  bool is_consistency() const { return options_.name.starts_with("consistency"); }

private:
  /// One of `all` for each image.
  template <class S>
  static std::vector<S> drawn(const std::vector<S>& all, const train::discrete_law& law, const training_batch& batch)
  {
    std::vector<S> out;
    for (const auto& uniforms : batch.uniforms) out.push_back(all[law(uniforms[0])]);
    return out;
  }

  learnt denoising_loss(const training_batch& batch, unet2d_torch& student, std::int64_t no_class) const
  {
    const auto at = drawn(fewstep::levels_of(table_), train::uniform_law(table_.steps()), batch);
    const auto loss = [&](const auto& network) -> learnt {
      return {train::mean(train::denoising(network, predicts_, batch.clean, at).losses).sum()};
    };
    const auto conditional = labelled(student, batch.labels);
    if (options_.guidance == 1) return loss(conditional);
    const auto negative = labelled(student, at::full_like(batch.labels, no_class));
    return loss(train::guidance_free(conditional, negative, std::vector(at.size(), options_.guidance)));
  }

  template <class F>
  learnt training_loss(std::size_t k, const training_batch& batch, const F& f) const
  {
    const std::size_t count = train::doubling_levels(
        k, {.first = std::min<std::size_t>(10, options_.times), .last = options_.times, .steps = options_.steps});
    const std::vector<double> sigmas = fewstep::karras_sigmas(count, fewstep::range_of(table_));
    std::vector<fewstep::noise_level> grid;
    for (const double sigma : sigmas) grid.push_back(table_.at_noise_to_signal(sigma));
    const auto steps = drawn(fewstep::jumps(grid), train::lognormal_law(sigmas), batch);
    const auto result = train::consistency_training(f, f, batch.clean, steps, compared_);
    return {train::mean(result.losses, train::inverse_lengths(steps)).sum()};
  }

  template <class S, class T, class U>
  learnt consistency_loss(const training_batch& batch, const S& student, const T& target, const U& teacher) const
  {
    const auto steps = drawn(jumps_, train::uniform_law(jumps_.size()), batch);
    const auto loss = [&](const auto& solver) -> learnt {
      const auto result =
          train::consistency_distillation(student, target, teacher, batch.clean, steps, compared_, solver);
      return {train::mean(result.losses).sum()};
    };
    return options_.solver == "heun" ? loss(train::heun_solver{}) : loss(train::ddim_solver{});
  }

  template <class S, class U>
  learnt phased_loss(const training_batch& batch, const S& student, const U& teacher) const
  {
    const auto steps = drawn(phased_, train::uniform_law(phased_.size()), batch);
    std::vector<fewstep::noise_level> edges;
    for (const train::phased_step& step : steps) edges.push_back(step.end);
    const auto loss = [&](const auto& solver) -> learnt {
      const auto result = train::phased_distillation(student, student, teacher, batch.clean, steps, compared_, solver);
      return {train::mean(result.losses).sum(), result.estimate, result.target, edges};
    };
    return options_.solver == "heun" ? loss(train::heun_solver{}) : loss(train::ddim_solver{});
  }

  objective_options options_;
  fewstep::vp_table table_;
  fewstep::prediction predicts_;
  metric compared_;
  std::vector<fewstep::jump> jumps_{};
  std::vector<train::phased_step> phased_{};
};

}  // namespace examples
