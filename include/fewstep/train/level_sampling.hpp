/// @file
/// At which levels to train, and how much each loss weighs. Plain numbers: uniform and normal draws are the caller's.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::train {

/// A law over 0 .. n - 1 from which a uniform number draws.
class discrete_law {
public:
  /// In proportion to weights. Throws std::invalid_argument unless they are finite, not negative and not all zero.
  explicit discrete_law(const std::vector<double>& weights)
  {
    double sum = 0;
    for (const double weight : weights) {
      if (!(weight >= 0 && std::isfinite(weight)))
        throw std::invalid_argument("the weight of a draw must be finite and not negative, but is " +
                                    std::to_string(weight));
      below_.push_back(sum += weight);
    }
    if (!(sum > 0)) throw std::invalid_argument("a law needs a weight that is not zero, but has none");
    for (double& part : below_) part /= sum;
  }

  std::size_t size() const { return below_.size(); }

  double probability(std::size_t i) const { return below_.at(i) - (i == 0 ? 0 : below_.at(i - 1)); }

  /// The number that a uniform u in [0, 1) draws.
  std::size_t operator()(double u) const
  {
    const auto found = std::upper_bound(below_.begin(), below_.end() - 1, u);
    return static_cast<std::size_t>(found - below_.begin());
  }

private:
  std::vector<double> below_;
};

/// Each of n alike: the levels of consistency distillation and training, and of PCM's code.
inline discrete_law uniform_law(std::size_t n)
{
  return discrete_law(std::vector<double>(n, 1.0));
}

struct lognormal {
  double mean = -1.1;
  double deviation = 2;
};

/// iCT's law of the steps of a grid whose sigmas fall: step i, from sigma_i to sigma_{i+1}, with the weight that a
/// log-normal sigma has between its ends, erf((ln sigma_i - m) / (sqrt(2) d)) - erf((ln sigma_{i+1} - m) / (sqrt(2)
/// d)). Throws std::invalid_argument unless at least two positive sigmas fall and the deviation is positive.
inline discrete_law lognormal_law(const std::vector<double>& sigmas, const lognormal& law = {})
{
  if (sigmas.size() < 2 || !(law.deviation > 0))
    throw std::invalid_argument("a log-normal law needs at least two sigmas and a positive deviation, but has " +
                                std::to_string(sigmas.size()) + " and " + std::to_string(law.deviation));
  const auto below = [&](double sigma) {
    return std::erf((std::log(sigma) - law.mean) / (std::numbers::sqrt2 * law.deviation));
  };
  std::vector<double> weights;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    if (!(sigmas[i] > sigmas[i + 1] && sigmas[i + 1] > 0))
      throw std::invalid_argument("sigmas must fall and be positive, but " + std::to_string(sigmas[i]) +
                                  " is followed by " + std::to_string(sigmas[i + 1]));
    weights.push_back(below(sigmas[i]) - below(sigmas[i + 1]));
  }
  return discrete_law(weights);
}

/// EDM's level for a standard normal draw: ln sigma = mean + deviation * normal (arXiv:2206.00364, table 1).
inline double lognormal_sigma(double normal, const lognormal& law = {.mean = -1.2, .deviation = 1.2})
{
  return std::exp(law.mean + law.deviation * normal);
}

/// What a loss on predicted data is weighed by, SNR = (alpha / sigma)^2. The names are those of the code of consistency
/// models. A loss on data weighed by the SNR is DDPM's loss on noise; `karras` is EDM's.
enum class weighting { uniform, snr, snr_plus_one, truncated_snr, karras };

/// 1, SNR, SNR + 1, max(SNR, 1), SNR + 1 / sigma_data^2.
inline double loss_weight(weighting kind, const noise_level& at, double sigma_data = 0.5)
{
  const double ratio = at.alpha / at.sigma, snr = ratio * ratio;
  switch (kind) {
    case weighting::snr:
      return snr;
    case weighting::snr_plus_one:
      return snr + 1;
    case weighting::truncated_snr:
      return std::max(snr, 1.0);
    case weighting::karras:
      return snr + 1 / (sigma_data * sigma_data);
    case weighting::uniform:
      break;
  }
  return 1;
}

inline std::vector<double> loss_weights(weighting kind, std::span<const noise_level> at, double sigma_data = 0.5)
{
  std::vector<double> weights;
  for (const noise_level& level : at) weights.push_back(loss_weight(kind, level, sigma_data));
  return weights;
}

/// iCT's weights: 1 / (sigma_from - sigma_to) in sigma / alpha, so that short steps count as much as long ones.
inline std::vector<double> inverse_lengths(const std::vector<jump>& steps)
{
  std::vector<double> weights;
  for (const auto& [from, to] : steps) weights.push_back(1 / (noise_to_signal(from) - noise_to_signal(to)));
  return weights;
}

}  // namespace fewstep::train
