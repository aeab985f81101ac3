/// @file
/// First-order plans: Song, Meng, Ermon 2021 (DDIM, arXiv:2010.02502) and Ho et al. 2020 (DDPM,
/// arXiv:2006.11239). They differ in one number, the fresh noise c.
#pragma once

#include "fewstep/plan/plan.hpp"
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

/// One step of a first-order plan. Steps along a grid join up; those of diffusers need not.
struct jump {
  noise_level from;
  noise_level to;
};

/// The steps from each level of a grid to the next.
inline std::vector<jump> jumps(const std::vector<noise_level>& grid)
{
  require_denoising(grid);
  std::vector<jump> steps;
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) steps.push_back({grid[k], grid[k + 1]});
  return steps;
}

/// The steps that the DDIM and DDPM schedulers of diffusers take from `times`: each goes to t - floor(T / n), whatever
/// the next time is, and to `end` when that is negative. They differ from a grid's unless the spacing is "leading", or
/// "trailing" and n divides T: the network is then told another level than the one that x is at.
inline std::vector<jump> diffusers_compatible(const vp_table& table, const std::vector<double>& times,
                                              const noise_level& end = vp_table::data_level())
{
  if (times.empty() || times.size() > table.steps())
    throw std::invalid_argument("the number of times must lie in [1, " + std::to_string(table.steps()) + "], but is " +
                                std::to_string(times.size()));
  const double stride = static_cast<double>(table.steps() / times.size());
  std::vector<jump> steps;
  for (double t : times) steps.push_back({table(t), t < stride ? end : table(t - stride)});
  return steps;
}

namespace detail {

/// sqrt(a^2 - b^2), and 0 where rounding has left b above a. The product is exactly 0 at a = b, which a^2 - b^2 is not
/// once a compiler fuses its two operations.
inline double root_of_difference(double a, double b)
{
  return std::sqrt(std::max(0.0, (a - b) * (a + b)));
}

}  // namespace detail

/// The row that takes x from one level to another with fresh noise of deviation c <= to.sigma:
///
///     x_to = alpha_to * D + sqrt(sigma_to^2 - c^2) * (x - alpha * D) / sigma + c * z,
///
/// DDIM eq. (12), D being the predicted data. Whatever c is, x_to has the law that `to` names if D is
/// exact. At sigma_to = 0 the row returns alpha_to * D without a special case.
inline plan_step first_order(const noise_level& from, const noise_level& to, double c)
{
  const double keep = detail::root_of_difference(to.sigma, c) / from.sigma;
  return {.at = from, .keep = keep, .model = {to.alpha - keep * from.alpha}, .noise = c};
}

/// The deviation of q(x_to | x, data), DDIM eq. (16) at eta = 1, for any alpha and sigma:
/// sigma_to * sqrt(1 - exp(2 (lambda - lambda_to))).
inline double posterior_deviation(const noise_level& from, const noise_level& to)
{
  return to.sigma * detail::root_of_difference(1, (from.alpha / to.alpha) * (to.sigma / from.sigma));
}

/// The deviation of q(x | x_to): sqrt(sigma^2 - (alpha / alpha_to)^2 sigma_to^2). For a VP table its square is the beta
/// of the interval, which DDPM's "large" variance uses.
inline double forward_deviation(const noise_level& from, const noise_level& to)
{
  return detail::root_of_difference(from.sigma, (from.alpha / to.alpha) * to.sigma);
}

namespace detail {

/// The plan of `row(from, to)` for every step.
template <class R>
sampling_plan plan_of_rows(const std::vector<jump>& steps, R row)
{
  if (steps.empty()) throw std::invalid_argument("a plan needs at least one step, but has none");
  sampling_plan plan{.start = steps.front().from, .end = steps.back().to};
  for (const auto& [from, to] : steps) {
    require_level(from), require_level(to);
    if (!(from.sigma > 0 && to.alpha > 0 && from.sigma * to.alpha >= to.sigma * from.alpha))
      throw std::invalid_argument("a step must go from noise to less noise, but goes from (" + to_string(from) +
                                  ") to (" + to_string(to) + ")");
    plan.steps.push_back(row(from, to));
  }
  return plan;
}

}  // namespace detail

/// A first-order plan whose steps add noise of deviation `c(from, to)`. Throws std::invalid_argument if there is no
/// step, or one that does not start from noise or does not end at less of it.
template <std::invocable<const noise_level&, const noise_level&> C>
sampling_plan first_order(const std::vector<jump>& steps, C c)
{
  return detail::plan_of_rows(
      steps, [&](const noise_level& from, const noise_level& to) { return first_order(from, to, c(from, to)); });
}

/// The row of DDIM: `first_order` with c = eta times the posterior deviation. What is kept is then
/// sigma_to / sigma sqrt(1 - eta^2 + eta^2 r^2) with r = alpha sigma_to / (alpha_to sigma), which loses no digits where
/// nearly all noise is fresh.
inline plan_step ddim_row(const noise_level& from, const noise_level& to, double eta)
{
  const double ratio = eta * (from.alpha / to.alpha) * (to.sigma / from.sigma);
  const double keep = to.sigma / from.sigma * std::sqrt((1 - eta) * (1 + eta) + ratio * ratio);
  return {
      .at = from, .keep = keep, .model = {to.alpha - keep * from.alpha}, .noise = eta * posterior_deviation(from, to)};
}

/// eta = 0 is deterministic; eta = 1 is ancestral sampling, DDPM with the posterior variance.
/// Throws std::invalid_argument unless eta lies in [0, 1].
inline sampling_plan ddim(const std::vector<jump>& steps, double eta = 0)
{
  if (!(eta >= 0 && eta <= 1)) throw std::invalid_argument("eta must lie in [0, 1], but is " + std::to_string(eta));
  return detail::plan_of_rows(steps,
                              [=](const noise_level& from, const noise_level& to) { return ddim_row(from, to, eta); });
}

inline sampling_plan ddim(const std::vector<noise_level>& grid, double eta = 0)
{
  return ddim(jumps(grid), eta);
}

/// The variance of DDPM's reverse step. `posterior` is beta-tilde, diffusers' fixed_small; `interval` is the beta of
/// the interval, fixed_large. Their logarithmic forms (fixed_small_log, fixed_large_log) mean the same numbers.
enum class ddpm_variance { posterior, interval };

struct ddpm_options {
  ddpm_variance variance = ddpm_variance::posterior;
  /// Adds noise wherever diffusers does: in every row that starts above t = 0, so also on the way to the data, and of
  /// a deviation of at least 1e-10.
  bool diffusers_compatible = false;
};

/// DDPM: the mean of q(x_to | x, D) and noise of the variance asked for; none in a step to the data. With the
/// interval's variance x gets more noise than its level names: such a plan is exempt from the law of levels.
inline sampling_plan ddpm(const std::vector<jump>& steps, const ddpm_options& options = {})
{
  sampling_plan plan = ddim(steps, 1);
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const auto& [from, to] = steps[k];
    double& noise = plan.steps[k].noise;
    const bool draws = options.diffusers_compatible ? from.t > 0 : to.sigma > 0;
    if (options.variance == ddpm_variance::interval) noise = forward_deviation(from, to);
    if (options.diffusers_compatible) noise = std::max(noise, 1e-10);
    if (!draws) noise = 0;
  }
  return plan;
}

inline sampling_plan ddpm(const std::vector<noise_level>& grid, const ddpm_options& options = {})
{
  return ddpm(jumps(grid), options);
}

}  // namespace fewstep
