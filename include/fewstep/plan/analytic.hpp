/// @file
/// Analytic-DPM (Bao, Li, Zhu and Zhang 2022, arXiv:2201.06503): first-order plans whose noise has the variance that
/// brings the reverse process nearest to the true one, in closed form from the error of the network.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/noise_clip.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/data_range.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// What a step's variance cannot fall below and cannot exceed (theorem 2 and corollaries): the variance at C = 0, and
/// at the largest C that is possible
///
///     of any data          C <= (sigma / alpha)^2
///     in a range [a, b]    C <= ((b - a) / 2)^2
///     of variance v        C <= v sigma^2 / (alpha^2 v + sigma^2), what the best linear prediction leaves over
struct variance_bounds {
  double lower = 0;
  double any_data = 0;
  double in_range = std::numeric_limits<double>::infinity();  ///< infinite where no range is known
  double linear = std::numeric_limits<double>::infinity();    ///< infinite where no variance is known

  double upper() const { return std::min({any_data, in_range, linear}); }
};

/// One step's variance with all that it is made of,
///
///     optimal = lower + gain^2 C,     gain = alpha_to - sqrt(sigma_to^2 - lower) alpha / sigma,
///
/// theorem 1 for any alpha and sigma: `lower` = lambda^2 is the variance of q(x_to | x, data), and `gain` the weight of
/// the predicted data in the row, which carries its error into x_to.
struct reverse_variance {
  jump step{};
  double lower = 0;
  double gain = 0;
  data_error error{};  ///< C, as it was used
  double optimal = 0;  ///< lower + gain^2 C
  variance_bounds bounds{};

  /// The error of the variance, as coefficient times error of approximation: gain^2 * standard error of C. In the
  /// paper's terms (section 3.2) it is gain^2 (sigma^2 / alpha)^2 * error of Gamma.
  double standard_error() const { return gain * gain * error.standard_error; }
};

struct analytic_options {
  error_estimator estimator = error_estimator::best;
  std::optional<data_range> range{};  ///< holds C under ((high - low) / 2)^2; the official code: [-1, 1]
  bool linear_bound = false;          ///< holds C under the linear bound; needs the table's variance of the data
  std::optional<pixel_clip> clip{};   ///< holds the last noise; for images only
  bool noise_at_end = false;  ///< adds the optimal noise in a step to the data, too; the official code adds none
};

namespace detail {

inline void require_analytic(const moment_table& moments, double eta, const analytic_options& options)
{
  require_moments(moments);
  if (!(eta >= 0 && eta <= 1)) throw std::invalid_argument("eta must lie in [0, 1], but is " + std::to_string(eta));
  if (options.range) require_data_range(*options.range);
  if (options.linear_bound && moments.data_variance == 0)
    throw std::invalid_argument("the linear bound needs the variance of the data, which these moments do not hold");
}

/// The weight of the predicted data in a first-order row, and the variances of its noise for errors C.
struct row_variance {
  double lower, gain;

  explicit row_variance(const jump& step, double eta)
  {
    const plan_step row = ddim_row(step.from, step.to, eta);
    lower = row.noise * row.noise, gain = row.model[0];
  }

  double operator()(double error) const { return lower + gain * gain * error; }
};

}  // namespace detail

/// The bounds of one step. `data_variance` is tr Cov(data) / d, 0 if unknown.
inline variance_bounds bounds_of(const jump& step, double eta, const std::optional<data_range>& range = {},
                                 double data_variance = 0)
{
  const detail::row_variance variance(step, eta);
  variance_bounds bounds{.lower = variance.lower, .any_data = variance(noise_variance(step.from))};
  if (range) bounds.in_range = variance(largest_variance(*range));
  if (data_variance > 0) bounds.linear = variance(error_of_variance(data_variance, step.from));
  return bounds;
}

/// The optimal variances along a grid, C held as the options say. Throws std::invalid_argument unless the grid's noise
/// falls, eta lies in [0, 1], and the moments hold what is asked for.
inline std::vector<reverse_variance> reverse_variances(const std::vector<noise_level>& grid,
                                                       const moment_table& moments, double eta,
                                                       const analytic_options& options = {})
{
  detail::require_analytic(moments, eta, options);
  std::vector<reverse_variance> variances;
  for (const jump& step : jumps(grid)) {
    const detail::row_variance variance(step, eta);
    data_error error = error_at(moments, step.from, options.estimator);
    if (options.range) error.value = std::min(error.value, largest_variance(*options.range));
    if (options.linear_bound) error.value = std::min(error.value, error_of_variance(moments.data_variance, step.from));
    variances.push_back({step, variance.lower, variance.gain, error, variance(error.value),
                         bounds_of(step, eta, options.range, moments.data_variance)});
  }
  return variances;
}

/// The plan of DDIM with that eta, its noise of the optimal variance. Its mean is optimal whatever the variance. A step
/// to the data adds no noise unless asked to. It aims at the law of x_to given what the network knows, so it is exempt
/// from the law of levels; on normal data with the exact denoiser it has the right variance at every level.
inline sampling_plan analytic(const std::vector<noise_level>& grid, const moment_table& moments, double eta,
                              const analytic_options& options = {})
{
  const auto variances = reverse_variances(grid, moments, eta, options);
  sampling_plan plan = ddim(grid, eta);
  for (std::size_t k = 0; k < variances.size(); ++k) {
    const bool draws = variances[k].step.to.sigma > 0 || options.noise_at_end;
    plan.steps[k].noise = draws ? std::sqrt(variances[k].optimal) : 0;
  }
  return options.clip ? clip_noise(std::move(plan), *options.clip) : plan;
}

/// Analytic-DDPM, eta = 1. For the official numbers hold the predicted data in its range (`clipped`), and give the
/// range.
inline sampling_plan analytic_ddpm(const std::vector<noise_level>& grid, const moment_table& moments,
                                   const analytic_options& options = {})
{
  return analytic(grid, moments, 1, options);
}

/// Analytic-DDIM, eta = 0: unlike DDIM it draws noise. The official code goes on with the unclipped direction
/// (`clipped_keeping_direction`).
inline sampling_plan analytic_ddim(const std::vector<noise_level>& grid, const moment_table& moments,
                                   const analytic_options& options = {})
{
  return analytic(grid, moments, 0, options);
}

}  // namespace fewstep
