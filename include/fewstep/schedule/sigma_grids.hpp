/// @file
/// More spacings: those of k-diffusion and of EDM's ablation in sigma / alpha (Karras et al. 2022, arXiv:2206.00364,
/// table 1), and those of diffusers' multistep and Euler schedulers in time.
#pragma once

#include "fewstep/schedule/continuous.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// ln(sigma) = ln(sigma_min) + u^rho (ln(sigma_max) - ln(sigma_min)), u from 1 to 0 evenly: k-diffusion's
/// polyexponential grid.
inline std::vector<double> polyexponential_sigmas(std::size_t n, const sigma_range& range, double rho = 1)
{
  require_range(range);
  if (n == 0 || !(rho > 0))
    throw std::invalid_argument("a polyexponential grid needs at least one level and rho > 0, but has " +
                                std::to_string(n) + " and rho " + std::to_string(rho));
  const double low = std::log(range.sigma_min), high = std::log(range.sigma_max);
  std::vector<double> sigmas = detail::evenly(1, 0, n);
  for (double& sigma : sigmas) sigma = std::exp(low + std::pow(sigma, rho) * (high - low));
  return sigmas;
}

/// Even in ln(sigma), that is in lambda: k-diffusion's exponential grid, EDM's VE discretisation, DPM-Solver's uniform
/// log-SNR and diffusers' use_lu_lambdas.
inline std::vector<double> exponential_sigmas(std::size_t n, const sigma_range& range)
{
  return polyexponential_sigmas(n, range, 1);
}

/// sigma / alpha of a continuous VP process at n times, evenly from 1 to `epsilon`: EDM's VP discretisation,
/// k-diffusion's get_sigmas_vp.
inline std::vector<double> vp_sigmas(std::size_t n, const continuous_vp& process = {}, double epsilon = 1e-3)
{
  if (n == 0 || !(epsilon > 0 && epsilon < 1))
    throw std::invalid_argument("a VP grid needs at least one level and a last time in (0, 1), but has " +
                                std::to_string(n) + " and " + std::to_string(epsilon));
  std::vector<double> sigmas = detail::evenly(1, epsilon, n);
  for (double& sigma : sigmas) {
    const noise_level at = process(sigma);
    sigma = noise_to_signal(at);
  }
  return sigmas;
}

/// n of the sigmas of improved DDPM's cosine schedule of `table` times, those within `range`, evenly by index: EDM's
/// iDDPM discretisation. u_M = 0, u_{j-1}^2 = (u_j^2 + 1) / max(a_{j-1} / a_j, 0.001) - 1,
/// a_j = sin^2(pi / 2 * j / (M * 1.008)).
inline std::vector<double> iddpm_sigmas(std::size_t n, const sigma_range& range, std::size_t table = 1000)
{
  require_range(range);
  const auto signal = [&](std::size_t j) {
    const double part = static_cast<double>(j) / static_cast<double>(table) / 1.008;
    return std::pow(std::sin(std::numbers::pi / 2 * part), 2);
  };
  std::vector<double> within;  // cleanest first
  double u = 0;
  for (std::size_t j = table; j > 0; --j) {
    u = std::sqrt((u * u + 1) / std::max(signal(j - 1) / signal(j), 0.001) - 1);
    if (u >= range.sigma_min && u <= range.sigma_max) within.push_back(u);
  }
  require_steps(n, within.size());
  std::vector<double> sigmas(n, within.back());
  const double last = static_cast<double>(within.size() - 1);
  for (std::size_t i = 1; i < n; ++i)
    sigmas[i] =
        within[within.size() - 1 -
               static_cast<std::size_t>(std::nearbyint(last / static_cast<double>(n - 1) * static_cast<double>(i)))];
  return sigmas;
}

/// The number of the table's times whose lambda is at least `lowest`, at most all: diffusers' lambda_min_clipped, which
/// shortens a schedule that starts with nearly no signal.
inline std::size_t times_above(const vp_table& table, double lowest)
{
  std::size_t count = table.steps();
  while (count > 0 && log_snr(table(static_cast<double>(count - 1))) < lowest) --count;
  return count;
}

/// Evenly from last - 1 down, `steps` times, the next of which would be 0, rounded half to even: the "linspace" of
/// diffusers' DPM-Solver and UniPC. `last` is at most the table's size.
inline std::vector<double> open_linspace_times(std::size_t last, std::size_t steps)
{
  require_steps(steps, last);
  std::vector<double> times(steps);
  const double stride = static_cast<double>(last - 1) / static_cast<double>(steps);
  for (std::size_t i = 0; i < steps; ++i) times[i] = std::nearbyint(static_cast<double>(steps - i) * stride);
  return times;
}

/// steps * k + offset, ..., k + offset with k = floor(last / (steps + 1)): their "leading".
inline std::vector<double> open_leading_times(std::size_t last, std::size_t steps, std::size_t offset = 0)
{
  require_steps(steps, last);
  const std::size_t stride = last / (steps + 1);
  std::vector<double> times(steps);
  for (std::size_t i = 0; i < steps; ++i) times[i] = static_cast<double>((steps - i) * stride + offset);
  return times;
}

/// Evenly from T - 1 to 0, not rounded: the "linspace" of diffusers' Euler and Heun schedulers.
inline std::vector<double> fractional_linspace_times(std::size_t table, std::size_t steps)
{
  require_steps(steps, table);
  std::vector<double> times = detail::evenly(0, static_cast<double>(table - 1), steps);
  std::reverse(times.begin(), times.end());
  return times;
}

/// The level at a fractional time, sigma / alpha being interpolated linearly in t between whole times: diffusers'
/// Euler. (`vp_table` itself interpolates its logarithm, as k-diffusion does.)
inline noise_level at_linear_sigma(const vp_table& table, double t)
{
  const noise_level below = table(std::floor(t)), above = table(std::ceil(t));
  const double part = t - below.t;
  if (part == 0) return below;
  const double ratio = (1 - part) * noise_to_signal(below) + part * noise_to_signal(above);
  const noise_level at = table.at_noise_to_signal(ratio);
  return {t, at.alpha, at.sigma};
}

}  // namespace fewstep
