/// @file
/// The closed-form network `toy-v1` on which the golden trajectories were made.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace conformance {

/// For one sample of D numbers and the time tau
///
///     out_i = tanh(0.8 x_i + 0.3 x_{(i + 1) mod D}) (0.6 + 0.4 cos(0.01 tau)) + 0.05 sin(i + 0.003 tau),
///
/// computed in double. x holds `samples` samples, each a ring of its own.
inline std::vector<double> toy(const std::vector<double>& x, double tau, std::size_t samples)
{
  const std::size_t size = x.size() / samples;
  std::vector<double> out(x.size());
  for (std::size_t first = 0; first < x.size(); first += size)
    for (std::size_t i = 0; i < size; ++i)
      out[first + i] =
          std::tanh(0.8 * x[first + i] + 0.3 * x[first + (i + 1) % size]) * (0.6 + 0.4 * std::cos(0.01 * tau)) +
          0.05 * std::sin(static_cast<double>(i) + 0.003 * tau);
  return out;
}

}  // namespace conformance
