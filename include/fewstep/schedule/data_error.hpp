/// @file
/// How far a denoiser is from data, by level: the one number C from which Analytic-DPM (Bao et al. 2022,
/// arXiv:2201.06503) gets every variance, bound and trajectory, as an estimate with its error, at any level.
#pragma once

#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/running_mean.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace fewstep {

/// The data error at a level, per dimension,
///
///     C = E|data - D(x)|^2 / d,        = E tr Cov(data | x) / d if D is the posterior mean,
///
/// can be had in several ways from the same evaluations of the network:
///
///     second_moment   C = (sigma / alpha)^2 (1 - E|eps_hat|^2 / d): the paper's, precise at small noise only
///     residual        C = E|data - D|^2 / d: precise elsewhere, and right for a network that is not exact
///     clipped         the same of predictions held in the range of the data
///     repaired        what `repaired` made of them
///     best            repaired if there is one, else second_moment or residual, whose standard error is smaller
enum class error_estimator { best, second_moment, residual, clipped, repaired };

/// A data error, what is known of its precision, and where it comes from.
struct data_error {
  double value = 0;
  double standard_error = std::numeric_limits<double>::infinity();
  error_estimator from = error_estimator::best;
};

/// The variance that normal data would have whose error is C: 1 / v = 1 / C - (alpha / sigma)^2. It is bounded, smooth,
/// the same in every schedule, and never falls as the noise rises; infinite where C >= (sigma / alpha)^2.
inline double effective_variance(double error, const noise_level& at)
{
  const double left = 1 - error / noise_variance(at);
  return left > 0 ? error / left : std::numeric_limits<double>::infinity();
}

/// The error of normal data of variance v: v sigma^2 / (alpha^2 v + sigma^2).
inline double error_of_variance(double v, const noise_level& at)
{
  if (std::isinf(v)) return noise_variance(at);
  return v * (at.sigma * at.sigma) / (at.alpha * at.alpha * v + at.sigma * at.sigma);
}

namespace detail {

inline data_error error_by_second_moment(const running_mean& ms, const noise_level& at)
{
  const double n = noise_variance(at);
  if (std::isinf(n)) return {.from = error_estimator::second_moment};  // no signal: eps_hat says nothing of the data
  return {n * (1 - ms.mean), n * ms.standard_error(), error_estimator::second_moment};
}

inline data_error error_by(const moment_level& level, error_estimator wanted)
{
  const auto of = [&](const running_mean& mean) { return data_error{mean.mean, mean.standard_error(), wanted}; };
  if (wanted == error_estimator::second_moment) return error_by_second_moment(level.second_moment, level.at);
  return of(wanted == error_estimator::residual ? level.residual : level.clipped);
}

inline bool has(const moment_level& level, error_estimator wanted)
{
  switch (wanted) {
    case error_estimator::second_moment:
      return level.second_moment.count > 0;
    case error_estimator::residual:
      return level.residual.count > 0;
    case error_estimator::clipped:
      return level.clipped.count > 0;
    case error_estimator::repaired:
      return level.repaired.has_value();
    case error_estimator::best:
      break;
  }
  return level.repaired || level.residual.count > 0 || level.second_moment.count > 0;
}

}  // namespace detail

/// The data error at a measured level as the estimator has it, which may lie outside of what is possible, 0 to
/// (sigma / alpha)^2. Throws std::invalid_argument if that was not measured.
inline data_error raw_error(const moment_level& level, error_estimator wanted = error_estimator::best)
{
  if (!detail::has(level, wanted))
    throw std::invalid_argument("the moments at (" + to_string(level.at) + ") do not hold the estimate asked for");
  if (wanted == error_estimator::best || wanted == error_estimator::repaired) {
    data_error measured{.value = std::numeric_limits<double>::quiet_NaN()};
    if (level.residual.count > 0) measured = detail::error_by(level, error_estimator::residual);
    if (level.second_moment.count > 0) {
      const data_error other = detail::error_by(level, error_estimator::second_moment);
      if (level.residual.count == 0 || other.standard_error < measured.standard_error) measured = other;
    }
    if (!level.repaired) return measured;
    return {*level.repaired, measured.standard_error, error_estimator::repaired};
  }
  return detail::error_by(level, wanted);
}

/// The same, held in what is possible.
inline data_error error_at(const moment_level& level, error_estimator wanted = error_estimator::best)
{
  data_error error = raw_error(level, wanted);
  error.value = std::clamp(error.value, 0.0, noise_variance(level.at));
  return error;
}

/// The data error at any level: the measured one where there is one, otherwise that of an effective variance which is
/// linear in ln(sigma / alpha) between neighbours, and constant beyond the ends. Throws std::invalid_argument if the
/// table is empty, or does not hold the estimate.
inline data_error error_at(const moment_table& moments, const noise_level& at,
                           error_estimator wanted = error_estimator::best)
{
  const auto& levels = moments.levels;
  if (levels.empty()) throw std::invalid_argument("the table of moments has no levels");
  const double n = noise_variance(at);
  const auto above = std::lower_bound(levels.begin(), levels.end(), n,
                                      [](const moment_level& level, double x) { return noise_variance(level.at) < x; });
  if (above != levels.end() && noise_variance(above->at) == n) return error_at(*above, wanted);

  const moment_level& low = above == levels.begin() ? *above : *(above - 1);
  const moment_level& high = above == levels.end() ? levels.back() : *above;
  const data_error from = error_at(low, wanted), to = error_at(high, wanted);
  const double first = std::log(noise_variance(low.at)), last = std::log(noise_variance(high.at));
  const double part = std::isfinite(last) && last > first ? (std::log(n) - first) / (last - first) : 0;
  // an infinite variance would swallow its neighbour: the largest that 53 bits tell from it stands for it
  const auto finite = [](double error, const noise_level& where) {
    return std::min(effective_variance(error, where), error * 0x1p52);
  };
  const double v = std::lerp(finite(from.value, low.at), finite(to.value, high.at), part);
  return {error_of_variance(v, at), std::max(from.standard_error, to.standard_error), from.from};
}

}  // namespace fewstep
