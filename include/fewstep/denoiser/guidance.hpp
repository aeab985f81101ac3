/// @file
/// Classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598) with a negative condition.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <array>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace fewstep {

/// negative + scale * (conditional - negative), where both denoisers predict the same kind and `negative` is the
/// network without a condition, or with one to steer away from. Scale 1 is the conditional network and costs one
/// evaluation, scale 0 the negative one. Throws std::invalid_argument unless scale is finite.
template <class D, class N>
auto guided(D conditional, N negative, double scale)
{
  if (!std::isfinite(scale))
    throw std::invalid_argument("a guidance scale must be finite, but is " + std::to_string(scale));
  return [ conditional = std::move(conditional), negative = std::move(negative), scale ]<tensor X>(
      const X& x, const evaluation& at, X& out) mutable requires std::same_as<estimate<D, X>, X> &&
      std::same_as<estimate<N, X>, X>
  {
    if (scale == 0) return predict(negative, x, at, out);
    predict(conditional, x, at, out);
    if (scale == 1) return;
    std::optional<X> away;
    predict(negative, x, at, away);
    tensor_traits<X>::combine(out, scale, std::array{term<X>{1 - scale, &*away}});
  };
}

}  // namespace fewstep
