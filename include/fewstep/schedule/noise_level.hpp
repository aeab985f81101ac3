/// @file
/// How much noise: the one thing that schedules, plans and networks tell each other.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// The law of x at time t: x = alpha * data + sigma * noise, noise ~ N(0, I). `t` is the schedule's own
/// time: a table index for VP tables (-1 is the data), sigma for EDM, 0..1 for flows. Only a
/// preconditioning wrapper turns it into the time that a network was trained on.
struct noise_level {
  double t = 0;
  double alpha = 1;
  double sigma = 0;

  bool operator==(const noise_level&) const = default;
};

/// What a denoiser and a noise source are given: the level, the row of the plan that asks (caches and
/// keyed noise go by it) and the time to which that row steps (CTM and phased networks take it).
struct evaluation : noise_level {
  std::size_t row = 0;
  double target = 0;
};

/// lambda = ln(alpha / sigma), half the logarithm of the signal-to-noise ratio; +infinity at sigma = 0.
inline double log_snr(const noise_level& at)
{
  return std::log(at.alpha / at.sigma);
}

/// sigma / alpha: the deviation of the noise once x is divided by alpha (VE coordinates); +infinity at
/// alpha = 0.
inline double noise_to_signal(const noise_level& at)
{
  return at.sigma / at.alpha;
}

/// (sigma / alpha)^2, in which all formulas of Analytic-DPM take their simplest form; infinite at alpha = 0.
inline double noise_variance(const noise_level& at)
{
  const double ratio = noise_to_signal(at);
  return ratio * ratio;
}

/// A noise schedule is a function from time to noise level.
// clang-format off
template <class S>
concept noise_schedule = requires(const S& schedule, double t) {
  { schedule(t) } -> std::same_as<noise_level>;
};
// clang-format on

/// "t = 999, alpha = 0.0063, sigma = 0.99998", for the sentences of errors.
inline std::string to_string(const noise_level& at)
{
  return "t = " + std::to_string(at.t) + ", alpha = " + std::to_string(at.alpha) +
         ", sigma = " + std::to_string(at.sigma);
}

/// Throws std::invalid_argument unless alpha and sigma are finite, not negative and not both zero.
inline void require_level(const noise_level& at)
{
  const bool finite = std::isfinite(at.t) && std::isfinite(at.alpha) && std::isfinite(at.sigma);
  if (!finite || at.alpha < 0 || at.sigma < 0 || at.alpha + at.sigma == 0)
    throw std::invalid_argument("a noise level must have finite t and alpha, sigma >= 0, not both 0, but is (" +
                                to_string(at) + ")");
}

/// Throws std::invalid_argument unless `grid` holds at least two levels whose noise-to-signal ratio
/// strictly falls: what every plan builder needs of the grid that it is given.
inline void require_denoising(const std::vector<noise_level>& grid)
{
  if (grid.size() < 2)
    throw std::invalid_argument("a grid needs at least two levels, the first noisier than the last, but has " +
                                std::to_string(grid.size()));
  for (const noise_level& at : grid) require_level(at);
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
    // sigma / alpha > sigma' / alpha', without dividing by an alpha of zero
    if (!(grid[k].sigma * grid[k + 1].alpha > grid[k + 1].sigma * grid[k].alpha))
      throw std::invalid_argument("the noise of a grid must fall at every step, but from level " + std::to_string(k) +
                                  " (" + to_string(grid[k]) + ") to level " + std::to_string(k + 1) + " (" +
                                  to_string(grid[k + 1]) + ") it does not");
  }
}

}  // namespace fewstep
