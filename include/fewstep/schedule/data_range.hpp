/// @file
/// The range in which data lie, for those that have one.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

namespace fewstep {

/// The range that every number of the data lies in; images have [-1, 1] in most networks. Latents have none.
struct data_range {
  double low = -1;
  double high = 1;
};

/// Throws std::invalid_argument unless low < high, both finite.
inline void require_data_range(const data_range& range)
{
  if (!(range.low < range.high && std::isfinite(range.low) && std::isfinite(range.high)))
    throw std::invalid_argument("the range of the data must have low < high, but is " + std::to_string(range.low) +
                                " to " + std::to_string(range.high));
}

/// ((high - low) / 2)^2, which the variance of a number in the range never exceeds.
inline double largest_variance(const data_range& range)
{
  const double half = (range.high - range.low) / 2;
  return half * half;
}

}  // namespace fewstep
