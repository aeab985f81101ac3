/// @file
/// Grids: the levels that a sampler visits, noisiest first. Spacings of DDIM (Song et al. 2021,
/// arXiv:2010.02502), diffusers (leading, trailing, linspace; Lin et al. 2023, arXiv:2305.08891, table 2) and
/// EDM (Karras et al. 2022, arXiv:2206.00364, eq. 5).
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// Where a grid over a table ends: at the data itself, or at the table's first level (diffusers'
/// `set_alpha_to_one: false`), which keeps a trace of noise.
enum class grid_end { data, first_level };

/// Throws std::invalid_argument unless 1 <= steps <= `limit`.
inline void require_steps(std::size_t steps, std::size_t limit)
{
  if (steps == 0 || steps > limit)
    throw std::invalid_argument("the number of steps must lie in [1, " + std::to_string(limit) +
                                "], the size of the schedule, but is " + std::to_string(steps));
}

/// T - 1, ... evenly down by T / steps, rounded; the last interval has the others' length.
inline std::vector<double> trailing_times(std::size_t table, std::size_t steps)
{
  require_steps(steps, table);
  const double total = static_cast<double>(table), stride = total / static_cast<double>(steps);
  std::vector<double> times(steps);
  for (std::size_t i = 0; i < steps; ++i) times[i] = std::nearbyint(total - static_cast<double>(i) * stride) - 1;
  return times;
}

/// (steps - 1) k + offset, ..., k + offset, offset with k = floor(T / steps). Stops short of T - 1.
/// Throws std::invalid_argument if the first time lies outside of the table.
inline std::vector<double> leading_times(std::size_t table, std::size_t steps, std::size_t offset = 0)
{
  require_steps(steps, table);
  const std::size_t stride = table / steps, first = (steps - 1) * stride + offset;
  if (first >= table)
    throw std::invalid_argument("with offset " + std::to_string(offset) + " the first of " + std::to_string(steps) +
                                " leading times is " + std::to_string(first) +
                                ", but the last time of the schedule is " + std::to_string(table - 1));
  std::vector<double> times(steps);
  for (std::size_t i = 0; i < steps; ++i) times[i] = static_cast<double>(first - i * stride);
  return times;
}

/// From T - 1 to 0, evenly, rounded half to even. One step is time 0, as in diffusers.
inline std::vector<double> linspace_times(std::size_t table, std::size_t steps)
{
  require_steps(steps, table);
  std::vector<double> times(steps, 0.0);
  const double stride = steps > 1 ? static_cast<double>(table - 1) / static_cast<double>(steps - 1) : 0;
  for (std::size_t i = 0; i < steps; ++i) times[steps - 1 - i] = std::nearbyint(static_cast<double>(i) * stride);
  return times;
}

/// floor(reach * T * (i / (steps - 1))^2), i = steps - 1 .. 0: DDIM's quadratic spacing, whose reach is 0.8.
inline std::vector<double> quadratic_times(std::size_t table, std::size_t steps, double reach = 0.8)
{
  require_steps(steps, table);
  if (!(reach > 0 && reach <= 1))
    throw std::invalid_argument("the reach of a quadratic grid lies in (0, 1], but is " + std::to_string(reach));
  std::vector<double> times(steps, 0.0);
  const double stride = steps > 1 ? std::sqrt(reach * static_cast<double>(table)) / static_cast<double>(steps - 1) : 0;
  for (std::size_t i = 0; i < steps; ++i) {
    const double root = static_cast<double>(i) * stride;
    times[steps - 1 - i] = std::min(std::floor(root * root), static_cast<double>(table - 1));
  }
  return times;
}

/// The levels of a table at `times`, and where the last step goes. Throws std::invalid_argument unless the noise
/// falls at every step.
inline std::vector<noise_level> grid_at(const vp_table& table, const std::vector<double>& times,
                                        grid_end end = grid_end::data)
{
  std::vector<noise_level> grid;
  for (double t : times) grid.push_back(table(t));
  grid.push_back(end == grid_end::data ? table.data_level() : table(0));
  require_denoising(grid);
  return grid;
}

inline std::vector<noise_level> trailing(const vp_table& table, std::size_t steps, grid_end end = grid_end::data)
{
  return grid_at(table, trailing_times(table.steps(), steps), end);
}

inline std::vector<noise_level> leading(const vp_table& table, std::size_t steps, std::size_t offset = 0,
                                        grid_end end = grid_end::data)
{
  return grid_at(table, leading_times(table.steps(), steps, offset), end);
}

inline std::vector<noise_level> linspace(const vp_table& table, std::size_t steps, grid_end end = grid_end::data)
{
  return grid_at(table, linspace_times(table.steps(), steps), end);
}

inline std::vector<noise_level> quadratic(const vp_table& table, std::size_t steps, double reach = 0.8,
                                          grid_end end = grid_end::data)
{
  return grid_at(table, quadratic_times(table.steps(), steps, reach), end);
}

/// A schedule that can be asked for the level of a given sigma / alpha.
// clang-format off
template <class S>
concept invertible_schedule = noise_schedule<S> && requires(const S& schedule, double ratio) {
  { schedule.at_noise_to_signal(ratio) } -> std::same_as<noise_level>;
  { schedule.data_level() } -> std::same_as<noise_level>;
};
// clang-format on

/// The ends of a grid in sigma / alpha (in sigma, for EDM).
struct sigma_range {
  double sigma_min = 0.002;
  double sigma_max = 80;
};

/// The range of a table: its first and last time.
inline sigma_range range_of(const vp_table& table)
{
  return {noise_to_signal(table(0)), noise_to_signal(table(static_cast<double>(table.steps() - 1)))};
}

/// Throws std::invalid_argument unless 0 < sigma_min < sigma_max, both finite.
inline void require_range(const sigma_range& range)
{
  if (!(range.sigma_min > 0 && range.sigma_max > range.sigma_min && std::isfinite(range.sigma_max)))
    throw std::invalid_argument("a sigma range needs 0 < sigma_min < sigma_max, finite, but is " +
                                std::to_string(range.sigma_min) + " to " + std::to_string(range.sigma_max));
}

/// sigma_i = (sigma_max^(1/rho) + i / (n - 1) (sigma_min^(1/rho) - sigma_max^(1/rho)))^rho, EDM eq. (5).
inline std::vector<double> karras_sigmas(std::size_t n, const sigma_range& range = {}, double rho = 7)
{
  require_range(range);
  if (n == 0 || !(rho > 0))
    throw std::invalid_argument("a Karras grid needs at least one level and rho > 0, but has " + std::to_string(n) +
                                " and rho " + std::to_string(rho));
  std::vector<double> sigmas =
      detail::evenly(std::pow(range.sigma_max, 1 / rho), std::pow(range.sigma_min, 1 / rho), n);
  for (double& sigma : sigmas) sigma = std::pow(sigma, rho);
  sigmas.front() = range.sigma_max;
  if (n > 1) sigmas.back() = range.sigma_min;
  return sigmas;
}

/// The levels of `schedule` whose sigma / alpha are `sigmas`, then the data. Throws std::invalid_argument unless they
/// fall. Times of a table are fractional.
template <invertible_schedule S>
std::vector<noise_level> grid_at_sigmas(const S& schedule, const std::vector<double>& sigmas)
{
  std::vector<noise_level> grid;
  for (double sigma : sigmas) grid.push_back(schedule.at_noise_to_signal(sigma));
  grid.push_back(schedule.data_level());
  require_denoising(grid);
  return grid;
}

/// Karras' grid over any schedule, for `steps` steps, the last of which goes to the data.
template <invertible_schedule S>
std::vector<noise_level> karras(const S& schedule, std::size_t steps, const sigma_range& range, double rho = 7)
{
  return grid_at_sigmas(schedule, karras_sigmas(steps, range, rho));
}

inline std::vector<noise_level> karras(const vp_table& table, std::size_t steps, double rho = 7)
{
  return karras(table, steps, range_of(table), rho);
}

}  // namespace fewstep
