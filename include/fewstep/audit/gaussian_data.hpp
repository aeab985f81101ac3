/// @file
/// Data that follow a normal law: posterior mean, flow and marginals in closed form, to judge plans by.
#pragma once

#include "fewstep/schedule/noise_level.hpp"

#include <cmath>

namespace fewstep {

/// Data ~ N(mean, deviation^2). Calling it gives E[data | x], the denoiser that no network can beat.
struct gaussian_data {
  double mean = 0.7;
  double deviation = 0.5;

  double mean_at(const noise_level& at) const { return at.alpha * mean; }
  double deviation_at(const noise_level& at) const { return std::hypot(at.alpha * deviation, at.sigma); }

  /// The part of x - alpha * mean that is data: E[data | x] = mean + gain * (x - alpha * mean).
  double gain(const noise_level& at) const
  {
    const double total = deviation_at(at);
    return at.alpha * deviation * deviation / (total * total);
  }

  double operator()(double x, const noise_level& at) const { return mean + gain(at) * (x - mean_at(at)); }

  /// Where the probability-flow ODE takes x.
  double flow(double x, const noise_level& from, const noise_level& to) const
  {
    return mean_at(to) + deviation_at(to) / deviation_at(from) * (x - mean_at(from));
  }
};

}  // namespace fewstep
