/// @file
/// Data that follow a mixture of normal laws in one dimension: posterior mean in closed form, flow by bisection. On
/// data whose axes are independent it serves any number of dimensions, axis by axis.
#pragma once

#include "fewstep/audit/gaussian_data.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace fewstep {

/// Calling it gives E[data | x]. Weights sum to 1.
struct mixture_data {
  struct component {
    double weight;
    gaussian_data law;
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

  /// Where the probability-flow ODE takes x: in one dimension it keeps the cumulative probability. The nearer tail is
  /// compared, so that no digits are lost in it.
  double flow(double x, const noise_level& from, const noise_level& to) const
  {
    const bool right = tail(x, from, false) > 0.5;
    return where_tail_is(tail(x, from, right), to, right);
  }

  /// The x below which a share p in (0, 1) of the law at a level lies.
  double quantile(double p, const noise_level& at) const { return where_tail_is(p, at, false); }

  double mean() const
  {
    double sum = 0;
    for (const auto& [weight, law] : parts) sum += weight * law.mean;
    return sum;
  }

  double variance() const
  {
    const double middle = mean();
    double sum = 0;
    for (const auto& [weight, law] : parts)
      sum += weight * (law.deviation * law.deviation + (law.mean - middle) * (law.mean - middle));
    return sum;
  }

  double deviation_at(const noise_level& at) const { return std::hypot(at.alpha * std::sqrt(variance()), at.sigma); }

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

  double where_tail_is(double target, const noise_level& at, bool right) const
  {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (const auto& [weight, law] : parts) {
      low = std::min(low, law.mean_at(at) - 40 * law.deviation_at(at));
      high = std::max(high, law.mean_at(at) + 40 * law.deviation_at(at));
    }
    for (int halving = 0; halving < 100; ++halving) {
      const double middle = (low + high) / 2;
      const bool too_far_left = right ? tail(middle, at, right) > target : tail(middle, at, right) < target;
      (too_far_left ? low : high) = middle;
    }
    return (low + high) / 2;
  }
};

}  // namespace fewstep
