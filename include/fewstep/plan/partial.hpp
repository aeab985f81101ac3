/// @file
/// Runs that do not start from pure noise: image to image, SDEdit (Meng et al. 2021, arXiv:2108.01073). The grid is cut
/// and the plan built from the rest; a plan itself is not cut, for its rows may weigh outputs from before the cut.
#pragma once

#include "fewstep/schedule/noise_level.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// The levels of the last floor(strength * steps) steps of a grid: image to image as diffusers counts it. The image is
/// brought to the first of them by `noised`. Throws std::invalid_argument unless the strength lies in (0, 1] and
/// leaves a step.
inline std::vector<noise_level> tail(const std::vector<noise_level>& grid, double strength)
{
  require_denoising(grid);
  const std::size_t steps = grid.size() - 1;
  if (!(strength > 0 && strength <= 1 && strength * static_cast<double>(steps) >= 1))
    throw std::invalid_argument("the strength must lie in (0, 1] and leave one of " + std::to_string(steps) +
                                " steps, but is " + std::to_string(strength));
  const auto kept = static_cast<std::size_t>(strength * static_cast<double>(steps)) + 1;
  return {grid.end() - static_cast<std::ptrdiff_t>(kept), grid.end()};
}

/// `start`, and after it the levels of the grid that hold less noise. Throws std::invalid_argument if there are none.
inline std::vector<noise_level> from_level(const std::vector<noise_level>& grid, const noise_level& start)
{
  require_denoising(grid);
  require_level(start);
  std::vector<noise_level> rest{start};
  for (const noise_level& at : grid)
    if (start.sigma * at.alpha > at.sigma * start.alpha) rest.push_back(at);
  require_denoising(rest);
  return rest;
}

}  // namespace fewstep
