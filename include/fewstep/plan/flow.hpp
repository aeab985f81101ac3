/// @file
/// Rectified flow: Liu et al. 2022 (arXiv:2209.03003), with the time shift of Stable Diffusion 3 (Esser et al. 2024,
/// arXiv:2403.03206) and Flux.
#pragma once

#include "fewstep/plan/consistency.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// Throws std::invalid_argument unless a shift is positive and finite.
inline void require_shift(double shift)
{
  if (!(shift > 0 && std::isfinite(shift)))
    throw std::invalid_argument("a flow's shift must be positive and finite, but is " + std::to_string(shift));
}

/// shift * s / (1 + (shift - 1) * s): Esser et al., eq. (23). 1 changes nothing, 3 is Stable Diffusion 3.
inline double shifted(double s, double shift)
{
  return shift * s / (1 + (shift - 1) * s);
}

/// Where the shift of an image is read off the length of its token sequence.
struct dynamic_shift_options {
  double base_length = 256, base_mu = 0.5;  ///< Flux
  double max_length = 4096, max_mu = 1.15;
};

/// Flux's dynamic shift exp(mu), mu being linear in the sequence length. The exponential shift
/// e^mu / (e^mu + 1/s - 1) is `shifted(s, exp(mu))`.
inline double dynamic_shift(double length, const dynamic_shift_options& options = {})
{
  const auto [base_length, base_mu, max_length, max_mu] = options;
  if (!(length > 0 && max_length > base_length))
    throw std::invalid_argument(
        "a dynamic shift needs a positive length and two different reference lengths, but has " +
        std::to_string(length) + ", " + std::to_string(base_length) + " and " + std::to_string(max_length));
  return std::exp(base_mu + (length - base_length) * ((max_mu - base_mu) / (max_length - base_length)));
}

struct flow_spacing {
  double shift = 1;
  /// The last time before the data, unshifted; evenly spaced to it where nothing is said. FlowMatchEulerDiscrete
  /// of diffusers ends at its table's first time: shifted(1.0 / 1000, shift), which is then shifted once more.
  std::optional<double> last{};
};

/// Flow levels for `steps` steps: 1 down, evenly, then shifted; the last step goes to the data.
/// Throws std::invalid_argument if there is no step, the shift is not positive or `last` not in (0, 1).
inline std::vector<noise_level> flow_grid(std::size_t steps, const flow_spacing& spacing = {})
{
  require_shift(spacing.shift);
  if (steps == 0) throw std::invalid_argument("a flow grid needs at least one step, but has 0");
  if (spacing.last && !(*spacing.last > 0 && *spacing.last < 1))
    throw std::invalid_argument("the last time of a flow must lie in (0, 1), but is " + std::to_string(*spacing.last));
  std::vector<double> times = spacing.last ? detail::evenly(1, *spacing.last, steps) : detail::evenly(1, 0, steps + 1);
  times.resize(steps);
  std::vector<noise_level> grid;
  for (double s : times) grid.push_back(flow_schedule{}(shifted(s, spacing.shift)));
  grid.push_back(flow_schedule::data_level());
  return grid;
}

/// x_to = x + (s' - s) * v, v = eps - data: Euler's method on a flow is DDIM on its levels.
inline sampling_plan flow_euler(const std::vector<noise_level>& grid)
{
  return ddim(grid);
}

/// x_to = (1 - s') * D + s' * z: all noise is fresh, as for consistency models distilled from flows.
inline sampling_plan flow_stochastic(const std::vector<noise_level>& grid)
{
  return consistency(grid);
}

}  // namespace fewstep
