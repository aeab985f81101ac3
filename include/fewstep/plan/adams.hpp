/// @file
/// Adams methods on predicted noise: LMS of k-diffusion, PLMS and iPNDM with constant weights (Liu et al. 2022,
/// arXiv:2202.09778), and DEIS (Zhang and Chen 2022, arXiv:2204.13902).
///
/// All step y = x / alpha along dy/ds = noise, s = sigma / alpha, so that
///
///     x_to = alpha_to / alpha x + alpha_to sum_j c_j m_j,
///
/// with the c_j from a polynomial through the last predictions; they sum to s_to - s.
#pragma once

#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/plan/exponential.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/require.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace fewstep {

namespace detail {

/// The integral over [a, b] of the polynomial that is 1 at nodes[j] and 0 at the others. Three Gauss-Legendre points
/// are exact up to degree 5, hence for six nodes.
inline double lagrange_integral(const std::vector<double>& nodes, std::size_t j, double a, double b)
{
  const auto basis = [&](double s) {
    double product = 1;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (i != j) product *= (s - nodes[i]) / (nodes[j] - nodes[i]);
    return product;
  };
  const double middle = (a + b) / 2, half = (b - a) / 2, reach = half * std::sqrt(0.6);
  return half * (5 * (basis(middle - reach) + basis(middle + reach)) + 8 * basis(middle)) / 9;
}

/// The row of DDIM for the mean of predictions `weights` (summing to 1), newest first.
inline plan_step row_of_mean(const noise_level& from, const noise_level& to, const std::vector<double>& weights)
{
  plan_step row{.at = from, .keep = to.alpha / from.alpha};
  const double whole = to.sigma - row.keep * from.sigma;  // alpha_to (s_to - s)
  for (std::size_t j = 0; j < weights.size(); ++j) row.model[j] = whole * weights[j];
  return row;
}

/// Adams-Bashforth weights for even steps, orders 1 to 4.
inline std::vector<double> even_adams(std::size_t order)
{
  switch (order) {
    case 1:
      return {1};
    case 2:
      return {3. / 2, -1. / 2};
    case 3:
      return {23. / 12, -16. / 12, 5. / 12};
    default:
      return {55. / 24, -59. / 24, 37. / 24, -9. / 24};
  }
}

}  // namespace detail

/// k-diffusion's LMS: c_j is the integral over s, from s to s_to, of the Lagrange polynomial of the j-th last level.
/// The first rows have as many nodes as there is history. Throws std::invalid_argument unless the order lies in [1, 5]
/// and all levels hold signal.
inline sampling_plan lms(const std::vector<noise_level>& grid, std::size_t order = 4)
{
  detail::require_signal(grid, "LMS");
  detail::require_order(order, max_history, "LMS");
  sampling_plan plan{.predicts = prediction::noise, .start = grid.front(), .end = grid.back()};
  std::vector<double> nodes;  // newest first
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
    const noise_level &from = grid[k], &to = grid[k + 1];
    nodes.insert(nodes.begin(), noise_to_signal(from));
    nodes.resize(std::min(nodes.size(), order));
    plan_step row{.at = from, .keep = to.alpha / from.alpha};
    for (std::size_t j = 0; j < nodes.size(); ++j)
      row.model[j] = to.alpha * detail::lagrange_integral(nodes, j, nodes.front(), noise_to_signal(to));
    plan.steps.push_back(row);
  }
  return plan;
}

/// iPNDM (arXiv:2204.13902, Appendix): the mean of the last predictions by Adams-Bashforth's weights for even steps,
/// with as many as there is history, and DDIM's row for it, PNDM's transfer part. Of order 4 on grids even in s, else
/// of order 2. Throws std::invalid_argument unless the order lies in [1, 4] and all levels hold signal.
inline sampling_plan ipndm(const std::vector<noise_level>& grid, std::size_t order = 4)
{
  detail::require_signal(grid, "iPNDM");
  detail::require_order(order, 4, "iPNDM");
  sampling_plan plan{.predicts = prediction::noise, .start = grid.front(), .end = grid.back()};
  for (std::size_t k = 0; k + 1 < grid.size(); ++k)
    plan.steps.push_back(detail::row_of_mean(grid[k], grid[k + 1], detail::even_adams(std::min(order, k + 1))));
  return plan;
}

/// PNDM without its Runge-Kutta start (arXiv:2202.09778, Algorithm 2; diffusers' skip_prk_steps): as iPNDM, but the
/// first step is done twice, the second time with the mean of the noise at both of its ends. One evaluation more than
/// steps: levels 0, 1, 1, 2, 3, ...
///
/// The second try starts from x_0, which is not kept: x_1 = a x_0 + b m(x_0), so a x_0 + b (m(x_1) + m(x_0)) / 2 =
/// x_1 + b (m(x_1) - m(x_0)) / 2. The evaluation at the first x_1 is not used again: later rows skip over it.
/// A plan of one step is DDIM's. Throws std::invalid_argument if a level holds no signal.
inline sampling_plan plms(const std::vector<noise_level>& grid)
{
  detail::require_signal(grid, "PLMS");
  sampling_plan plan{.predicts = prediction::noise, .start = grid.front(), .end = grid.back()};
  plan_step first = detail::row_of_mean(grid[0], grid[1], detail::even_adams(1));
  plan.steps.push_back(first);
  if (grid.size() == 2) return plan;
  plan.steps.push_back({.at = grid[1], .keep = 1, .model = {first.model[0] / 2, -first.model[0] / 2}});
  for (std::size_t k = 1; k + 1 < grid.size(); ++k) {
    std::vector<double> weights = detail::even_adams(std::min<std::size_t>(k + 1, 4));
    if (k < 4) weights.insert(weights.begin() + static_cast<std::ptrdiff_t>(k), 0.0);
    plan.steps.push_back(detail::row_of_mean(grid[k], grid[k + 1], weights));
  }
  return plan;
}

/// tAB-DEIS in ln(s), orders 1 to 3 (arXiv:2204.13902, Algorithm 1; diffusers' logrho): c_j is the integral over s,
/// from s to s_to, of the Lagrange polynomial in ln(s) of the j-th last level. As ln(s) = -lambda, this is DPM-Solver
/// on predicted noise with all derivatives integrated exactly. (The paper calls s rho; its rho-AB-DEIS is `lms`.)
/// Throws std::invalid_argument unless the order lies in [1, 3] and all levels hold signal.
inline sampling_plan deis(const std::vector<noise_level>& grid, const order_rule& rule = {})
{
  detail::require_order(rule.order, 3, "DEIS");
  return dpm_solver(grid, {.order = rule.order,
                           .slope = slope_weight::heun,
                           .lower_order_final = rule.lower_order_final,
                           .euler_at_final = rule.euler_at_final});
}

}  // namespace fewstep
