/// @file
/// How networks were trained to see their input: the scalings of EDM, VE, VP and iDDPM (Karras et al. 2022,
/// arXiv:2206.00364, table 1), of consistency models, LCM, flows and TrigFlow, and the time that each kind is told.
#pragma once

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <vector>

namespace fewstep {

/// data = skip * x + out * F(in * x, time), F being the network.
struct network_scaling {
  double skip;
  double out;
  double in;
  double time;
};

/// A preconditioning: the scaling at a level, and the network's time for another time of the schedule (the target of a
/// jump, for networks that take two).
// clang-format off
template <class S>
concept preconditioning = requires(const S& scaling, const noise_level& at, double t) {
  { scaling(at) } -> std::same_as<network_scaling>;
  { scaling.time(t) } -> std::same_as<double>;
};
// clang-format on

/// EDM: skip = d^2 / (s^2 + d^2), out = s d / sqrt(s^2 + d^2), in = 1 / sqrt(s^2 + d^2), time ln(s) / 4, where
/// s = sigma and d = sigma_data. This and the next four hold in EDM's coordinates; a level with alpha < 1 is brought to
/// them by dividing x by alpha.
struct edm_scaling {
  double sigma_data = 0.5;
  double time_factor = 0.25;  ///< 250 for the teachers of consistency models

  network_scaling operator()(const noise_level& at) const
  {
    const double s = noise_to_signal(at), total = std::hypot(s, sigma_data), shrink = sigma_data / total;
    return {shrink * shrink / at.alpha, s * shrink, 1 / (total * at.alpha), time(s)};
  }
  double time(double s) const { return time_factor * std::log(s); }
};

/// Consistency models: EDM's with sigma - sigma_min in the place of sigma above the fraction, so that f(x, sigma_min)
/// is x (arXiv:2303.01469, appendix C). The published networks take 1000 times EDM's time, 250 ln(t + 1e-44); a factor
/// of 0.25 gives EDM's.
struct consistency_scaling {
  double sigma_data = 0.5;
  double sigma_min = 0.002;
  double time_factor = 250;

  network_scaling operator()(const noise_level& at) const
  {
    const double s = noise_to_signal(at), above = s - sigma_min, total = std::hypot(s, sigma_data);
    const double skip = sigma_data * sigma_data / (above * above + sigma_data * sigma_data);
    return {skip / at.alpha, sigma_data * above / total, 1 / (total * at.alpha), time(s)};
  }
  double time(double s) const { return time_factor * std::log(s + 1e-44); }
};

/// Score-SDE's VE networks (NCSN++): skip = 1, out = sigma, in = 1, time ln(sigma / 2).
struct ve_scaling {
  network_scaling operator()(const noise_level& at) const
  {
    const double s = noise_to_signal(at);
    return {1 / at.alpha, s, 1 / at.alpha, time(s)};
  }
  double time(double s) const { return std::log(s / 2); }
};

/// Score-SDE's VP networks (DDPM++), continuous in time: skip = 1, out = -sigma, in = 1 / sqrt(sigma^2 + 1) and time
/// (times - 1) * t(sigma), where sigma(t)^2 = exp(beta_d t^2 / 2 + beta_min t) - 1.
struct vp_scaling {
  double beta_d = 19.9;
  double beta_min = 0.1;
  double times = 1000;

  network_scaling operator()(const noise_level& at) const
  {
    const double s = noise_to_signal(at);
    return {1 / at.alpha, -s, 1 / std::hypot(at.alpha, at.sigma), time(s)};
  }
  double time(double s) const
  {
    const double root = std::sqrt(beta_min * beta_min + 2 * beta_d * std::log1p(s * s));
    return (times - 1) * (root - beta_min) / beta_d;
  }
};

/// Improved DDPM's networks: as `vp_scaling`, but the time is times - 1 - argmin_j |u_j - sigma| on the table
/// u_{j-1} = sqrt((u_j^2 + 1) / max(a_{j-1} / a_j, c1) - 1) down from u_times = 0, a_j = sin^2(pi/2 * j / times / (c2 +
/// 1)).
class iddpm_scaling {
public:
  /// Throws std::invalid_argument if there are no times.
  explicit iddpm_scaling(std::size_t times = 1000, double c1 = 0.001, double c2 = 0.008) : sigmas_(times + 1, 0.0)
  {
    if (times == 0) throw std::invalid_argument("an iDDPM network needs at least one time, but has 0");
    const auto signal = [=](std::size_t j) {
      const double root =
          std::sin(std::numbers::pi / 2 * static_cast<double>(j) / static_cast<double>(times) / (c2 + 1));
      return root * root;
    };
    for (std::size_t j = times; j > 0; --j)
      sigmas_[j - 1] = std::sqrt((sigmas_[j] * sigmas_[j] + 1) / std::max(signal(j - 1) / signal(j), c1) - 1);
  }

  network_scaling operator()(const noise_level& at) const
  {
    const double s = noise_to_signal(at);
    return {1 / at.alpha, -s, 1 / std::hypot(at.alpha, at.sigma), time(s)};
  }

  double time(double s) const
  {
    const auto farther = [=](double u, double v) { return std::abs(u - s) < std::abs(v - s); };
    const auto nearest = std::min_element(sigmas_.begin(), sigmas_.end(), farther);
    return static_cast<double>(sigmas_.size() - 2) - static_cast<double>(nearest - sigmas_.begin());
  }

  /// u_0 > ... > u_times = 0: the noise at which the network was trained.
  const std::vector<double>& sigmas() const { return sigmas_; }

private:
  std::vector<double> sigmas_;
};

/// A network trained on a VP table, run in any coordinates: x is scaled to alpha^2 + sigma^2 = 1 (by
/// 1 / sqrt(sigma^2 + 1) in EDM's coordinates, as in diffusers' Euler) and the prediction of its kind turned into data
/// there. The time is the level's t, the table's index.
struct vp_table_scaling {
  prediction predicts = prediction::noise;

  network_scaling operator()(const noise_level& at) const
  {
    const double in = 1 / std::hypot(at.alpha, at.sigma);
    const auto [of_x, of_output] = data_from(predicts, {at.t, in * at.alpha, in * at.sigma});
    return {of_x * in, of_output, in, at.t};
  }
  double time(double t) const { return t; }
};

/// LCM's boundary, around a denoiser that predicts data: skip = d^2 / (s^2 + d^2), out = s / sqrt(s^2 + d^2) with
/// s = timestep_scaling * t. Other than a consistency model's, `out` has no factor d (arXiv:2310.04378 and its code).
struct lcm_scaling {
  double sigma_data = 0.5;
  double timestep_scaling = 10;

  network_scaling operator()(const noise_level& at) const
  {
    const double s = timestep_scaling * at.t, total = std::hypot(s, sigma_data);
    return {sigma_data * sigma_data / (total * total), s / total, 1, at.t};
  }
  double time(double t) const { return t; }
};

/// A flow network, which predicts eps - data: data = (x - sigma F) / (alpha + sigma), and on a flow's levels x - s F.
/// The time is `times` * s; published networks count to 1000.
struct flow_scaling {
  double times = 1000;

  network_scaling operator()(const noise_level& at) const
  {
    const auto [of_x, of_output] = data_from(prediction::flow, at);
    return {of_x, of_output, 1, time(at.t)};
  }
  double time(double s) const { return times * s; }
};

/// TrigFlow: data = cos(t) * x - sin(t) * sigma_data * F(x / sigma_data, t) (arXiv:2410.11081, eq. 5).
struct trigflow_scaling {
  double sigma_data = 0.5;

  network_scaling operator()(const noise_level& at) const
  {
    return {std::cos(at.t), -sigma_data * std::sin(at.t), 1 / sigma_data, at.t};
  }
  double time(double t) const { return t; }
};

}  // namespace fewstep
