/// @file
/// How strongly Skip-Tuning (Ma et al. 2024, arXiv:2402.15170) damps the skips: a factor rho for each connection,
/// numbered from the outside, 0 = the first convolution ("top"), the last = next to the middle ("bottom").
#pragma once

#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep {

namespace detail {

inline void require_rho(const std::vector<double>& rho)
{
  for (std::size_t i = 0; i < rho.size(); ++i)
    if (!std::isfinite(rho[i]))
      throw std::invalid_argument("the factor of a skip must be finite, but that of connection " + std::to_string(i) +
                                  " is " + std::to_string(rho[i]));
}

inline void require_connections(std::size_t connections)
{
  if (connections == 0) throw std::invalid_argument("factors of skips need a network with connections, but it has 0");
}

}  // namespace detail

/// The factors at the two ends of a profile.
struct rho_ends {
  double bottom = 1;
  double top = 1;
};

/// rho_i = top + (bottom - top) i / (n - 1): `top` at connection 0, `bottom` at the last, which is the only one if
/// n = 1. Throws std::invalid_argument for no connections and ends that are not finite.
inline std::vector<double> linear_rho(std::size_t connections, rho_ends ends)
{
  detail::require_connections(connections);
  std::vector<double> rho(connections, ends.bottom);
  for (std::size_t i = 0; i + 1 < connections; ++i)
    rho[i] = std::lerp(ends.top, ends.bottom, static_cast<double>(i) / static_cast<double>(connections - 1));
  detail::require_rho(rho);
  return rho;
}

/// The same factor everywhere.
inline std::vector<double> constant_rho(std::size_t connections, double rho)
{
  return linear_rho(connections, {.bottom = rho, .top = rho});
}

/// A factor for each level of resolution, the finest first. Every level has equally many connections in the U-Nets of
/// diffusers, EDM and OpenAI: its layers and what enters it, the first convolution or the downsampler. Throws
/// std::invalid_argument if the connections do not divide into so many levels.
inline std::vector<double> rho_by_level(std::size_t connections, const std::vector<double>& of_level)
{
  detail::require_connections(connections);
  const std::size_t levels = of_level.size();
  if (levels == 0 || connections % levels != 0)
    throw std::invalid_argument(std::to_string(connections) + " connections do not divide into " +
                                std::to_string(levels) + " levels, for which factors were given");
  std::vector<double> rho(connections);
  for (std::size_t i = 0; i < connections; ++i) rho[i] = of_level[i / (connections / levels)];
  detail::require_rho(rho);
  return rho;
}

/// Factors that change with the noise level, linear in its t: `at_data` at t = 0, `at_noise` at t = last_time.
struct rho_over_time {
  std::vector<double> at_data, at_noise;
  double last_time;

  std::size_t size() const { return at_data.size(); }

  double operator()(std::size_t i, const noise_level& at) const
  {
    return std::lerp(at_data[i], at_noise[i], std::clamp(at.t / last_time, 0.0, 1.0));
  }
};

namespace detail {

inline void require_rho(const rho_over_time& rho)
{
  require_rho(rho.at_data);
  require_rho(rho.at_noise);
  if (rho.at_data.size() != rho.at_noise.size())
    throw std::invalid_argument("there must be equally many factors at both ends of time, but there are " +
                                std::to_string(rho.at_data.size()) + " and " + std::to_string(rho.at_noise.size()));
  if (!(rho.last_time > 0) || !std::isfinite(rho.last_time))
    throw std::invalid_argument("the last time must be positive and finite, but is " + std::to_string(rho.last_time));
}

}  // namespace detail

/// `rho` at t = last_time, no change at the data: what the paper found best for EDM, which predicts data.
inline rho_over_time tuned_at_noise(std::vector<double> rho, double last_time)
{
  rho_over_time out{std::vector<double>(rho.size(), 1.0), std::move(rho), last_time};
  detail::require_rho(out);
  return out;
}

/// `rho` at the data, no change at t = last_time: what the paper found best for latent diffusion and U-ViT, which
/// predict noise.
inline rho_over_time tuned_at_data(std::vector<double> rho, double last_time)
{
  rho_over_time out{std::move(rho), {}, last_time};
  out.at_noise.assign(out.at_data.size(), 1.0);
  detail::require_rho(out);
  return out;
}

/// One factor for all connections that the paper found best for a number of network evaluations. A starting point: the
/// best factor depends on the network too.
struct rho_preset {
  std::string_view name;
  std::size_t evaluations;
  double rho;
};

/// ImageNet-64 with EDM's network, latent diffusion on ImageNet-256, and two students that were distilled to one step.
/// At 9 evaluations the paper's best lies between 0.65 and 0.70.
inline constexpr std::array rho_presets{
    rho_preset{"edm_unipc_9", 9, 0.675}, rho_preset{"edm_10", 10, 0.78},           rho_preset{"edm_unipc_39", 39, 0.85},
    rho_preset{"latent_10", 10, 0.78},   rho_preset{"consistency_model", 1, 0.91}, rho_preset{"diff_instruct", 1, 0.98},
};

/// The factors of a preset. Throws std::invalid_argument, listing the names, if there is none of that name.
inline std::vector<double> preset_rho(std::size_t connections, std::string_view name)
{
  std::string known;
  for (const rho_preset& preset : rho_presets) {
    if (preset.name == name) return constant_rho(connections, preset.rho);
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  throw std::invalid_argument("there is no preset \"" + std::string(name) + "\" of skip factors, but " + known);
}

}  // namespace fewstep
