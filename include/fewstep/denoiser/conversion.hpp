/// @file
/// What a network predicts, turned into what a plan weighs. Every kind of prediction is a linear form in (x, output)
/// of the predicted data, so that one combination converts any kind into any other.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace fewstep {

/// result = of_x * x + of_output * output.
struct linear_form {
  double of_x;
  double of_output;
};

/// The predicted data D in terms of x = alpha D + sigma eps and of what was predicted:
///
///     noise     D = (x - sigma m) / alpha            velocity  D = (alpha x - sigma m) / (alpha^2 + sigma^2)
///     score     D = (x + sigma^2 m) / alpha          flow      D = (x - sigma m) / (alpha + sigma)
///
/// Infinite at alpha = 0 for noise and score, which say nothing of the data there.
inline linear_form data_from(prediction kind, const noise_level& at)
{
  const double a = at.alpha, s = at.sigma;
  switch (kind) {
    case prediction::noise:
      return {1 / a, -s / a};
    case prediction::velocity:
      return {a / (a * a + s * s), -s / (a * a + s * s)};
    case prediction::score:
      return {1 / a, s * s / a};
    case prediction::flow:
      return {1 / (a + s), -s / (a + s)};
    case prediction::data:
      break;
  }
  return {0, 1};
}

/// The other way round: any kind in terms of x and the data D. Infinite at sigma = 0 for all but data.
inline linear_form from_data(prediction kind, const noise_level& at)
{
  const double a = at.alpha, s = at.sigma;
  switch (kind) {
    case prediction::noise:
      return {1 / s, -a / s};
    case prediction::velocity:
      return {a / s, -(a * a + s * s) / s};
    case prediction::score:
      return {-1 / (s * s), a / (s * s)};
    case prediction::flow:
      return {1 / s, -(a + s) / s};
    case prediction::data:
      break;
  }
  return {0, 1};
}

/// One kind in terms of x and another.
inline linear_form conversion(prediction from, prediction to, const noise_level& at)
{
  if (from == to) return {0, 1};
  const linear_form data = data_from(from, at);
  if (to == prediction::data) return data;
  const linear_form wanted = from_data(to, at);
  return {wanted.of_x + wanted.of_output * data.of_x, wanted.of_output * data.of_output};
}

/// A denoiser whose output of kind `from` is turned into kind `to`. Throws std::invalid_argument at an evaluation where
/// the output does not determine what is wanted (noise at alpha = 0, anything at sigma = 0).
template <class D>
auto converted(D denoise, prediction from, prediction to)
{
  return [ denoise = detail::held<D>{std::move(denoise)}, from,
           to ]<tensor X>(const X& x, const evaluation& at, X& out) requires single_denoiser<D, X>
  {
    const auto [of_x, of_output] = conversion(from, to, at);
    if (!std::isfinite(of_x) || !std::isfinite(of_output))
      throw std::invalid_argument("the network's prediction cannot be converted at (" + to_string(at) +
                                  "): it does not determine what the plan weighs there");
    predict(denoise.call, x, at, out);
    if (from != to) tensor_traits<X>::combine(out, of_output, std::array{term<X>{of_x, &x}});
  };
}

}  // namespace fewstep
