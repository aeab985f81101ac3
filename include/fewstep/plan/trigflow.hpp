/// @file
/// TrigFlow and sCM: Lu and Song 2024 (arXiv:2410.11081). Time is an angle: x = cos(t) * data + sin(t) * sigma_d * eps.
#pragma once

#include "fewstep/plan/consistency.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// The schedule of TrigFlow, t in [0, pi / 2]; sigma_data is the deviation of the data and of the pure noise.
struct trigflow_schedule {
  double sigma_data = 0.5;

  static noise_level data_level() { return {0, 1, 0}; }

  /// The 1.5708 that stands for pi / 2 in published code is beyond it by 3.7e-6: alpha is then 0.
  noise_level operator()(double t) const { return {t, std::max(0.0, std::cos(t)), sigma_data * std::sin(t)}; }

  noise_level at_noise_to_signal(double ratio) const { return (*this)(std::atan(ratio / sigma_data)); }
};

/// diffusers' SCMScheduler. The paper's two-step runs have their intermediate time at 1.1.
struct scm_spacing {
  double max = 1.5708;
  double intermediate = 1.3;  ///< the second time of a two-step run; others are evenly spaced
};

/// `steps` times from `max` down, without the 0 at which the last step ends.
/// Throws std::invalid_argument if there is no step or the times do not fall.
inline std::vector<double> scm_times(std::size_t steps, const scm_spacing& spacing = {})
{
  const auto [max, intermediate] = spacing;
  if (steps == 0) throw std::invalid_argument("a run needs at least one step, but has 0");
  if (!(max > 0 && max < 1.571 && intermediate > 0 && (steps != 2 || intermediate < max)))
    throw std::invalid_argument("the times of sCM must fall from at most pi / 2 to above 0, but are " +
                                std::to_string(max) + " and " + std::to_string(intermediate));
  if (steps == 2) return {max, intermediate};
  std::vector<double> times(steps);
  for (std::size_t k = 0; k < steps; ++k) times[k] = max - static_cast<double>(k) * (max / static_cast<double>(steps));
  return times;
}

/// sCM's multistep sampling: x_to = cos(t') * f + sin(t') * sigma_d * z, and f itself after
/// the last time, f being the network with `trigflow_scaling`. Throws std::invalid_argument unless the times fall.
inline sampling_plan scm(const std::vector<double>& times, double sigma_data = 0.5)
{
  const trigflow_schedule schedule{sigma_data};
  std::vector<noise_level> grid;
  for (double t : times) grid.push_back(schedule(t));
  grid.push_back(trigflow_schedule::data_level());
  return consistency(grid);
}

}  // namespace fewstep
