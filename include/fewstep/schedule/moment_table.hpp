/// @file
/// What was measured of a denoiser over data, by noise level: means of squares with their errors, which merge.
/// `data_error.hpp` says what they mean for Analytic-DPM (Bao et al. 2022, arXiv:2201.06503).
#pragma once

#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/running_mean.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

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
    if (!level.repaired && level.residual.count == 0 && level.second_moment.count == 0) refuse("hold no estimate");
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

/// Throws std::invalid_argument if the moments are those of another schedule, to the last bit: who goes on with a
/// measurement asks. Plans need not: they interpolate.
inline void require_schedule(const moment_table& moments, const std::vector<noise_level>& levels)
{
  if (moments.schedule != hash(levels))
    throw std::invalid_argument("the moments belong to another schedule: its hash is " +
                                std::to_string(moments.schedule) + ", but must be " + std::to_string(hash(levels)));
}

/// Throws std::invalid_argument unless every level of the moments is one of `levels`, all of a schedule or some. Bits
/// may differ, since builds of a program round differently, but not the ninth digit.
inline void require_levels(const moment_table& moments, const std::vector<noise_level>& levels)
{
  const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-9 * std::abs(b); };
  for (const moment_level& level : moments.levels)
    if (std::none_of(levels.begin(), levels.end(), [&](const noise_level& at) {
          return near(level.at.alpha, at.alpha) && near(level.at.sigma, at.sigma);
        }))
      throw std::invalid_argument("the moments belong to another schedule: it has no level (" + to_string(level.at) +
                                  ")");
}

}  // namespace fewstep
