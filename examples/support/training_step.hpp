/// @file
/// One step of training.
#pragma once

#include "student.hpp"
#include "training_batch.hpp"
#include "training_options.hpp"
#include "training_state.hpp"
#include "unet2d_torch.hpp"

#include "fewstep/adapt/torch_gradients.hpp"
#include "fewstep/train/adversarial.hpp"
#include "fewstep/train/batch.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <vector>

namespace examples {

/// The learning rate of step k.
inline double rate_at(const training_options& o, std::size_t k)
{
  const double part = static_cast<double>(k) / static_cast<double>(o.objective.steps);
  const double rise =
      std::min(1.0, static_cast<double>(k + 1) / static_cast<double>(std::max<std::size_t>(1, o.warm_up)));
  return o.rate * rise * (o.cosine ? (1 + std::cos(std::numbers::pi * part)) / 2 : 1);
}

/// Takes a step of an optimiser down the gradient of a loss, its norm held, if that is finite; returns the norm.
inline double descend(torch::optim::AdamW& optimizer, const at::Tensor& loss, double rate, double clip)
{
  optimizer.zero_grad();
  loss.backward();
  const double norm = torch::nn::utils::clip_grad_norm_(optimizer.param_groups().front().params(), clip);
  static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups().front().options()).lr(rate);
  if (std::isfinite(norm) && std::isfinite(loss.item<double>())) optimizer.step();
  return norm;
}

struct step_result {
  double loss, norm;
};

/// Step k: of the student, of the discriminator, or of both.
inline step_result learn(const training_options& o, training_state& state, const objective& objective,
                         std::optional<unet2d_torch>& teacher, std::size_t k, const training_batch& batch)
{
  const bool adversarial = state.judge.has_value();
  const bool student_learns = !adversarial || train::trains_student(o.adversarial, k);
  const auto look = [&] {
    return objective(k, batch, {state.student, &state.target, teacher ? &*teacher : nullptr}, o.batch.no_class);
  };
  const learnt learnt = student_learns ? look() : fewstep::gradient_traits<at::Tensor>::without_gradients(look);
  step_result result{learnt.loss.item<double>(), 0};
  if (!adversarial) {
    result.norm = descend(state.optimizer, learnt.loss, rate_at(o, k), o.clip);
    return result;
  }
  const auto judge = state.judge->heads.judge(*teacher, batch.labels);
  const std::vector<fewstep::noise_level> above = objective.judged_levels(learnt, batch);
  const auto noisy = [&](const at::Tensor& x) { return train::renoised(x, learnt.edges, above, batch.fresh_noise); };
  if (train::trains_discriminator(o.adversarial, k)) {
    const at::Tensor real = o.real == "data" ? train::noised<at::Tensor>({batch.clean.data, batch.fresh_noise}, above)
                                             : noisy(learnt.target);
    const at::Tensor loss = train::discriminator_loss(judge, real, noisy(learnt.estimate), above);
    result.norm = descend(state.judge->optimizer, train::mean(loss).sum(), rate_at(o, k), o.clip);
  }
  if (student_learns) {
    const double weight = train::generator_weight(o.adversarial, k);
    at::Tensor loss = learnt.loss;
    if (weight > 0)
      loss = loss + weight * train::mean(train::generator_loss(judge, noisy(learnt.estimate), above)).sum();
    result.norm = descend(state.optimizer, loss, rate_at(o, k), o.clip);
  }
  return result;
}

}  // namespace examples
