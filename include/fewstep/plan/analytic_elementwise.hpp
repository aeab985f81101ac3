/// @file
/// Analytic-DPM with a variance of its own for each number of x: measured (the diagonal of the moments), or predicted
/// by a network with a second head (SN-DPM and NPR-DPM, Bao et al. 2022, arXiv:2206.07309).
#pragma once

#include "fewstep/plan/analytic.hpp"
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
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// How a row's deviation follows from the data error C of one number: sqrt(lower + gain^2 C), C held in
/// [0, most_error], the result in [0, most_deviation].
struct row_deviation {
  double lower = 0;
  double gain = 0;
  double most_error = std::numeric_limits<double>::infinity();
  double most_deviation = std::numeric_limits<double>::infinity();

  double operator()(double error) const
  {
    return std::min(std::sqrt(lower + gain * gain * std::clamp(error, 0.0, most_error)), most_deviation);
  }
};

/// A plan whose noise is 1 wherever it draws any, to be multiplied by a deviation for each number; `deviations` has one
/// entry a row.
struct elementwise_plan {
  sampling_plan plan{};
  std::vector<row_deviation> deviations{};
};

/// The plan of `analytic` with the errors left open. C is held under (sigma / alpha)^2 and, with a range, under
/// ((high - low) / 2)^2. Throws std::invalid_argument unless the grid's noise falls, eta lies in [0, 1], and the
/// options are possible; the linear bound is not, for it is one of the mean over all numbers.
inline elementwise_plan analytic_elementwise(const std::vector<noise_level>& grid, double eta,
                                             const analytic_options& options = {})
{
  if (options.linear_bound) throw std::invalid_argument("the linear bound does not hold for a single number");
  if (options.range) require_data_range(*options.range);
  elementwise_plan made{.plan = ddim(grid, eta)};
  sampling_plan limits = made.plan;  // the noise of each row that draws any, as far as the clip lets it
  for (std::size_t k = 0; const jump& step : jumps(grid)) {
    const detail::row_variance variance(step, eta);
    const bool draws = step.to.sigma > 0 || options.noise_at_end;
    made.plan.steps[k].noise = draws ? 1 : 0;
    limits.steps[k].noise = draws ? std::numeric_limits<double>::infinity() : 0;
    const double most = options.range ? largest_variance(*options.range) : std::numeric_limits<double>::infinity();
    made.deviations.push_back({variance.lower, variance.gain, std::min(most, noise_variance(step.from))});
    ++k;
  }
  if (options.clip) limits = clip_noise(std::move(limits), *options.clip);
  for (std::size_t k = 0; k < made.deviations.size(); ++k) made.deviations[k].most_deviation = limits.steps[k].noise;
  return made;
}

/// The data errors of the parts of a sample (channels, or numbers) at a level, as `error_at` has them for the whole.
/// Throws std::invalid_argument if the levels do not hold moments of as many parts each.
inline std::vector<data_error> part_errors(const moment_table& moments, const noise_level& at,
                                           error_estimator wanted = error_estimator::best)
{
  const std::size_t parts = moments.levels.empty() ? 0 : moments.levels.front().parts.size();
  for (const moment_level& level : moments.levels)
    if (parts == 0 || level.parts.size() != parts)
      throw std::invalid_argument("the moments at (" + to_string(level.at) + ") hold " +
                                  std::to_string(level.parts.size()) + " parts of a sample, those before " +
                                  std::to_string(parts));
  moment_table part;
  for (const moment_level& level : moments.levels) part.levels.push_back({.at = level.at});
  std::vector<data_error> errors;
  for (std::size_t p = 0; p < parts; ++p) {
    for (std::size_t k = 0; k < part.levels.size(); ++k) {
      part.levels[k].second_moment = moments.levels[k].parts[p].second_moment;
      part.levels[k].residual = moments.levels[k].parts[p].residual;
    }
    errors.push_back(error_at(part, at, wanted));
  }
  return errors;
}

/// C of one number by a head that predicts h = E[eps^2 | x]: (sigma / alpha)^2 (h - eps_hat^2), SN-DPM, which takes the
/// network's mean to be exact.
inline double second_moment_error(const noise_level& at, double head, double eps_hat)
{
  return noise_variance(at) * (head - eps_hat * eps_hat);
}

/// C of one number by a head that predicts g = E[(eps - eps_hat)^2 | x]: (sigma / alpha)^2 g, NPR-DPM.
inline double residual_error(const noise_level& at, double head)
{
  return noise_variance(at) * head;
}

}  // namespace fewstep
