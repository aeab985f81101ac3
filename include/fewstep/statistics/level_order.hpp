/// @file
/// In which order levels are measured, so that the first few already serve for all.
#pragma once

#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace fewstep {

namespace detail {

/// The digits of k in base 2 behind the point, in reverse (van der Corput 1935): 0, 1/2, 1/4, 3/4, 1/8, ...
inline double radical_inverse(std::size_t k)
{
  double sum = 0;
  for (double digit = 0.5; k > 0; k /= 2, digit /= 2)
    if (k % 2 == 1) sum += digit;
  return sum;
}

/// 0, 1, 1/2, 1/4, 3/4, ...: the ends, then what lies between.
inline double spread_between(std::size_t k)
{
  return k == 1 ? 1 : radical_inverse(k == 0 ? 0 : k - 1);
}

}  // namespace detail

/// The places of `levels`, all of them, in an order whose beginnings are spread evenly in ln(sigma / alpha), in which
/// moments are interpolated: least noise, most noise, the middle, the quarters, and so on, each the nearest level that
/// is left. Levels without noise or signal come last.
inline std::vector<std::size_t> level_order(const std::vector<noise_level>& levels)
{
  std::vector<double> logs;
  double low = 0, high = 0;
  for (const noise_level& at : levels) {
    logs.push_back(std::log(noise_variance(at)));
    if (!std::isfinite(logs.back())) continue;
    const bool first = std::none_of(logs.begin(), logs.end() - 1, [](double x) { return std::isfinite(x); });
    low = first ? logs.back() : std::min(low, logs.back()), high = first ? logs.back() : std::max(high, logs.back());
  }
  std::vector<std::size_t> left(levels.size()), order;
  std::iota(left.begin(), left.end(), 0);
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const double wanted = std::lerp(low, high, detail::spread_between(k));
    const auto nearest = std::min_element(left.begin(), left.end(), [&](std::size_t a, std::size_t b) {
      return std::abs(logs[a] - wanted) < std::abs(logs[b] - wanted);
    });
    order.push_back(*nearest);
    left.erase(nearest);
  }
  return order;
}

}  // namespace fewstep
