/// @file
/// Trajectories that look at no moments: the spacings of the official Analytic-DPM code, with its rounding.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

namespace detail {

inline void require_stops(std::size_t nodes, std::size_t stops)
{
  if (stops == 0 || stops > nodes)
    throw std::invalid_argument("a path visits 1 to " + std::to_string(nodes) +
                                " nodes, as many as there are, but was to visit " + std::to_string(stops));
}

}  // namespace detail

/// Stops from the first node to the last, evenly, the official "linear": stop k is node k (nodes - 1) / (stops - 1),
/// summed up step by step and rounded half to even, as Python does. (With other rounding 25 of 1000 differ at the
/// 13th.) One stop is the last node. Throws std::invalid_argument unless 1 <= stops <= nodes.
inline std::vector<std::size_t> even_path(std::size_t nodes, std::size_t stops)
{
  detail::require_stops(nodes, stops);
  if (stops == 1) return {nodes - 1};
  const double stride = static_cast<double>(nodes - 1) / static_cast<double>(stops - 1);
  std::vector<std::size_t> path;
  double at = 1;  // counted from 1, for halves round by the parity of the sum
  for (std::size_t k = 0; k < stops; ++k, at += stride)
    path.push_back(static_cast<std::size_t>(std::nearbyint(at)) - 1);
  return path;
}

/// Stops that crowd towards the first node, the official "powerP": stop k at 1 - (1 - k / (stops - 1))^(1 / power) of
/// the way, rounded half to even; one that would not lie behind the stop before is moved there, which leaves room for
/// those that follow, since strides grow. Throws std::invalid_argument unless 1 <= stops <= nodes and power >= 1.
inline std::vector<std::size_t> power_path(std::size_t nodes, std::size_t stops, double power)
{
  detail::require_stops(nodes, stops);
  if (!(power >= 1 && std::isfinite(power)))
    throw std::invalid_argument("the power of a spacing must be at least 1, but is " + std::to_string(power));
  if (stops == 1) return {nodes - 1};
  std::vector<std::size_t> path;
  for (std::size_t k = 0; k < stops; ++k) {
    const double left = static_cast<double>(stops - 1 - k) / static_cast<double>(stops - 1);
    const double at = static_cast<double>(nodes - 1) * (1 - std::pow(left, 1 / power)) + 1;
    const auto node = static_cast<std::size_t>(std::nearbyint(at)) - 1;
    path.push_back(path.empty() ? node : std::max(node, path.back() + 1));
  }
  return path;
}

/// Stop by stop between two paths of one length, `share` of the way from a to b, rounded: between even spacing, which
/// tends to make better pictures, and the optimal path, which is better in likelihood. Throws std::invalid_argument
/// unless the paths have one length and 0 <= share <= 1.
inline std::vector<std::size_t> blended_path(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b,
                                             double share)
{
  if (a.size() != b.size())
    throw std::invalid_argument("only paths of one length can be blended, but they have " + std::to_string(a.size()) +
                                " and " + std::to_string(b.size()) + " stops");
  if (!(share >= 0 && share <= 1))
    throw std::invalid_argument("the share of a blend lies in [0, 1], but is " + std::to_string(share));
  std::vector<std::size_t> path;
  for (std::size_t k = 0; k < a.size(); ++k)  // stops lie at least 1 apart, and half up keeps them so
    path.push_back(static_cast<std::size_t>(
        std::floor((1 - share) * static_cast<double>(a[k]) + share * static_cast<double>(b[k]) + 0.5)));
  return path;
}

}  // namespace fewstep
