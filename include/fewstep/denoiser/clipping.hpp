/// @file
/// Wrappers that look at every number of an estimate: clipping of the predicted data, and a guard against networks that
/// return NaN.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <array>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace fewstep {

/// Throws std::invalid_argument unless a clipping limit is positive.
inline void require_limit(double limit)
{
  if (!(limit > 0)) throw std::invalid_argument("a clipping limit must be positive, but is " + std::to_string(limit));
}

/// Predicted data held in [-limit, limit]. The noise of a step follows from the clipped data, as in Analytic-DPM, DDPM
/// and diffusers' `use_clipped_model_output`. For images, whose range is known; latents have none.
template <class D>
auto clipped(D denoise, double limit = 1)
{
  require_limit(limit);
  return [ denoise = std::move(denoise), limit ]<clampable X>(const X& x, const evaluation& at,
                                                              X& out) mutable requires std::same_as<estimate<D, X>, X>
  {
    predict(denoise, x, at, out);
    clamp(out, -limit, limit);
  };
}

/// Predicted data held in [-limit, limit], while the noise of a step goes on from the unclipped prediction: the
/// official DDIM. For plans that weigh one data prediction a row.
template <class D>
auto clipped_keeping_direction(D denoise, double limit = 1)
{
  require_limit(limit);
  return [ denoise = std::move(denoise), limit ]<clampable X>(
      const X& x, const evaluation& at, two_estimates<X>& out) mutable requires std::same_as<estimate<D, X>, X>
  {
    predict(denoise, x, at, out.direction);
    tensor_traits<X>::combine(out.data, 0, std::array{term<X>{1, &out.direction}});
    clamp(out.data, -limit, limit);
  };
}

/// A denoiser that throws std::runtime_error, naming row and level, if the network returns a number that is not finite.
template <class D>
auto finite(D denoise)
{
  return [denoise = std::move(denoise)]<measurable X>(const X& x, const evaluation& at,
                                                      X& out) mutable requires std::same_as<estimate<D, X>, X>
  {
    predict(denoise, x, at, out);
    if (!all_finite(out))
      throw std::runtime_error("the network returned a number that is not finite at row " + std::to_string(at.row) +
                               " (" + to_string(at) + ")");
  };
}

}  // namespace fewstep
