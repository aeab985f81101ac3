/// @file
/// Networks over batches whose samples stand at different levels, and the wrappers that make of them what objectives
/// compare: predicted data.
#pragma once

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/train/batch.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep::train {

/// denoise(x, at) evaluates the network at a batch, sample k at level at[k], and returns a tensor of the shape of x.
/// Objectives take denoisers that predict data.
template <class D, class X>
concept batch_denoiser = std::invocable<D&, const X&, batch_levels> &&
    std::convertible_to<std::invoke_result_t<D&, const X&, batch_levels>, X>;

namespace detail {

/// denoise(x, at), checked to have the shape of x.
template <differentiable X, batch_denoiser<X> D>
X evaluated(D& denoise, const X& x, batch_levels at)
{
  X out = denoise(x, at);
  require_shape(out, x, "what a network returns for a batch");
  return out;
}

}  // namespace detail

/// The data that `network` predicts: skip * x + out * F(in * x, time), each sample with the scaling of its level. The
/// network is called with levels whose t is its own time. Throws std::invalid_argument where a scaling is infinite.
template <class N, preconditioning S>
auto preconditioned(N network, S scaling)
{
  return [ network = fewstep::detail::held<N>{std::move(network)}, scaling = std::move(scaling) ]<differentiable X>(
      const X& x, batch_levels at) requires batch_denoiser<N, X>
  {
    std::vector<double> skip, out, in;
    std::vector<noise_level> inner(at.begin(), at.end());
    for (noise_level& level : inner) {
      const network_scaling c = scaling(level);
      if (!std::isfinite(c.skip) || !std::isfinite(c.out) || !std::isfinite(c.in))
        throw std::invalid_argument("the network's prediction cannot be turned into data at (" + to_string(level) +
                                    "): its scaling divides by a signal or noise of zero");
      skip.push_back(c.skip), out.push_back(c.out), in.push_back(c.in);
      level.t = c.time;
    }
    const bool scaled = std::any_of(in.begin(), in.end(), [](double factor) { return factor != 1; });
    const X f = detail::evaluated(network.call, scaled ? detail::weighted(in, x) : x, batch_levels(inner));
    return detail::weighted(std::move(skip), x, std::move(out), f);
  };
}

/// The data predicted by a network whose output is of kind `from`. Throws std::invalid_argument at a level where the
/// output does not determine the data.
template <class D>
auto converted(D denoise, prediction from)
{
  return [ denoise = fewstep::detail::held<D>{std::move(denoise)},
           from ]<differentiable X>(const X& x, batch_levels at) requires batch_denoiser<D, X>
  {
    std::vector<double> of_x, of_output;
    for (const noise_level& level : at) {
      const linear_form data = data_from(from, level);
      if (!std::isfinite(data.of_x) || !std::isfinite(data.of_output))
        throw std::invalid_argument("the network's prediction cannot be converted at (" + to_string(level) +
                                    "): it does not determine the data there");
      of_x.push_back(data.of_x), of_output.push_back(data.of_output);
    }
    X output = detail::evaluated(denoise.call, x, at);
    return from == prediction::data ? output : detail::weighted(std::move(of_x), x, std::move(of_output), output);
  };
}

/// negative + scale * (conditional - negative), sample k with scales[k]: the teacher whose solver is augmented by
/// guidance. LCM's and PCM's w is scale - 1. Throws std::invalid_argument unless there is a finite scale for each
/// sample.
template <class D, class N>
auto guided(D conditional, N negative, std::vector<double> scales)
{
  for (const double scale : scales)
    if (!std::isfinite(scale))
      throw std::invalid_argument("a guidance scale must be finite, but is " + std::to_string(scale));
  return [
    conditional = fewstep::detail::held<D>{std::move(conditional)},
    negative = fewstep::detail::held<N>{std::move(negative)}, scales = std::move(scales)
  ]<differentiable X>(const X& x, batch_levels at) requires batch_denoiser<D, X> && batch_denoiser<N, X>
  {
    detail::require_count(scales.size(), at.size(), "guidance scales");
    const X wanted = detail::evaluated(conditional.call, x, at), away = detail::evaluated(negative.call, x, at);
    std::vector<double> rest;
    for (const double scale : scales) rest.push_back(1 - scale);
    return detail::weighted(scales, wanted, std::move(rest), away);
  };
}

/// What a network that is to be guided by itself says without guidance, sample k with scales[k]:
///
///     sg(negative) + (network - sg(negative)) / scale.
///
/// Trained in place of the network, by `denoising` and with what is shown without a condition as well, it leaves a
/// network whose one evaluation is the guided prediction of these scales: guidance-free training (Chen et al. 2025,
/// arXiv:2501.15420, with beta = 1 / scale). `negative` is usually the same network without its condition; sg
/// stops its gradient. Throws std::invalid_argument unless there is a positive scale for each sample.
template <class D, class N>
auto guidance_free(D network, N negative, std::vector<double> scales)
{
  for (double& scale : scales) {
    if (!(scale > 0 && std::isfinite(scale)))
      throw std::invalid_argument("the guidance scale that is trained for must be positive, but is " +
                                  std::to_string(scale));
    scale = 1 / scale;
  }
  auto stopped = [negative = fewstep::detail::held<N>{std::move(negative)}]<differentiable X>(
      const X& x, batch_levels at) requires batch_denoiser<N, X>
  {
    return gradient_traits<X>::without_gradients([&] { return detail::evaluated(negative.call, x, at); });
  };
  return guided(std::move(network), std::move(stopped), std::move(scales));
}

/// Where a network that predicts data takes x by one step of DDIM's form, sample k to the level ends[k]:
///
///     F(x, t, s) = alpha_s * D + sigma_s * (x - alpha_t * D) / sigma_t,
///
/// PCM's parametrisation (arXiv:2405.18407, section 3.1). A sample that stands at its end stays as it is.
/// Throws std::invalid_argument unless there is an end for each sample, at or below its level.
template <class D>
auto landing(D denoise, std::vector<noise_level> ends)
{
  for (const noise_level& end : ends) require_level(end);
  return [ denoise = fewstep::detail::held<D>{std::move(denoise)}, ends = std::move(ends) ]<differentiable X>(
      const X& x, batch_levels at) requires batch_denoiser<D, X>
  {
    detail::require_count(ends.size(), at.size(), "levels to land on");
    std::vector<double> keep, model;
    for (std::size_t k = 0; k < at.size(); ++k) {
      if (!(ends[k].sigma * at[k].alpha <= at[k].sigma * ends[k].alpha))
        throw std::invalid_argument("a sample must land at or below its level (" + to_string(at[k]) +
                                    "), but is to land at (" + to_string(ends[k]) + ")");
      const bool there = ends[k] == at[k];
      const plan_step row = there ? plan_step{.keep = 1} : first_order(at[k], ends[k], 0);
      keep.push_back(row.keep), model.push_back(row.model[0]);
    }
    return detail::weighted(std::move(keep), x, std::move(model), detail::evaluated(denoise.call, x, at));
  };
}

}  // namespace fewstep::train
