/// @file
/// Data that follow a mixture of normal laws in one dimension: posterior mean in closed form, flow by bisection.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "support/gaussian.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace fewstep::test {

/// Calling it gives E[data | x].
struct mixture {
  struct component {
    double weight;
    gaussian law;
  };

  std::vector<component> parts{{.weight = 0.3, .law = {.mean = -1.0, .deviation = 0.2}},
                               {.weight = 0.7, .law = {.mean = 1.5, .deviation = 0.3}}};

  double operator()(double x, const noise_level& at) const
  {
    // relative to the likeliest part, so that far tails do not underflow
    double best = -HUGE_VAL, total = 0, sum = 0;
    for (const auto& part : parts) best = std::max(best, log_density(part, x, at));
    for (const auto& part : parts) {
      const double share = std::exp(log_density(part, x, at) - best);
      total += share;
      sum += share * part.law(x, at);
    }
    return sum / total;
  }

  /// Where the probability-flow ODE takes x: in one dimension it keeps the cumulative probability, which bisection
  /// inverts. The nearer tail is compared, so that no digits are lost in it.
  double flow(double x, const noise_level& from, const noise_level& to) const
  {
    const bool right = tail(x, from, false) > 0.5;
    const double target = tail(x, from, right);
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (const auto& [weight, law] : parts) {
      low = std::min(low, law.mean_at(to) - 40 * law.deviation_at(to));
      high = std::max(high, law.mean_at(to) + 40 * law.deviation_at(to));
    }
    for (int halving = 0; halving < 100; ++halving) {
      const double middle = (low + high) / 2;
      const bool too_far_left = right ? tail(middle, to, right) > target : tail(middle, to, right) < target;
      (too_far_left ? low : high) = middle;
    }
    return (low + high) / 2;
  }

  double mean() const
  {
    double sum = 0;
    for (const auto& [weight, law] : parts) sum += weight * law.mean;
    return sum;
  }

  double variance() const
  {
    double sum = 0;
    for (const auto& [weight, law] : parts)
      sum += weight * (law.deviation * law.deviation + (law.mean - mean()) * (law.mean - mean()));
    return sum;
  }

private:
  static double log_density(const component& part, double x, const noise_level& at)
  {
    const double total = part.law.deviation_at(at), distance = (x - part.law.mean_at(at)) / total;
    return std::log(part.weight / total) - distance * distance / 2;
  }

  /// The probability to the left of x, or to its right.
  double tail(double x, const noise_level& at, bool right) const
  {
    double sum = 0;
    for (const auto& [weight, law] : parts) {
      const double distance = (x - law.mean_at(at)) / law.deviation_at(at);
      sum += weight * std::erfc((right ? distance : -distance) / std::numbers::sqrt2) / 2;
    }
    return sum;
  }
};

}  // namespace fewstep::test
