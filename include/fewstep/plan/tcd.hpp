/// @file
/// Trajectory consistency: CTM (Kim et al. 2023, arXiv:2310.02279) and TCD (Zheng et al. 2024, arXiv:2402.19159). A
/// step jumps below the next level along the flow and adds noise up to it; gamma says how far below.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// Throws std::invalid_argument unless gamma lies in [0, 1].
inline void require_gamma(double gamma)
{
  if (!(gamma >= 0 && gamma <= 1))
    throw std::invalid_argument("gamma must lie in [0, 1], but is " + std::to_string(gamma));
}

/// TCD's strategic stochastic sampling: with s = floor((1 - gamma) * t') for the next time t',
///
///     x_s  = alpha_s * D + sigma_s * (x - alpha * D) / sigma
///     x_t' = (alpha_t' / alpha_s) * x_s + sqrt(1 - (alpha_t' / alpha_s)^2) * z.
///
/// The noise of the second line is the forward noise from s to t', so the row is DDIM's with another c. gamma = 0 is
/// deterministic, gamma = 1 predicts time 0 and draws all noise anew, which is LCM up to the noise of time 0. The last
/// step goes to time 0 of the table and not to the data: x = alpha_0 * D + sigma_0 * eps.
/// Times come from `lcm_times`: TCDScheduler's own rule with 50 original steps, any time of T with T of them.
/// Throws std::invalid_argument if gamma is not in [0, 1] or the times do not fall.
inline sampling_plan tcd(const vp_table& table, const std::vector<double>& times, double gamma = 0.3)
{
  require_gamma(gamma);
  std::vector<jump> steps;
  for (std::size_t k = 0; k < times.size(); ++k) {
    const double next = k + 1 < times.size() ? times[k + 1] : 0;
    if (!(times[k] >= next && next >= 0) || (k + 1 < times.size() && times[k] == next))
      throw std::invalid_argument("the times of TCD must fall to 0 or above, but " + std::to_string(times[k]) +
                                  " is followed by " + std::to_string(next));
    steps.push_back({table(times[k]), table(next)});
  }
  return first_order(steps, [&](const noise_level&, const noise_level& to) {
    return forward_deviation(to, table(std::floor((1 - gamma) * to.t)));
  });
}

/// The sigma / alpha to which CTM's network jumps before noise is added up to `to`:
/// s = sqrt(1 - gamma^2) * (t_to - epsilon) + epsilon, as in the official code; the paper's is that with
/// epsilon = 0. Here epsilon is where the grid ends.
inline double ctm_target(const noise_level& to, double gamma, const noise_level& end)
{
  const double ratio = noise_to_signal(to);
  return ratio - (1 - detail::root_of_difference(1, gamma)) * (ratio - noise_to_signal(end));  // exact at gamma = 0
}

/// CTM's gamma sampling with x in EDM's coordinates:
///
///     G = (s / t) * x + (1 - s / t) * g(x, t, s),     x_to = G + sqrt(t_to^2 - s^2) * z,     s = ctm_target(to).
///
/// The outputs are g, the data predicted for a jump from t to s; give the network s by `with_targets(g, ctm_targets)`.
/// gamma = 0 is deterministic; gamma = 1 is multistep consistency sampling. The last step draws no noise.
/// Throws std::invalid_argument if gamma is not in [0, 1] or the grid does not fall.
inline sampling_plan ctm(const std::vector<noise_level>& grid, double gamma)
{
  require_gamma(gamma);
  return first_order(jumps(grid), [&](const noise_level&, const noise_level& to) {
    return to.alpha * detail::root_of_difference(noise_to_signal(to), ctm_target(to, gamma, grid.back()));
  });
}

/// The second time of every row's network call: the s of `ctm`, as sigma / alpha.
inline std::vector<double> ctm_targets(const std::vector<noise_level>& grid, double gamma)
{
  require_gamma(gamma);
  require_denoising(grid);
  std::vector<double> targets;
  for (std::size_t k = 1; k < grid.size(); ++k) targets.push_back(ctm_target(grid[k], gamma, grid.back()));
  return targets;
}

}  // namespace fewstep
