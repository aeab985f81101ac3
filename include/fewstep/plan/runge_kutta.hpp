/// @file
/// Runge-Kutta steps of the probability flow in a schedule's own time: the family of second-order rules that EDM
/// compares (Karras et al. 2022, arXiv:2206.00364, Algorithm 3).
#pragma once

#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/continuous.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

struct runge_kutta_options {
  std::size_t stages = 2;  ///< 1 is Euler's rule
  /// Where in the step the second slope is taken: 1/2 is the midpoint rule, 2/3 Ralston's, 1 Heun's.
  double alpha = 1;
  churn_options churn{};
};

namespace detail {

/// dx/dt = x * of_x + D * of_data: as x = alpha D + sigma eps along the flow, of_x = sigma' / sigma and
/// of_data = alpha' - alpha sigma' / sigma.
struct flow_slope {
  double of_x = 0;
  double of_data = 0;
};

template <differentiable_schedule S>
flow_slope slope_at(const S& schedule, const noise_level& at)
{
  const level_rates rate = rates(schedule, at.t);
  return {rate.sigma / at.sigma, rate.alpha - at.alpha * rate.sigma / at.sigma};
}

/// Appends Euler's step.
template <differentiable_schedule S>
void append_euler(sampling_plan& plan, const S& schedule, const noise_level& from, const noise_level& to)
{
  const auto [f, g] = slope_at(schedule, from);
  const double h = to.t - from.t;
  plan.steps.push_back({.at = from, .keep = 1 + h * f, .model = {h * g}});
}

/// Appends a step of two slopes, the second at the share a of it:
///
///     x_m = x + a h d_0,   x_to = x + h ((1 - 1 / (2 a)) d_0 + d_m / (2 a)).
///
/// x is not kept: d_0 = (x_m - x) / (a h), so with d = f x + g D, A = 1 + a h f and c = (1 - 1 / (2 a)) / a
///
///     x_to = (1 - c) x + c x_m + h / (2 a) (f_m x_m + g_m D_m),   x = (x_m - a h g D_0) / A.
template <differentiable_schedule S>
void append_two_slopes(sampling_plan& plan, const S& schedule, const noise_level& from, const noise_level& to, double a)
{
  const double h = to.t - from.t, half = h / (2 * a), c = (1 - 1 / (2 * a)) / a;
  const noise_level middle = a == 1 ? to : schedule(from.t + a * h);
  append_euler(plan, schedule, from, {from.t + a * h, middle.alpha, middle.sigma});
  const double kept = plan.steps.back().keep, first = plan.steps.back().model[0];
  const auto [f, g] = slope_at(schedule, middle);
  plan.steps.push_back(
      {.at = middle, .keep = (1 - c) / kept + c + half * f, .model = {half * g, -(1 - c) * first / kept}});
}

}  // namespace detail

/// Euler's or a two-slope rule along `times`, of which the last step is Euler's. Rows keep the law of levels exactly
/// where sigma and alpha are linear in t (EDM, flows), else as steps get small. In EDM's time the two-slope rule with
/// alpha = 1 is `heun`. Churn raises levels as there. Throws std::invalid_argument on options out of range.
template <differentiable_schedule S>
sampling_plan runge_kutta(const S& schedule, const std::vector<double>& times, const runge_kutta_options& options = {})
{
  if (options.stages != 1 && options.stages != 2)
    throw std::invalid_argument("a Runge-Kutta step has 1 or 2 stages here, but was asked for " +
                                std::to_string(options.stages));
  if (!(options.alpha > 0 && options.alpha <= 1))
    throw std::invalid_argument("the place of the second slope must lie in (0, 1], but is " +
                                std::to_string(options.alpha));
  std::vector<noise_level> grid(times.size());
  std::transform(times.begin(), times.end(), grid.begin(), [&](double t) { return schedule(t); });
  return churned(schedule, grid, options.churn,
                 [&](sampling_plan& plan, const noise_level& from, const noise_level& to) {
                   if (options.stages == 1 || to == grid.back())
                     detail::append_euler(plan, schedule, from, to);
                   else
                     detail::append_two_slopes(plan, schedule, from, to, options.alpha);
                 });
}

}  // namespace fewstep
