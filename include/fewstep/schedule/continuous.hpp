/// @file
/// Schedules in continuous time whose derivatives are known, so that the flow can be stepped in their own time: the VP
/// and VE processes of Song et al. 2021 (arXiv:2011.13456) in the form of EDM (Karras et al. 2022, arXiv:2206.00364,
/// table 1).
#pragma once

#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// alpha^2 = exp(-(beta_d t^2 / 2 + beta_min t)), sigma^2 = 1 - alpha^2, t from 1 to 0: noise comes at the rate
/// beta(t) = beta_d t + beta_min.
struct continuous_vp {
  double beta_d = 19.9;
  double beta_min = 0.1;

  static noise_level data_level() { return {0, 1, 0}; }

  noise_level operator()(double t) const
  {
    const double noise = (beta_d / 2 * t + beta_min) * t;
    return {t, std::exp(-noise / 2), std::sqrt(-std::expm1(-noise))};
  }

  /// t solves beta_d t^2 / 2 + beta_min t = ln(1 + ratio^2).
  noise_level at_noise_to_signal(double ratio) const
  {
    const double noise = std::log1p(ratio * ratio);
    return (*this)(2 * noise / (beta_min + std::sqrt(beta_min * beta_min + 2 * beta_d * noise)));
  }
};

/// The process of this kind whose sigma / alpha is sigma_min at t = epsilon and sigma_max at t = 1, EDM's code.
/// Throws std::invalid_argument unless 0 < epsilon < 1.
inline continuous_vp continuous_vp_between(const sigma_range& range, double epsilon = 1e-3)
{
  require_range(range);
  if (!(epsilon > 0 && epsilon < 1))
    throw std::invalid_argument("the first time must lie in (0, 1), but is " + std::to_string(epsilon));
  const double low = std::log1p(range.sigma_min * range.sigma_min),
               high = std::log1p(range.sigma_max * range.sigma_max);
  const double beta_d = 2 * (low / epsilon - high) / (epsilon - 1);
  return {beta_d, high - beta_d / 2};
}

/// alpha = 1, sigma = sqrt(t).
struct continuous_ve {
  static noise_level data_level() { return {0, 1, 0}; }
  noise_level operator()(double t) const { return {t, 1, std::sqrt(t)}; }
  noise_level at_noise_to_signal(double ratio) const { return {ratio * ratio, 1, ratio}; }
};

/// How fast alpha and sigma change with the schedule's time.
struct level_rates {
  double alpha = 0;
  double sigma = 0;
};

inline level_rates rates(const edm_schedule&, double)
{
  return {0, 1};
}

inline level_rates rates(const flow_schedule&, double)
{
  return {-1, 1};
}

inline level_rates rates(const continuous_ve&, double t)
{
  return {0, 1 / (2 * std::sqrt(t))};
}

inline level_rates rates(const continuous_vp& schedule, double t)
{
  const noise_level at = schedule(t);
  const double beta = schedule.beta_d * t + schedule.beta_min;
  return {-beta * at.alpha / 2, beta * at.alpha * at.alpha / (2 * at.sigma)};
}

/// A schedule whose flow can be stepped in its own time.
// clang-format off
template <class S>
concept differentiable_schedule = invertible_schedule<S> && requires(const S& schedule, double t) {
  { rates(schedule, t) } -> std::same_as<level_rates>;
};
// clang-format on

}  // namespace fewstep
