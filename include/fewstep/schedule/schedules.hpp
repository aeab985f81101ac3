/// @file
/// Noise schedules: discrete variance-preserving tables (Ho et al. 2020, arXiv:2006.11239; Nichol and
/// Dhariwal 2021, arXiv:2102.09672), EDM (Karras et al. 2022, arXiv:2206.00364) and flows
/// (Esser et al. 2024, arXiv:2403.03206).
#pragma once

#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// A schedule that is known at the whole times 0 .. steps() - 1. Time -1 is the data: alpha = 1, sigma = 0.
///
/// Between whole times the logarithm of sigma / alpha is linear in t, as in k-diffusion.
class vp_table {
public:
  /// alpha_t^2 = prod_{s <= t} (1 - beta_s), sigma_t^2 = 1 - alpha_t^2. The variance is summed by
  /// sigma_t^2 = (1 - beta_t) sigma_{t-1}^2 + beta_t, which loses no digits at small t.
  /// Throws std::invalid_argument if there is no beta, or one is not in [0, 1].
  explicit vp_table(const std::vector<double>& betas)
  {
    if (betas.empty()) throw std::invalid_argument("a noise schedule needs at least one beta, but has none");
    double signal = 1, noise = 0;
    for (std::size_t t = 0; t < betas.size(); ++t) {
      const double beta = betas[t];
      if (!(beta >= 0 && beta <= 1))
        throw std::invalid_argument("every beta must lie in [0, 1], but beta " + std::to_string(t) + " is " +
                                    std::to_string(beta));
      signal *= 1 - beta;
      noise = (1 - beta) * noise + beta;
      levels_.push_back({static_cast<double>(t), std::sqrt(signal), std::sqrt(noise)});
    }
  }

  /// The number of times at which the table is known.
  std::size_t steps() const { return levels_.size(); }

  /// The level that stands for the data itself.
  static noise_level data_level() { return {-1, 1, 0}; }

  /// The level at time t in [0, steps() - 1], or at -1. Throws std::invalid_argument elsewhere, and between two
  /// times one of which holds no signal or no noise.
  noise_level operator()(double t) const
  {
    if (t == -1) return data_level();
    const double last = static_cast<double>(steps() - 1);
    if (!(t >= 0 && t <= last))
      throw std::invalid_argument("a time of this schedule lies in [0, " + std::to_string(steps() - 1) +
                                  "] or is -1, the data, but is " + std::to_string(t));
    const auto below = static_cast<std::size_t>(t);
    const double part = t - static_cast<double>(below);
    if (part == 0) return levels_[below];
    const double from = std::log(noise_to_signal(levels_[below]));
    const double to = std::log(noise_to_signal(levels_[below + 1]));
    if (!std::isfinite(from) || !std::isfinite(to))
      throw std::invalid_argument("the schedule cannot be interpolated at t = " + std::to_string(t) +
                                  ": a neighbour has no signal or no noise");
    return with_ratio(t, std::exp((1 - part) * from + part * to));
  }

  /// The level at which sigma / alpha is `ratio`: the inverse of the schedule. Outside of the table's range the
  /// nearer end's time is kept with the ratio that was asked for, so that a grid may start above it.
  noise_level at_noise_to_signal(double ratio) const
  {
    if (!(ratio > 0)) throw std::invalid_argument("sigma / alpha must be positive, but is " + std::to_string(ratio));
    const auto above = std::upper_bound(levels_.begin(), levels_.end(), ratio,
                                        [](double r, const noise_level& level) { return r < noise_to_signal(level); });
    if (above == levels_.begin()) return with_ratio(0, ratio);
    const noise_level& low = *(above - 1);
    if (above == levels_.end() || noise_to_signal(low) == ratio) return with_ratio(low.t, ratio);
    const double from = std::log(noise_to_signal(low)), to = std::log(noise_to_signal(*above));
    const double part = std::isfinite(to) ? (std::log(ratio) - from) / (to - from) : 0;
    return with_ratio(low.t + part, ratio);
  }

private:
  static noise_level with_ratio(double t, double ratio)
  {
    const double norm = std::hypot(1.0, ratio);
    return {t, 1 / norm, ratio / norm};
  }

  std::vector<noise_level> levels_;
};

/// The levels at all times of a table, the noise rising.
inline std::vector<noise_level> levels_of(const vp_table& table)
{
  std::vector<noise_level> levels;
  for (std::size_t t = 0; t < table.steps(); ++t) levels.push_back(table(static_cast<double>(t)));
  return levels;
}

/// The range of betas of a linear schedule.
struct beta_range {
  std::size_t steps = 1000;
  double first_beta = 1e-4;
  double last_beta = 2e-2;
};

namespace detail {

/// n numbers from `first` to `last`, evenly spaced; one number is `first`.
inline std::vector<double> evenly(double first, double last, std::size_t n)
{
  std::vector<double> values(n, first);
  for (std::size_t i = 1; i < n; ++i)
    values[i] = first + static_cast<double>(i) * ((last - first) / static_cast<double>(n - 1));
  if (n > 1) values.back() = last;
  return values;
}

}  // namespace detail

/// beta linear in t: DDPM.
inline vp_table linear_vp(const beta_range& range = {})
{
  return vp_table(detail::evenly(range.first_beta, range.last_beta, range.steps));
}

/// sqrt(beta) linear in t: latent diffusion, with 0.00085 and 0.012 for Stable Diffusion.
/// Throws std::invalid_argument on a negative beta.
inline vp_table scaled_linear_vp(const beta_range& range = {.first_beta = 0.00085, .last_beta = 0.012})
{
  if (!(range.first_beta >= 0 && range.last_beta >= 0))
    throw std::invalid_argument("betas must not be negative, but the range is " + std::to_string(range.first_beta) +
                                " to " + std::to_string(range.last_beta));
  std::vector<double> betas = detail::evenly(std::sqrt(range.first_beta), std::sqrt(range.last_beta), range.steps);
  for (double& beta : betas) beta *= beta;
  return vp_table(betas);
}

/// alpha^2(t) = cos^2((t / steps + offset) / (1 + offset) * pi / 2), beta_t = 1 - alpha^2(t + 1) / alpha^2(t), held
/// at `max_beta`: Nichol and Dhariwal, eq. (17), as implemented everywhere (no division by alpha^2(0)).
inline vp_table cosine_vp(std::size_t steps = 1000, double offset = 0.008, double max_beta = 0.999)
{
  const auto alpha_squared = [=](std::size_t t) {
    const double part = static_cast<double>(t) / static_cast<double>(steps);
    const double root = std::cos((part + offset) / (1 + offset) * std::numbers::pi / 2);
    return root * root;
  };
  std::vector<double> betas(steps);
  for (std::size_t t = 0; t < steps; ++t) betas[t] = std::min(1 - alpha_squared(t + 1) / alpha_squared(t), max_beta);
  return vp_table(betas);
}

/// The table shifted and stretched in alpha so that the last time holds no signal and the first is as before:
/// alpha <- (alpha - alpha_last) * alpha_first / (alpha_first - alpha_last)   (Lin et al. 2023, arXiv:2305.08891,
/// Algorithm 1). A network that predicts noise cannot be evaluated at the last time.
inline vp_table rescale_zero_terminal_snr(const vp_table& table)
{
  const std::size_t n = table.steps();
  const double first = table(0).alpha, last = table(static_cast<double>(n - 1)).alpha;
  if (!(first > last))
    throw std::invalid_argument("a schedule whose signal does not fall from first to last time cannot be rescaled");
  std::vector<double> betas(n);
  double before = 1;
  for (std::size_t t = 0; t < n; ++t) {
    const double alpha = (table(static_cast<double>(t)).alpha - last) * (first / (first - last));
    betas[t] = 1 - alpha * alpha / before;
    before = alpha * alpha;
  }
  return vp_table(betas);
}

/// The variance-exploding schedule in EDM's coordinates: t = sigma, alpha = 1.
struct edm_schedule {
  static noise_level data_level() { return {0, 1, 0}; }
  noise_level operator()(double sigma) const { return {sigma, 1, sigma}; }
  noise_level at_noise_to_signal(double ratio) const { return {ratio, 1, ratio}; }
};

/// The straight path x = (1 - s) * data + s * noise at time s in [0, 1].
struct flow_schedule {
  static noise_level data_level() { return {0, 1, 0}; }
  noise_level operator()(double s) const { return {s, 1 - s, s}; }
  noise_level at_noise_to_signal(double ratio) const
  {
    return {ratio / (1 + ratio), 1 / (1 + ratio), ratio / (1 + ratio)};
  }
};

}  // namespace fewstep
