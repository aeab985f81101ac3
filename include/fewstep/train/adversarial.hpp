/// @file
/// The adversarial term of phased consistency models: Wang et al. 2024 (arXiv:2405.18407, section 3.3). A discriminator
/// tells where the student lands from where the target does, both noised anew; what it looks at may be features of the
/// teacher or a network of its own.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/train/batch.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep::train {

/// judge(x, at) scores a batch: real above 1, false below -1. A tensor of scores, or one for each of several heads; the
/// samples are slowest, whatever else a head's scores count (places of an image).
template <class J, class X>
concept discriminator = std::invocable<J&, const X&, batch_levels> &&
    (std::convertible_to<std::invoke_result_t<J&, const X&, batch_levels>, X> ||
     std::convertible_to<std::invoke_result_t<J&, const X&, batch_levels>, std::vector<X>>);

/// A discriminator of heads over features: features(x, at) returns a vector of batches, as many as there are heads, and
/// heads[j](features[j]) scores. The network whose features they are, mostly the teacher, stays as it is. Throws
/// std::invalid_argument if there are not as many features as heads.
template <class F, class H>
auto feature_discriminator(F features, std::vector<H> heads)
{
  return
      [features = fewstep::detail::held<F>{std::move(features)},
       heads = fewstep::detail::held<std::vector<H>>{std::move(heads)}]<differentiable X>(const X& x, batch_levels at) {
        const std::vector<X> seen = features.call(x, at);
        if (seen.size() != heads.call.size() || seen.empty())
          throw std::invalid_argument("a discriminator needs a head for each feature, but has " +
                                      std::to_string(heads.call.size()) + " heads and " + std::to_string(seen.size()) +
                                      " features");
        std::vector<X> scores;
        for (std::size_t j = 0; j < seen.size(); ++j) scores.push_back(heads.call[j](seen[j]));
        return scores;
      };
}

/// x with the noise that leads from the levels at which it stands to higher ones:
///
///     (alpha_t / alpha_s) x + sqrt(sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2) z,
///
/// the forward process for any alpha. (The official code for flows adds less than that.) Throws std::invalid_argument
/// unless there are two levels for each sample, the second not below the first, and noise has the shape of x.
template <differentiable X>
X renoised(const X& x, batch_levels from, batch_levels to, const X& noise)
{
  detail::require_samples(x, from.size(), "x");
  detail::require_count(to.size(), from.size(), "levels to noise up to");
  detail::require_shape(noise, x, "fresh noise");
  std::vector<double> keep, fresh;
  for (std::size_t k = 0; k < from.size(); ++k) {
    if (!(from[k].alpha > 0 && to[k].sigma * from[k].alpha >= from[k].sigma * to[k].alpha))
      throw std::invalid_argument("noise can only be added, but (" + to_string(to[k]) + ") holds less than (" +
                                  to_string(from[k]) + ")");
    keep.push_back(to[k].alpha / from[k].alpha), fresh.push_back(forward_deviation(to[k], from[k]));
  }
  return detail::weighted(std::move(keep), x, std::move(fresh), noise);
}

/// The level up to which the official code noises what stands at the edge s of one of `phases` phases: time
/// s + floor(u * floor(T / phases)), u in [0, 1), at most the last.
inline noise_level adversarial_level(const vp_table& table, const noise_level& edge, std::size_t phases, double u)
{
  if (phases == 0 || phases > table.steps() || !(u >= 0 && u < 1))
    throw std::invalid_argument("an adversarial level needs 1 to " + std::to_string(table.steps()) +
                                " phases and u in [0, 1), but got " + std::to_string(phases) + " and " +
                                std::to_string(u));
  const double span = std::floor(u * static_cast<double>(table.steps() / phases));
  return table(std::min(edge.t + span, static_cast<double>(table.steps() - 1)));
}

namespace detail {

/// The mean of max(0, 1 + sign * score) in each sample, (y + |y|) / 2 being the positive part of y.
template <differentiable X>
X hinge(const X& scores, double sign, std::size_t samples)
{
  require_samples(scores, samples, "scores");
  const X margin = weighted(std::vector(samples, sign), scores, 1);
  const std::vector half(samples, 0.5);
  return gradient_traits<X>::means(weighted(half, margin, half, gradient_traits<X>::magnitude(margin)), samples);
}

/// The same of what `judge` says of x, the mean over its heads.
template <differentiable X, discriminator<X> J>
X judged(J& judge, const X& x, batch_levels at, double sign)
{
  const auto scores = judge(x, at);
  if constexpr (std::convertible_to<decltype(scores), X>) {
    return hinge<X>(scores, sign, at.size());
  } else {
    if (scores.empty()) throw std::invalid_argument("a discriminator needs at least one head, but has none");
    std::vector<X> parts;
    std::vector<sample_term<X>> terms;
    for (const X& head : scores) parts.push_back(hinge(head, sign, at.size()));
    for (const X& part : parts) terms.push_back({std::vector(at.size(), 1 / static_cast<double>(parts.size())), &part});
    return gradient_traits<X>::sum(terms, 0);
  }
}

}  // namespace detail

/// max(0, 1 - D(real)) + max(0, 1 + D(fake)), the mean in each sample: what the discriminator lowers. Neither real nor
/// fake gets a gradient.
template <differentiable X, discriminator<X> J>
X discriminator_loss(J&& judge, const X& real, const X& fake, batch_levels at)
{
  detail::require_samples(real, at.size(), "what a discriminator compares");
  detail::require_shape(fake, real, "what a discriminator compares");
  const std::vector ones(at.size(), 1.0);
  return detail::weighted(ones, detail::judged(judge, stopped(real, at.size()), at, -1), ones,
                          detail::judged(judge, stopped(fake, at.size()), at, 1));
}

/// max(0, 1 - D(fake)), the mean in each sample: what the student lowers, times `generator_weight`.
template <differentiable X, discriminator<X> J>
X generator_loss(J&& judge, const X& fake, batch_levels at)
{
  detail::require_samples(fake, at.size(), "what a discriminator scores");
  return detail::judged(judge, fake, at, -1);
}

/// When the two are trained. The official code takes turns: at even steps the discriminator, at odd steps the student
/// with both of its losses.
struct adversarial_schedule {
  double weight = 0.1;    ///< of the generator's loss beside the consistency loss
  std::size_t start = 0;  ///< steps before the adversarial term begins
  std::size_t warm_up =
      0;                   ///< steps of the discriminator's head start, and over which the weight then rises to its own
  bool take_turns = true;  ///< else both learn at every step
};

/// Whether step k trains the discriminator.
inline bool trains_discriminator(const adversarial_schedule& schedule, std::size_t k)
{
  return k >= schedule.start && (!schedule.take_turns || (k - schedule.start) % 2 == 0);
}

/// Whether step k trains the student.
inline bool trains_student(const adversarial_schedule& schedule, std::size_t k)
{
  return k < schedule.start || !schedule.take_turns || (k - schedule.start) % 2 == 1;
}

/// The weight of the generator's loss at step k: 0 for `warm_up` steps after the start, then linearly up to `weight`
/// over as many.
inline double generator_weight(const adversarial_schedule& schedule, std::size_t k)
{
  if (!trains_student(schedule, k) || k < schedule.start + schedule.warm_up) return 0;
  if (schedule.warm_up == 0) return schedule.weight;
  const auto risen = static_cast<double>(k - schedule.start - schedule.warm_up);
  return schedule.weight * std::min(1.0, risen / static_cast<double>(schedule.warm_up));
}

}  // namespace fewstep::train
