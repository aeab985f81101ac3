/// @file
/// The objective that teachers are trained by: to predict data, noise or a mixture of both from noised data.
#pragma once

#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/train/batch.hpp"
#include "fewstep/train/denoiser.hpp"
#include "fewstep/train/distance.hpp"

#include <array>
#include <utility>
#include <vector>

namespace fewstep::train {

/// What a network that predicts `kind` should say of x = alpha * data + sigma * noise (see `prediction`).
template <differentiable X>
X prediction_target(prediction kind, const batch<X>& clean, batch_levels at)
{
  const auto parts = [kind](const noise_level& level) -> std::array<double, 2> {
    switch (kind) {
      case prediction::noise:
        return {0, 1};
      case prediction::velocity:
        return {-level.sigma, level.alpha};
      case prediction::score:
        return {0, -1 / level.sigma};
      case prediction::flow:
        return {-1, 1};
      case prediction::data:
        break;
    }
    return {1, 0};
  };
  return detail::weighted(
      detail::for_each_level(at, [&](const noise_level& level) { return parts(level)[0]; }), clean.data,
      detail::for_each_level(at, [&](const noise_level& level) { return parts(level)[1]; }), clean.noise);
}

/// The distance of what the network says at noised data from what it should say. With `l2` and prediction::noise the
/// loss of DDPM (Ho et al. 2020, arXiv:2006.11239, eq. 14), with prediction::data and weights 1 / out^2 EDM's.
/// Throws std::invalid_argument on shapes that differ, and unless there is a level for each sample.
template <differentiable X, batch_denoiser<X> N, distance<X> M = l2>
compared<X> denoising(N&& network, prediction kind, const batch<X>& clean, batch_levels at, const M& metric = {})
{
  const X x = noised(clean, at);
  X target = prediction_target(kind, clean, at);
  X estimate = detail::evaluated(network, x, at);
  X losses = metric(estimate, target, at.size());
  return {std::move(losses), std::move(estimate), std::move(target)};
}

}  // namespace fewstep::train
