/// @file
/// Noise that is added between rows: the churn of EDM (Karras et al. 2022, arXiv:2206.00364, Algorithm 2). It needs no
/// rows of its own: independent noises add in quadrature into the row before.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// Adds x <- scale * x + deviation * z behind the last row of the plan; where the plan has no rows yet, to its lift.
/// Throws std::invalid_argument if x would have to be scaled before the first row, which a lift cannot.
inline void add_noise(sampling_plan& plan, double scale, double deviation)
{
  if (plan.steps.empty()) {
    if (scale != 1)
      throw std::invalid_argument("noise before the first row would have to scale x by " + std::to_string(scale) +
                                  ", which only schedules of constant alpha avoid: start at the raised level instead");
    plan.lift = std::hypot(plan.lift, deviation);
    return;
  }
  plan_step& row = plan.steps.back();
  row.keep *= scale;
  for (double& weight : row.model) weight *= scale;
  row.last_noise *= scale;
  row.noise = std::hypot(scale * row.noise, deviation);
}

/// Multiplies all fresh noise: k-diffusion's s_noise for plans whose builders have no such option. Such a plan aims at
/// another variance than its levels name.
inline sampling_plan scaled_noise(sampling_plan plan, double factor)
{
  if (!(factor >= 0 && std::isfinite(factor)))
    throw std::invalid_argument("a factor of noise must be finite and not negative, but is " + std::to_string(factor));
  plan.lift *= factor;
  for (plan_step& row : plan.steps) {
    row.noise *= factor;
    row.last_noise *= factor;
  }
  return plan;
}

/// EDM's S_churn, S_min, S_max, S_noise: levels between s_min and s_max, in sigma / alpha, are raised before the step
/// by the factor 1 + min(churn / steps, sqrt(2) - 1).
struct churn_options {
  double churn = 0;
  double s_min = 0;
  double s_max = std::numeric_limits<double>::infinity();
  double s_noise = 1;
};

/// Throws std::invalid_argument if a number is negative or not a number.
inline void require_churn(const churn_options& options)
{
  const auto& [churn, s_min, s_max, s_noise] = options;
  if (!(churn >= 0 && std::isfinite(churn) && s_min >= 0 && s_max >= 0 && s_noise >= 0 && std::isfinite(s_noise)))
    throw std::invalid_argument(
        "churn, s_min, s_max and s_noise must not be negative, and churn and s_noise finite, but are " +
        std::to_string(churn) + ", " + std::to_string(s_min) + ", " + std::to_string(s_max) + ", " +
        std::to_string(s_noise));
}

/// The factor by which the level is raised before its step: 1 + gamma of Algorithm 2.
inline double churn_factor(const noise_level& at, std::size_t steps, const churn_options& options)
{
  const double ratio = noise_to_signal(at);
  if (!(ratio >= options.s_min && ratio <= options.s_max)) return 1;
  return 1 + std::min(options.churn / static_cast<double>(steps), std::numbers::sqrt2 - 1);
}

/// Raises the end of the plan so far from one level to a noisier one, by the forward process:
/// x <- alpha_to / alpha x + s_noise sqrt(sigma_to^2 - (alpha_to / alpha sigma)^2) z.
inline void raise(sampling_plan& plan, const noise_level& from, const noise_level& to, double s_noise = 1)
{
  add_noise(plan, to.alpha / from.alpha, s_noise * forward_deviation(to, from));
}

/// A plan of steps along a grid, each from its level as churn raises it: `append(plan, from, to)` adds the rows of one
/// step. What the sampler is given is x at the first level before it is raised.
template <invertible_schedule S, std::invocable<sampling_plan&, const noise_level&, const noise_level&> A>
sampling_plan churned(const S& schedule, const std::vector<noise_level>& grid, const churn_options& options, A append)
{
  require_denoising(grid);
  require_churn(options);
  sampling_plan plan{.start = grid.front(), .end = grid.back()};
  for (const auto& [from, to] : jumps(grid)) {
    const double factor = churn_factor(from, grid.size() - 1, options);
    const noise_level raised = factor > 1 ? schedule.at_noise_to_signal(factor * noise_to_signal(from)) : from;
    if (factor > 1) raise(plan, from, raised, options.s_noise);
    append(plan, raised, to);
  }
  return plan;
}

/// Euler's rule in sigma / alpha, with churn: k-diffusion's sample_euler. Without churn it is DDIM. Throws
/// std::invalid_argument on options out of range, and where the first level is raised though alpha is not constant.
template <invertible_schedule S>
sampling_plan euler(const S& schedule, const std::vector<noise_level>& grid, const churn_options& options = {})
{
  return churned(schedule, grid, options, [](sampling_plan& plan, const noise_level& from, const noise_level& to) {
    plan.steps.push_back(first_order(from, to, 0));
  });
}

}  // namespace fewstep
