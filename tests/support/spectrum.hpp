/// @file
/// Normal data whose numbers are independent and have the variances of a list, repeated: their exact moments.
#pragma once

#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <vector>

namespace fewstep::test {

struct spectrum {
  std::vector<double> variances{1.0, 0.25, 0.05, 0.01, 0.001};

  /// E|eps_hat|^2 / d of the posterior mean: sigma^2 / (alpha^2 v + sigma^2), averaged.
  double second_moment(const noise_level& at) const
  {
    double sum = 0;
    for (const double v : variances) sum += at.sigma * at.sigma / (at.alpha * at.alpha * v + at.sigma * at.sigma);
    return sum / static_cast<double>(variances.size());
  }

  /// E|data - D|^2 / d: v sigma^2 / (alpha^2 v + sigma^2), averaged.
  double error(const noise_level& at) const
  {
    double sum = 0;
    for (const double v : variances) sum += v * at.sigma * at.sigma / (at.alpha * at.alpha * v + at.sigma * at.sigma);
    return sum / static_cast<double>(variances.size());
  }

  double variance() const
  {
    double sum = 0;
    for (const double v : variances) sum += v;
    return sum / static_cast<double>(variances.size());
  }

  moment_table moments(const std::vector<noise_level>& levels) const
  {
    std::vector<double> errors;
    for (const noise_level& at : levels) errors.push_back(error(at));
    return moments_of_errors(levels, errors);
  }
};

/// `count` numbers of that mean whose mean has that standard error.
inline running_mean measured(double mean, double standard_error, std::uint64_t count = 100)
{
  const double n = static_cast<double>(count);
  return {count, mean, standard_error * standard_error * n * (n - 1)};
}

}  // namespace fewstep::test
