/// @file
/// Multistep DPM-Solver (Lu et al. 2022, arXiv:2206.00927) and DPM-Solver++ (arXiv:2211.01095), deterministic and
/// stochastic: one evaluation a step, the predictions extrapolated in lambda from the last two or three.
#pragma once

#include "fewstep/plan/exponential.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/require.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// How order 2 weighs the slope: by the prediction at the middle of the step, or by the exact integral of the line
/// ("taylor" in the authors' code). Order 3 integrates exactly.
enum class slope_weight { midpoint, heun };

struct dpm_solver_options {
  std::size_t order = 2;
  slope_weight slope = slope_weight::midpoint;
  /// 0 is the probability flow; 1 is the reverse SDE, SDE-DPM-Solver++; between them k-diffusion's strength of noise.
  double eta = 0;
  /// Multiplies the fresh noise.
  double s_noise = 1;
  bool lower_order_final = true;  ///< a run of fewer than 15 steps ends with orders 2 and 1 (`order_rule`)
  bool euler_at_final = false;    ///< the last step is of order 1, however many there are
  /// At order 3 the authors' multistep code, k-diffusion and diffusers count the second derivative half (they take the
  /// second divided difference for it): their method converges at order 2. True gives their rows.
  bool halved_curvature = false;
};

namespace detail {

/// Adds to a row of order 1 what the derivatives contribute: `scale` * (-z) * (phi_2(z) h m' + phi_3(z) h^2 m'').
inline void add_derivatives(plan_step& row, double scale, double z, double h, const history_derivatives& of,
                            std::size_t order, const dpm_solver_options& options)
{
  if (order < 2) return;
  const bool midpoint = order == 2 && options.slope == slope_weight::midpoint;
  const double slope = midpoint ? -std::expm1(z) / 2 : -z * phi(2, z);
  const double curvature = order == 3 ? -z * phi(3, z) * (options.halved_curvature ? 0.5 : 1) : 0;
  for (std::size_t j = 0; j < order; ++j)
    row.model[j] += scale * (slope * h * of.first[j] + curvature * h * h * of.second[j]);
}

}  // namespace detail

/// DPM-Solver++ on predicted data, orders 1 to 3 (arXiv:2211.01095, Algorithm 2, its SDE form, and the authors' code
/// for order 3). With e = exp(-eta h), z = -(1 + eta) h, and h m', h^2 m'' from the last outputs (`derivatives`),
///
///     x_to = sigma_to / sigma e x + alpha_to [-expm1(z) m_0 - z phi_2(z) h m' - z phi_3(z) h^2 m'']
///            + s_noise sigma_to sqrt(1 - e^2) noise,
///
/// where the midpoint form has -expm1(z) / 2 for -z phi_2(z). Order 1 is DDIM, with eta = 1 DDPM.
/// Sampling to sigma = 0 ends with the predicted data. Throws std::invalid_argument on options out of range.
inline sampling_plan dpm_solver_pp(const std::vector<noise_level>& grid, const dpm_solver_options& options = {})
{
  require_denoising(grid);
  detail::require_order(options.order, 3, "DPM-Solver++");
  detail::require_strength(options.eta, options.s_noise);
  const order_rule rule{options.order, options.lower_order_final, options.euler_at_final};
  sampling_plan plan{.start = grid.front(), .end = grid.back()};
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
    const noise_level &from = grid[k], &to = grid[k + 1];
    const std::size_t order = order_at(rule, k, grid.size() - 1, to);
    const exponential_step step = step_in_lambda(prediction::data, from, to);
    // e^-h as a ratio of levels, which is 0, not NaN, where h is infinite
    const double decay = std::pow(from.alpha * to.sigma / (to.alpha * from.sigma), options.eta);
    const double keep = step.keep * decay, noise = to.sigma * std::sqrt((1 - decay) * (1 + decay));
    plan_step row{.at = from, .keep = keep, .model = {to.alpha - keep * from.alpha}, .noise = options.s_noise * noise};
    detail::add_derivatives(row, step.scale, (1 + options.eta) * step.z, step.h, derivatives(grid, k, order), order,
                            options);
    plan.steps.push_back(row);
  }
  return plan;
}

/// DPM-Solver on predicted noise, orders 1 to 3 (arXiv:2206.00927, eq. B.4, derivatives from the last outputs):
///
///     x_to = alpha_to / alpha x - sigma_to [expm1(h) m_0 + h phi_2(h) h m' + h phi_3(h) h^2 m''],
///
/// the midpoint form having expm1(h) / 2 for h phi_2(h). With eta = 1 the reverse SDE (diffusers' sde-dpmsolver): the
/// bracket counts twice and s_noise sigma_to sqrt(expm1(2 h)) of noise is added; its rows keep the law of levels only
/// as h falls. Where sigma_to is 0 the row gives the predicted data, and no noise, for both. Throws
/// std::invalid_argument on options out of range (eta is 0 or 1 here) and levels without signal.
inline sampling_plan dpm_solver(const std::vector<noise_level>& grid, const dpm_solver_options& options = {})
{
  detail::require_signal(grid, "DPM-Solver");
  detail::require_order(options.order, 3, "DPM-Solver");
  detail::require_strength(options.eta, options.s_noise);
  if (options.eta != 0 && options.eta != 1)
    throw std::invalid_argument("DPM-Solver on predicted noise has eta 0 or 1, but it is " +
                                std::to_string(options.eta));
  const order_rule rule{options.order, options.lower_order_final, options.euler_at_final};
  sampling_plan plan{.predicts = prediction::noise, .start = grid.front(), .end = grid.back()};
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
    const noise_level &from = grid[k], &to = grid[k + 1];
    const std::size_t order = order_at(rule, k, grid.size() - 1, to);
    const exponential_step step = step_in_lambda(prediction::noise, from, to);
    const bool diffuses = options.eta == 1 && to.sigma > 0;
    const double times = diffuses ? 2 : 1;
    plan_step row{.at = from, .keep = step.keep, .model = {times * step.first}};
    if (diffuses) row.noise = options.s_noise * to.sigma * std::sqrt(std::expm1(2 * step.h));
    detail::add_derivatives(row, times * step.scale, step.z, step.h, derivatives(grid, k, order), order, options);
    plan.steps.push_back(row);
  }
  return plan;
}

}  // namespace fewstep
