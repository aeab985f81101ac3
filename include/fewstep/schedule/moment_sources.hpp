/// @file
/// Tables of moments that were not measured here: known ones, and those of the official Analytic-DPM code.
#pragma once

#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// A table of errors that are known, such as those of a model of the data. Throws std::invalid_argument if it is none.
inline moment_table moments_of_errors(const std::vector<noise_level>& levels, const std::vector<double>& errors)
{
  if (levels.size() != errors.size())
    throw std::invalid_argument("there are " + std::to_string(levels.size()) + " levels, but " +
                                std::to_string(errors.size()) + " errors");
  moment_table moments{.schedule = hash(levels)};
  for (std::size_t k = 0; k < levels.size(); ++k)
    moments.levels.push_back({.at = levels[k], .residual = {.count = 1, .mean = errors[k]}});
  require_moments(moments);
  return moments;
}

/// The table of the official repository: N + 1 numbers "ms_eps", of which number n belongs to n = 1 .. N and number 0
/// to the data. Its betas begin with a 0 for the data, so its n is our time t = n - 1: levels[t] takes ms_eps[t + 1].
/// Throws std::invalid_argument unless there is one more number than levels, and all are finite and not negative. Those
/// above 1 are kept: see `impossible_levels`.
inline moment_table moments_of_ms_eps(const std::vector<noise_level>& levels, const std::vector<double>& ms_eps)
{
  if (ms_eps.size() != levels.size() + 1)
    throw std::invalid_argument("for " + std::to_string(levels.size()) + " levels ms_eps must hold " +
                                std::to_string(levels.size() + 1) + " numbers, the first unused, but holds " +
                                std::to_string(ms_eps.size()));
  moment_table moments{.schedule = hash(levels)};
  for (std::size_t t = 0; t < levels.size(); ++t)
    moments.levels.push_back({.at = levels[t], .second_moment = {.count = 1, .mean = ms_eps[t + 1]}});
  require_moments(moments);
  return moments;
}

/// The levels whose estimate had to be held in what is possible, 0 to (sigma / alpha)^2, by their place in the table.
/// An "ms_eps" above 1 is among them: its error is taken as 0, the paper's lower bound of the variance.
inline std::vector<std::size_t> impossible_levels(const moment_table& moments,
                                                  error_estimator wanted = error_estimator::best)
{
  std::vector<std::size_t> places;
  for (std::size_t k = 0; k < moments.levels.size(); ++k) {
    const double raw = raw_error(moments.levels[k], wanted).value;
    if (!(raw >= 0 && raw <= noise_variance(moments.levels[k].at))) places.push_back(k);
  }
  return places;
}

}  // namespace fewstep
