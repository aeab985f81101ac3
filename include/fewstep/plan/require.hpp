/// @file
/// The checks that plan builders share.
#pragma once

#include "fewstep/schedule/noise_level.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::detail {

/// Throws std::invalid_argument unless the noise of the grid falls and every level holds signal: for methods that
/// divide by alpha.
inline void require_signal(const std::vector<noise_level>& grid, const std::string& method)
{
  require_denoising(grid);
  if (!(grid.front().alpha > 0))  // the others have less noise for their signal, so they have some
    throw std::invalid_argument(method + " divides by alpha, but level 0 (" + to_string(grid.front()) +
                                ") holds no signal: start the grid below it");
}

/// Throws std::invalid_argument unless the order lies in [1, highest].
inline void require_order(std::size_t order, std::size_t highest, const std::string& method)
{
  if (order == 0 || order > highest)
    throw std::invalid_argument("the order of " + method + " must lie in [1, " + std::to_string(highest) +
                                "], but is " + std::to_string(order));
}

/// Throws std::invalid_argument unless eta lies in [0, 1] and s_noise is finite and not negative.
inline void require_strength(double eta, double s_noise)
{
  if (!(eta >= 0 && eta <= 1)) throw std::invalid_argument("eta must lie in [0, 1], but is " + std::to_string(eta));
  if (!(s_noise >= 0 && std::isfinite(s_noise)))
    throw std::invalid_argument("s_noise must be finite and not negative, but is " + std::to_string(s_noise));
}

}  // namespace fewstep::detail
