/// @file
/// What a denoiser's errors over data come to at each noise level: the one number by level from which Analytic-DPM
/// (Bao et al. 2022, arXiv:2201.06503) gets every variance, bound and trajectory.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/running_mean.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

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

/// The moments of one part of a sample: of a channel, or of one number.
struct part_moments {
  running_mean second_moment{};
  running_mean residual{};

  bool operator==(const part_moments&) const = default;
};

/// What was measured at one level. A mean of count 0 was not measured; one of count 1 has no known error.
struct moment_level {
  noise_level at{};
  running_mean second_moment{};       ///< E|eps_hat|^2 / d, the paper's bbar_t Gamma_t, "ms_eps"
  running_mean residual{};            ///< E|data - D|^2 / d
  running_mean clipped{};             ///< the same of D held in the range of the data
  std::vector<part_moments> parts{};  ///< by channel or by number, in storage order
  std::optional<double> repaired{};   ///< the data error after a repair

  bool operator==(const moment_level&) const = default;
};

/// Moments by level, the noise rising. As it depends on sigma / alpha alone, a table serves any schedule.
struct moment_table {
  std::uint64_t schedule = 0;  ///< hash of the levels that the measurement is for
  std::size_t dimensions = 0;  ///< numbers in a sample; 0 if unknown
  double data_variance = 0;    ///< tr Cov(data) / d; 0 if unknown
  std::vector<moment_level> levels{};

  bool operator==(const moment_table&) const = default;
};

/// A data error, what is known of its precision, and where it comes from.
struct data_error {
  double value = 0;
  double standard_error = std::numeric_limits<double>::infinity();
  error_estimator from = error_estimator::best;
};

/// (sigma / alpha)^2, in which all formulas of Analytic-DPM take their simplest form; infinite at alpha = 0.
inline double noise_variance(const noise_level& at)
{
  const double ratio = noise_to_signal(at);
  return ratio * ratio;
}

/// A number that tells schedules apart: FNV-1a over the bits of every level.
inline std::uint64_t hash(const std::vector<noise_level>& levels)
{
  std::uint64_t code = 0xcbf29ce484222325;
  for (const noise_level& at : levels)
    for (const double value : {at.t, at.alpha, at.sigma})
      for (std::uint64_t bits = std::bit_cast<std::uint64_t>(value), byte = 0; byte < 8; ++byte, bits >>= 8)
        code = (code ^ (bits & 0xff)) * 0x100000001b3;
  return code;
}

/// The levels at all times of a table, the noise rising.
inline std::vector<noise_level> levels_of(const vp_table& table)
{
  std::vector<noise_level> levels;
  for (std::size_t t = 0; t < table.steps(); ++t) levels.push_back(table(static_cast<double>(t)));
  return levels;
}

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

/// Adds what was measured at a level to the table: merged into that level if it is there, else put where it belongs.
/// Equal bits take equal order. Throws std::invalid_argument if the parts of a sample are others there.
inline void add(moment_table& moments, const moment_level& measured)
{
  const double n = noise_variance(measured.at);
  const auto place = std::lower_bound(moments.levels.begin(), moments.levels.end(), n,
                                      [](const moment_level& level, double x) { return noise_variance(level.at) < x; });
  if (place == moments.levels.end() || noise_variance(place->at) != n) {
    moments.levels.insert(place, measured);
    return;
  }
  if (place->parts.size() != measured.parts.size())
    throw std::invalid_argument("moments of " + std::to_string(place->parts.size()) + " and of " +
                                std::to_string(measured.parts.size()) + " parts of a sample cannot be merged");
  place->second_moment.merge(measured.second_moment);
  place->residual.merge(measured.residual);
  place->clipped.merge(measured.clipped);
  for (std::size_t p = 0; p < measured.parts.size(); ++p) {
    place->parts[p].second_moment.merge(measured.parts[p].second_moment);
    place->parts[p].residual.merge(measured.parts[p].residual);
  }
  place->repaired.reset();
}

/// Throws std::invalid_argument unless the table has levels, their noise rises, and every number in it is possible:
/// finite, and means of squares not negative.
inline void require_moments(const moment_table& moments)
{
  if (moments.levels.empty()) throw std::invalid_argument("the table of moments has no levels");
  if (!(moments.data_variance >= 0 && std::isfinite(moments.data_variance)))
    throw std::invalid_argument("the variance of the data must be finite and not negative, but is " +
                                std::to_string(moments.data_variance));
  double before = 0;
  for (const moment_level& level : moments.levels) {
    require_level(level.at);
    const auto refuse = [&](const std::string& why) {
      throw std::invalid_argument("the moments at (" + to_string(level.at) + ") " + why);
    };
    if (!(noise_variance(level.at) > before)) refuse("must hold more noise than those before");
    before = noise_variance(level.at);
    if (!detail::has(level, error_estimator::best)) refuse("hold no estimate");
    const auto check = [&](const running_mean& mean, const std::string& name) {
      if (!(mean.mean >= 0 && std::isfinite(mean.mean) && mean.squares >= 0 && std::isfinite(mean.squares)))
        refuse("must be finite and not negative, but the " + name + " is " + std::to_string(mean.mean));
    };
    check(level.second_moment, "second moment"), check(level.residual, "residual"), check(level.clipped, "clipped one");
    for (const part_moments& part : level.parts)
      check(part.second_moment, "second moment of a part"), check(part.residual, "residual of a part");
    if (level.repaired && !(*level.repaired >= 0 && std::isfinite(*level.repaired)))
      refuse("were repaired to nonsense");
  }
}

/// Throws std::invalid_argument if the moments are those of another schedule. Plans need not ask: they interpolate.
inline void require_schedule(const moment_table& moments, const std::vector<noise_level>& levels)
{
  if (moments.schedule != hash(levels))
    throw std::invalid_argument("the moments belong to another schedule: its hash is " +
                                std::to_string(moments.schedule) + ", but must be " + std::to_string(hash(levels)));
}

}  // namespace fewstep
