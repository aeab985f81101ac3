/// @file
/// Wrappers that look at every number of an estimate: clipping and dynamic thresholding of the predicted data, and a
/// guard against networks that return NaN.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// Dynamic thresholding (Saharia et al. 2022, arXiv:2205.11487): each sample's data is clipped to [-s, s] and divided
/// by s, where s is the `ratio` quantile of its magnitudes, held in [1, most]. A batch holds `samples` samples, slowest
/// in storage.
struct dynamic_threshold {
  double ratio = 0.995;
  double most = 1;
  std::size_t samples = 1;
};

namespace detail {

inline void require_bounds(double limit)
{
  if (!(limit > 0)) throw std::invalid_argument("a clipping limit must be positive, but is " + std::to_string(limit));
}

inline void require_bounds(const dynamic_threshold& bounds)
{
  if (!(bounds.ratio > 0 && bounds.ratio <= 1) || !(bounds.most >= 1))
    throw std::invalid_argument(
        "dynamic thresholding takes a ratio in (0, 1] and a largest threshold of at least 1, but has " +
        std::to_string(bounds.ratio) + " and " + std::to_string(bounds.most));
}

template <clampable X>
void hold(X& data, double limit)
{
  clamp(data, -limit, limit);
}

template <has_elements X>
void hold(X& data, const dynamic_threshold& bounds)
{
  const std::vector<double> sizes = quantile_abs(data, bounds.samples, bounds.ratio);
  fill_samples(data, bounds.samples, [&]<class S>(std::size_t k, std::span<S> numbers) {
    const double s = std::clamp(sizes[k], 1.0, bounds.most);
    for (S& number : numbers) number = static_cast<S>(std::clamp(static_cast<double>(number), -s, s) / s);
  });
}

}  // namespace detail

/// Predicted data held in [-limit, limit], or within a dynamic_threshold. The noise of a step follows from the clipped
/// data, as in Analytic-DPM, DDPM and diffusers' `use_clipped_model_output`. For images, whose range is known; latents
/// have none. Throws std::invalid_argument if the bounds are none.
template <class D, class B = double>
auto clipped(D denoise, B bounds = 1)
{
  detail::require_bounds(bounds);
  return [ denoise = detail::held<D>{std::move(denoise)},
           bounds ]<clampable X>(const X& x, const evaluation& at, X& out) requires single_denoiser<D, X>
  {
    predict(denoise.call, x, at, out);
    detail::hold(out, bounds);
  };
}

/// The same, but the noise of a step goes on from the unclipped prediction: the official DDIM. For plans that weigh one
/// data prediction a row.
template <class D, class B = double>
auto clipped_keeping_direction(D denoise, B bounds = 1)
{
  detail::require_bounds(bounds);
  return [ denoise = detail::held<D>{std::move(denoise)},
           bounds ]<clampable X>(const X& x, const evaluation& at, two_estimates<X>& out) requires single_denoiser<D, X>
  {
    predict(denoise.call, x, at, out.direction);
    tensor_traits<X>::combine(out.data, 0, std::array{term<X>{1, &out.direction}});
    detail::hold(out.data, bounds);
  };
}

/// A denoiser that throws std::runtime_error, naming row and level, if the network returns a number that is not finite.
template <class D>
auto finite(D denoise)
{
  return [denoise = detail::held<D>{std::move(denoise)}]<measurable X>(const X& x, const evaluation& at,
                                                                       X& out) requires single_denoiser<D, X>
  {
    predict(denoise.call, x, at, out);
    if (!all_finite(out))
      throw std::runtime_error("the network returned a number that is not finite at row " + std::to_string(at.row) +
                               " (" + to_string(at) + ")");
  };
}

}  // namespace fewstep
