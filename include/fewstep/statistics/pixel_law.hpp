/// @file
/// The probability that a normal law gives to the pixel in which a number lies (Ho et al. 2020, arXiv:2006.11239,
/// eq. 13): what makes a density a likelihood of images.
#pragma once

#include "fewstep/schedule/data_range.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>

namespace fewstep {

/// The cumulative normal law of the last step: exact, or the approximation by tanh that published numbers rest on,
/// (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2, with probabilities held above 1e-12.
enum class normal_law { exact, tanh };

/// Numbers on `steps` + 1 evenly spaced values in `range`, each in the middle of its pixel.
struct pixel_law {
  data_range range{};
  double steps = 255;
  normal_law law = normal_law::exact;
};

/// Throws std::invalid_argument unless the range is one and has a step.
inline void require_pixels(const pixel_law& pixels)
{
  require_data_range(pixels.range);
  if (!(pixels.steps >= 1 && std::isfinite(pixels.steps)))
    throw std::invalid_argument("pixels take at least two values, one step, but have " + std::to_string(pixels.steps));
}

namespace detail {

/// P(left < z < right).
inline double normal_between(double left, double right, normal_law law)
{
  if (law == normal_law::exact) {  // in the tail that is nearer no digits are lost
    const auto above = [](double z) { return std::erfc(z / std::numbers::sqrt2) / 2; };
    return left > 0 ? above(left) - above(right) : above(-right) - above(-left);
  }
  const auto below = [](double z) {
    if (std::isinf(z)) return z > 0 ? 1.0 : 0.0;
    return (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z))) / 2;
  };
  return below(right) - below(left);
}

}  // namespace detail

/// ln P(z in the pixel of `value`), z ~ N(mean, deviation^2). The outer pixels reach to infinity. Probabilities below
/// the smallest double, for tanh below 1e-12, count as that.
inline double log_probability(const pixel_law& pixels, double value, double mean, double deviation)
{
  const auto& [low, high] = pixels.range;
  const double half = (high - low) / pixels.steps / 2, infinity = std::numeric_limits<double>::infinity();
  const double left = value > low + half ? (value - half - mean) / deviation : -infinity;
  const double right = value < high - half ? (value + half - mean) / deviation : infinity;
  const double least = pixels.law == normal_law::tanh ? 1e-12 : std::numeric_limits<double>::min();
  return std::log(std::max(detail::normal_between(left, right, pixels.law), least));
}

}  // namespace fewstep
