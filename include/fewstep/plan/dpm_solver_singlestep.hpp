/// @file
/// Singlestep DPM-Solver++ of order 2 (Lu et al. 2022, arXiv:2211.01095, Algorithm 1): two evaluations a step, no
/// history between steps; with k-diffusion's ancestral and two-stage stochastic forms.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/require.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

struct dpm_solver_2s_options {
  double middle = 0.5;  ///< where in lambda the second evaluation lies, as a share of the step
  double eta = 0;       ///< 0 is the probability flow; more makes noise anew at the end of each step
  double s_noise = 1;   ///< multiplies the fresh noise
};

struct dpm_solver_sde_options {
  double middle = 0.5;  ///< where in lambda the second evaluation lies, as a share of the step
  double eta = 1;       ///< the share of the noise that is made anew, in both stages
  double s_noise = 1;   ///< multiplies the fresh noise
};

namespace detail {

/// Throws std::invalid_argument unless the second evaluation lies within the step.
inline void require_middle(double middle)
{
  if (!(middle > 0 && middle < 1))
    throw std::invalid_argument("the middle of a step must lie in (0, 1), but is " + std::to_string(middle));
}

/// The level between the two whose lambda has gone `part` of the way.
template <invertible_schedule S>
noise_level between(const S& schedule, const noise_level& from, const noise_level& to, double part)
{
  return schedule.at_noise_to_signal(std::pow(noise_to_signal(from), 1 - part) * std::pow(noise_to_signal(to), part));
}

/// Appends the second stage. The step goes, in VE coordinates y = x / alpha, s = sigma / alpha, from y to s_down:
///
///     y_to = s_down / s y + (1 - s_down / s) ((1 - f) D_0 + f D_m),   f = 1 / (2 middle).
///
/// y is not kept. The first stage went to y_m = q y + (1 - q) D_0 + n z_m with q = reached / s, `reached` being what
/// is left of s_m without the noise n, so y = (y_m - (1 - q) D_0 - n z_m) / q.
inline void append_second_stage(sampling_plan& plan, const noise_level& from, const noise_level& middle,
                                const noise_level& to, double reached, double down, double f)
{
  const double s = noise_to_signal(from), q = reached / s, rest = 1 - down / s, scale = to.alpha * down / reached;
  const double first_noise = plan.steps.back().noise / middle.alpha;
  plan.steps.push_back({.at = middle,
                        .keep = scale / middle.alpha,
                        .model = {to.alpha * rest * f, to.alpha * rest * (1 - f) - scale * (1 - q)},
                        .last_noise = -scale * first_noise});
}

}  // namespace detail

/// DPM-Solver++(2S), Algorithm 1: from each level DDIM to the middle of the step, where the network is asked again; the
/// step then weighs both predictions by 1 - 1 / (2 middle) and 1 / (2 middle). With eta > 0 k-diffusion's ancestral
/// form: the step goes to less noise than the next level has and fresh noise makes it up (`ancestral`). A step to
/// sigma = 0 is DDIM's. Throws std::invalid_argument on options out of range and levels without signal.
template <invertible_schedule S>
sampling_plan dpm_solver_pp_2s(const S& schedule, const std::vector<noise_level>& grid,
                               const dpm_solver_2s_options& options = {})
{
  detail::require_signal(grid, "DPM-Solver++(2S)");
  detail::require_strength(options.eta, options.s_noise);
  detail::require_middle(options.middle);
  sampling_plan plan{.start = grid.front(), .end = grid.back()};
  for (const auto& [from, to] : jumps(grid)) {
    const auto [down, up] = ancestral(noise_to_signal(from), noise_to_signal(to), options.eta);
    const noise_level reached{to.t, to.alpha, to.alpha * down};
    if (down == 0) {
      plan.steps.push_back(first_order(from, reached, 0));
    } else {
      const noise_level middle = detail::between(schedule, from, reached, options.middle);
      plan.steps.push_back(first_order(from, middle, 0));
      detail::append_second_stage(plan, from, middle, to, noise_to_signal(middle), down, 1 / (2 * options.middle));
    }
    plan.steps.back().noise = options.s_noise * to.alpha * up;
  }
  return plan;
}

/// k-diffusion's DPM++ SDE: both stages are ancestral steps, from the level itself, of the strength eta; the second
/// takes the first one's noise out again, which is why its rows weigh the noise of the row before. A step to sigma = 0
/// is DDIM's. Throws std::invalid_argument on options out of range and levels without signal.
template <invertible_schedule S>
sampling_plan dpm_solver_pp_sde(const S& schedule, const std::vector<noise_level>& grid,
                                const dpm_solver_sde_options& options = {})
{
  detail::require_signal(grid, "DPM-Solver++ SDE");
  detail::require_strength(options.eta, options.s_noise);
  detail::require_middle(options.middle);
  sampling_plan plan{.start = grid.front(), .end = grid.back()};
  for (const auto& [from, to] : jumps(grid)) {
    if (to.sigma == 0) {
      plan.steps.push_back(first_order(from, to, 0));
      continue;
    }
    const noise_level middle = detail::between(schedule, from, to, options.middle);
    const double s = noise_to_signal(from);
    const ancestral_step first = ancestral(s, noise_to_signal(middle), options.eta);
    const ancestral_step second = ancestral(s, noise_to_signal(to), options.eta);
    plan.steps.push_back(first_order(from, {middle.t, middle.alpha, middle.alpha * first.down}, 0));
    plan.steps.back().noise = options.s_noise * middle.alpha * first.up;
    detail::append_second_stage(plan, from, middle, to, first.down, second.down, 1 / (2 * options.middle));
    plan.steps.back().noise = options.s_noise * to.alpha * second.up;
  }
  return plan;
}

}  // namespace fewstep
