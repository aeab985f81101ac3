/// @file
/// Two evaluations a step: Heun's rule of EDM, with and without churn (Karras et al. 2022, arXiv:2206.00364, Algorithms
/// 1 and 2), and DPM-Solver-2 in EDM's coordinates, as in k-diffusion, with its ancestral form.
#pragma once

#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/require.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace fewstep {

namespace detail {

/// Appends a step of two evaluations in VE coordinates, y = x / alpha and s = sigma / alpha, where the flow is
/// dy/ds = d = (y - D) / s (EDM eq. 4 at scale 1). Euler's rule goes to `middle`; from there, with weight b,
///
///     y_to = y + (s_to - s) ((1 - b) d_0 + b d_m).
///
/// Neither y nor d_0 is kept. Along Euler's line the slope does not change, so d_0 = (y_m - D_0) / s_m and
/// y = y_m - (s_m - s) d_0, which leaves
///
///     y_to = y_m + w_0 (y_m - D_0) + w_m (y_m - D_m),
///     w_0 = ((s_to - s) (1 - b) - (s_m - s)) / s_m,   w_m = (s_to - s) b / s_m,   1 + w_0 + w_m = s_to / s_m.
inline void append_two_stages(sampling_plan& plan, const noise_level& from, const noise_level& middle,
                              const noise_level& to, double b)
{
  const double s = noise_to_signal(from), s_m = noise_to_signal(middle), s_to = noise_to_signal(to);
  const double w_0 = ((s_to - s) * (1 - b) - (s_m - s)) / s_m, w_m = (s_to - s) * b / s_m;
  plan.steps.push_back(first_order(from, middle, 0));
  plan.steps.push_back({.at = middle, .keep = to.sigma / middle.sigma, .model = {-to.alpha * w_m, -to.alpha * w_0}});
}

/// Appends Heun's step: Euler's to the end, then again with the mean of both slopes. A step to sigma = 0 is Euler's.
inline void append_heun(sampling_plan& plan, const noise_level& from, const noise_level& to)
{
  if (to.sigma == 0) {
    plan.steps.push_back(first_order(from, to, 0));
    return;
  }
  append_two_stages(plan, from, to, to, 0.5);
}

}  // namespace detail

/// EDM's deterministic sampler, Algorithm 1 at scale 1, on any alpha: 2 n - 1 evaluations where the grid ends at the
/// data, else 2 n. Throws std::invalid_argument if a level holds no signal.
inline sampling_plan heun(const std::vector<noise_level>& grid)
{
  detail::require_signal(grid, "Heun's rule");
  sampling_plan plan{.start = grid.front(), .end = grid.back()};
  for (const auto& [from, to] : jumps(grid)) detail::append_heun(plan, from, to);
  return plan;
}

/// EDM's stochastic sampler, Algorithm 2. Throws std::invalid_argument if a level holds no signal, on options out of
/// range, and where the first level is raised though alpha is not constant.
template <invertible_schedule S>
sampling_plan heun(const S& schedule, const std::vector<noise_level>& grid, const churn_options& options)
{
  detail::require_signal(grid, "Heun's rule");
  return churned(schedule, grid, options, detail::append_heun);
}

/// The two numbers of an ancestral step in VE coordinates: down to s_down, then noise of deviation s_up, with
/// s_up = eta s_to sqrt(1 - (s_to / s)^2) and s_down^2 = s_to^2 - s_up^2, as in k-diffusion.
struct ancestral_step {
  double down = 0;
  double up = 0;
};

inline ancestral_step ancestral(double s, double s_to, double eta)
{
  const double part = s_to / s;
  return {s_to * std::sqrt((1 - eta) * (1 + eta) + eta * eta * part * part),
          s_to * eta * std::sqrt((1 - part) * (1 + part))};
}

namespace detail {

/// The step of DPM-2 to s_down = `down` <= sigma_to / alpha_to, in coordinates of `to`: the slope is taken at the
/// geometric mean of s and s_down.
template <invertible_schedule S>
void append_dpm_2(sampling_plan& plan, const S& schedule, const noise_level& from, const noise_level& to, double down)
{
  const noise_level reached{to.t, to.alpha, to.alpha * down};
  if (down == 0) {
    plan.steps.push_back(first_order(from, reached, 0));
    return;
  }
  const noise_level middle = schedule.at_noise_to_signal(std::sqrt(noise_to_signal(from) * down));
  append_two_stages(plan, from, middle, reached, 1);
}

}  // namespace detail

/// k-diffusion's DPM-2 (Karras et al. 2022 after arXiv:2206.00927, Algorithm 1): the slope of a step is that at the
/// geometric mean of its ends, reached by Euler's rule. A step to sigma = 0 is Euler's. Throws as Heun does.
template <invertible_schedule S>
sampling_plan dpm_2(const S& schedule, const std::vector<noise_level>& grid, const churn_options& options = {})
{
  detail::require_signal(grid, "DPM-2");
  return churned(schedule, grid, options, [&](sampling_plan& plan, const noise_level& from, const noise_level& to) {
    detail::append_dpm_2(plan, schedule, from, to, noise_to_signal(to));
  });
}

/// DPM-2 to less noise than the next level has, the rest made up by fresh noise (`ancestral`). Throws
/// std::invalid_argument on options out of range, and if a level holds no signal.
template <invertible_schedule S>
sampling_plan dpm_2_ancestral(const S& schedule, const std::vector<noise_level>& grid, double eta = 1,
                              double s_noise = 1)
{
  detail::require_signal(grid, "DPM-2");
  detail::require_strength(eta, s_noise);
  sampling_plan plan{.start = grid.front(), .end = grid.back()};
  for (const auto& [from, to] : jumps(grid)) {
    const auto [down, up] = ancestral(noise_to_signal(from), noise_to_signal(to), eta);
    detail::append_dpm_2(plan, schedule, from, to, down);
    plan.steps.back().noise = s_noise * to.alpha * up;
  }
  return plan;
}

}  // namespace fewstep
