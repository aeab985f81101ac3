/// @file
/// Moments freed of what cannot be: the effective variance of the data never falls as the noise rises (a consequence of
/// Stam's inequality), so what does is an error of measurement.
#pragma once

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace fewstep {

namespace detail {

/// A number, and how much it weighs in a fit.
struct weighted {
  double value = 0;
  double weight = 0;
};

/// The rising sequence nearest to the values in weighted squares, by pooling neighbours that fall (Ayer et al. 1955).
/// Where nothing weighs anything, the value before goes on.
inline std::vector<double> isotonic(const std::vector<weighted>& numbers)
{
  struct block {
    weighted mean;
    std::size_t count;
  };
  std::vector<block> blocks;
  for (const weighted& number : numbers) {
    blocks.push_back({number, 1});
    while (blocks.size() > 1) {
      block &last = blocks.back(), &before = blocks[blocks.size() - 2];
      if (last.mean.weight > 0 && before.mean.weight > 0 && last.mean.value >= before.mean.value) break;
      const double sum = before.mean.weight + last.mean.weight;
      if (sum > 0) before.mean.value += (last.mean.value - before.mean.value) * (last.mean.weight / sum);
      before.mean.weight = sum, before.count += last.count;
      blocks.pop_back();
    }
  }
  std::vector<double> fit;
  for (const auto& [mean, count] : blocks) fit.insert(fit.end(), count, mean.value);
  return fit;
}

/// The effective variance as measured, possible or not, weighted by its own precision: with m = 1 - C / n =
/// E|eps_hat|^2, v = C / m varies by 1 / m^2 of what C does. Errors that are not known are taken as equal in m.
inline weighted measured_variance(const moment_level& level, error_estimator wanted, bool errors_known)
{
  const data_error error = raw_error(level, wanted);
  const double n = noise_variance(level.at), left = 1 - error.value / n;
  if (!(left > 0) || !std::isfinite(error.value)) return {};
  const double v = error.value / left;
  const double deviation = (errors_known ? error.standard_error : n) / (left * left);
  return {v, 1 / std::max(deviation * deviation, 1e-24 * v * v + 1e-300)};
}

}  // namespace detail

/// The same table with the data errors of an estimator repaired: those of the rising effective variance that fits the
/// measured one best, in squares weighted by the standard errors, not below 0 and, where it is known, not above the
/// variance of the data. The measurements stay beside it. It takes the network for nearly exact: the error of one that
/// is not may truly exceed the variance of the data where there is much noise. Throws std::invalid_argument if the
/// table is none, or does not hold the estimate.
inline moment_table repaired(moment_table moments, error_estimator wanted = error_estimator::best)
{
  for (moment_level& level : moments.levels) level.repaired.reset();
  require_moments(moments);
  std::vector<detail::weighted> measured;
  const bool errors_known = std::all_of(moments.levels.begin(), moments.levels.end(), [&](const moment_level& level) {
    return std::isfinite(raw_error(level, wanted).standard_error);
  });
  for (const moment_level& level : moments.levels)
    measured.push_back(detail::measured_variance(level, wanted, errors_known));
  const std::vector<double> fit = detail::isotonic(measured);
  for (std::size_t k = 0; k < fit.size(); ++k) {
    const double v = moments.data_variance > 0 ? std::min(fit[k], moments.data_variance) : fit[k];
    moments.levels[k].repaired = error_of_variance(std::max(v, 0.0), moments.levels[k].at);
  }
  return moments;
}

}  // namespace fewstep
