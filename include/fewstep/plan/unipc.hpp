/// @file
/// UniPC: a predictor and a corrector of orders 1 to 3 that share their evaluations (Zhao et al. 2023,
/// arXiv:2302.04867), fused into one row an evaluation.
#pragma once

#include "fewstep/plan/exponential.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/require.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

namespace fewstep {

/// The function B(h) of the paper's Theorem 3.1 that scales the residuals: h, or e^h - 1.
enum class unipc_form { bh1, bh2 };

struct unipc_options {
  std::size_t order = 2;
  unipc_form form = unipc_form::bh2;
  prediction predicts = prediction::data;  ///< data or noise
  bool corrector = true;
  std::vector<std::size_t> uncorrected{};  ///< steps, from 0, whose result is not corrected all the same
  bool lower_order_final = true;           ///< the last evaluations have orders .., 2, 1
  /// One evaluation more, at the last level, to correct the last step too; that level must hold noise.
  bool correct_last = false;
};

namespace detail {

/// rho of  sum_k r_k^(j-1) rho_k = b_j,  j, k = 1 .. n, by elimination; the r_k differ.
inline std::array<double, 3> solve_powers(const std::array<double, 3>& r, std::size_t n, std::array<double, 3> b)
{
  std::array<std::array<double, 3>, 3> a{};
  for (std::size_t k = 0; k < n; ++k) a[0][k] = 1;
  for (std::size_t j = 1; j < n; ++j)
    for (std::size_t k = 0; k < n; ++k) a[j][k] = a[j - 1][k] * r[k];
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t j = i + 1; j < n; ++j)
      if (std::abs(a[j][i]) > std::abs(a[pivot][i])) pivot = j;
    std::swap(a[i], a[pivot]), std::swap(b[i], b[pivot]);
    for (std::size_t j = i + 1; j < n; ++j) {
      const double ratio = a[j][i] / a[i][i];
      for (std::size_t k = i; k < n; ++k) a[j][k] -= ratio * a[i][k];
      b[j] -= ratio * b[i];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

/// One step of UniPC from level k, as weights of the predictions at levels k + 1, k, k - 1, .. (newest first) in what
/// follows the linear part: the predictor's, and what the corrector adds to it.
struct unipc_step {
  double keep = 0;
  std::array<double, max_history> predicted{};
  std::array<double, max_history> correction{};
};

inline unipc_step unipc_at(const std::vector<noise_level>& grid, std::size_t k, std::size_t order,
                           const unipc_options& options)
{
  const exponential_step step = step_in_lambda(options.predicts, grid[k], grid[k + 1]);
  unipc_step result{.keep = step.keep, .predicted = {0, step.first}};
  if (!std::isfinite(step.h)) return result;  // the data, or no signal yet: order 1, and nothing to correct with

  std::array<double, 3> r{1, 1, 1}, b{};
  const double scale = options.form == unipc_form::bh1 ? step.z : std::expm1(step.z);
  for (std::size_t j = 1; j < order; ++j) r[j - 1] = (log_snr(grid[k - j]) - log_snr(grid[k])) / step.h;
  for (std::size_t j = 0; j < order; ++j) {
    const double factorial = j == 0 ? 1 : j == 1 ? 2 : 6;
    b[j] = step.z * phi(static_cast<int>(j) + 2, step.z) * factorial / scale;
  }
  r[order - 1] = 1;  // the level that the step goes to, which only the corrector knows
  std::array<double, 3> ahead = solve_powers(r, order - 1, b), with = solve_powers(r, order, b);
  if (order == 2) ahead[0] = 0.5;
  if (order == 1) with[0] = 0.5;

  const auto add = [&](std::array<double, max_history>& weights, std::size_t j, double rho) {
    const double weight = -step.scale * scale * rho / r[j];
    weights[j + 1 == order ? 0 : j + 2] += weight;
    weights[1] -= weight;
  };
  for (std::size_t j = 0; j + 1 < order; ++j) {
    add(result.predicted, j, ahead[j]);
    add(result.correction, j, with[j] - ahead[j]);
  }
  add(result.correction, order - 1, with[order - 1]);
  return result;
}

}  // namespace detail

/// UniPC-p. With h = lambda_to - lambda, z = -h for predicted data and h for predicted noise, (keep, c) = (sigma_to /
/// sigma, alpha_to) or (alpha_to / alpha, sigma_to), r_j = (lambda_{-j} - lambda) / h and r_p = 1, a step is
///
///     x_to = keep x - c expm1(z) m_0 - c B(z) sum_j rho_j (m_j - m_0) / r_j,      sum_k r_k^(j-1) rho_k = b_j,
///     b_j = z phi_{j+1}(z) j! / B(z),
///
/// (section 3.1 and Theorem 3.1), where m_j is the prediction j levels back and, for the corrector, m_p the one at
/// x_to. The predictor has j < p, the corrector j <= p; rho is 1/2 for the predictor of order 2 and the corrector of
/// order 1.
///
/// Fused: both share keep x, so corrected = predicted + weights of predictions that sum to 0. The predictor of the next
/// step keeps keep' * corrected; the correction, times keep', joins that step's row, in which the newest prediction
/// is at hand. A row weighs p + 1 outputs and no state is stored.
///
/// The order is p, less in the first steps, which lack history, and 1 for a step to sigma = 0; with the corrector the
/// method converges one order faster. Throws std::invalid_argument on options out of range.
inline sampling_plan unipc(const std::vector<noise_level>& grid, const unipc_options& options = {})
{
  require_denoising(grid);
  detail::require_order(options.order, 3, "UniPC");
  if (options.predicts == prediction::noise) detail::require_signal(grid, "UniPC on predicted noise");
  if (options.predicts != prediction::data && options.predicts != prediction::noise)
    throw std::invalid_argument("UniPC works on predicted data or noise, but was asked for another prediction");
  if (options.correct_last && grid.back().sigma == 0)
    throw std::invalid_argument("UniPC cannot correct a step to sigma = 0, where no prediction is made");

  sampling_plan plan{.predicts = options.predicts, .start = grid.front(), .end = grid.back()};
  const std::size_t n = grid.size() - 1;
  const std::size_t evaluations = options.correct_last ? n + 1 : n;
  const auto order_of = [&](std::size_t k) -> std::size_t {
    if (k == 0 || grid[k + 1].sigma == 0) return 1;
    const std::size_t history = grid.front().alpha > 0 ? k + 1 : k;  // no signal has no place in lambda
    return std::min({options.order, history, options.lower_order_final ? evaluations - k : n});
  };
  std::array<double, max_history> correction{};  // of the step before
  for (std::size_t k = 0; k < n; ++k) {
    const detail::unipc_step step = detail::unipc_at(grid, k, order_of(k), options);
    plan_step row{.at = grid[k], .keep = step.keep};
    for (std::size_t j = 0; j < max_history; ++j)
      row.model[j] = step.keep * correction[j] + (j + 1 < max_history ? step.predicted[j + 1] : 0);
    plan.steps.push_back(row);
    const bool corrects = options.corrector && std::ranges::count(options.uncorrected, k) == 0;
    correction = corrects ? step.correction : std::array<double, max_history>{};
  }
  if (options.correct_last) plan.steps.push_back({.at = grid.back(), .keep = 1, .model = correction});
  return plan;
}

}  // namespace fewstep
