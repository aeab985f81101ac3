/// @file
/// Latent consistency models: Luo et al. 2023 (arXiv:2310.04378) and LCM-LoRA (arXiv:2311.05556). The plan is
/// consistency sampling to the data; what is their own is the rule of times and the embedding of guidance.
#pragma once

#include "fewstep/plan/consistency.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

namespace detail {

/// floor(k * (count / picks)), k = 0 .. picks - 1, with the rounding of NumPy's linspace, which the published lists
/// carry: of 30 places, pick 11 of 22 is 14, not 15.
inline std::vector<std::size_t> even_places(std::size_t count, std::size_t picks)
{
  const double stride = static_cast<double>(count) / static_cast<double>(picks);
  std::vector<std::size_t> places(picks);
  for (std::size_t k = 0; k < picks; ++k) places[k] = static_cast<std::size_t>(static_cast<double>(k) * stride);
  return places;
}

}  // namespace detail

struct lcm_spacing {
  std::size_t original_steps = 50;  ///< the times on which the network was distilled; the table's size takes any time
  double strength = 1;              ///< image to image: the part of them, from the clean end, that is used
};

/// The times of LCM: of floor(original_steps * strength) times 1k - 1, 2k - 1, ... with k = floor(T / original_steps),
/// `steps` evenly from the noisiest down. LCMScheduler's rule and, with `original_steps` = T, the second rule of
/// TCDScheduler. For T = 1000 and 4 steps 999, 759, 499, 259.
/// Throws std::invalid_argument if there are fewer times than steps, or if the strength is not in (0, 1].
inline std::vector<double> lcm_times(std::size_t table, std::size_t steps, const lcm_spacing& spacing = {})
{
  const auto [original, strength] = spacing;
  if (original == 0 || original > table)
    throw std::invalid_argument("the original steps must lie in [1, " + std::to_string(table) +
                                "], the size of the schedule, but are " + std::to_string(original));
  if (!(strength > 0 && strength <= 1))
    throw std::invalid_argument("the strength must lie in (0, 1], but is " + std::to_string(strength));
  const auto count = static_cast<std::size_t>(static_cast<double>(original) * strength);
  if (steps == 0 || steps > count)
    throw std::invalid_argument("with " + std::to_string(original) + " original steps and strength " +
                                std::to_string(strength) + " there are " + std::to_string(count) +
                                " times to choose from, but " + std::to_string(steps) + " steps are asked for");
  std::vector<double> times;
  for (std::size_t place : detail::even_places(count, steps))
    times.push_back(static_cast<double>((count - place) * (table / original) - 1));
  return times;
}

/// x_to = alpha_to * f + sigma_to * z at the next time, and f itself after the last (the paper's multistep
/// sampling), f being the network with the boundary scaling `lcm_scaling`.
/// Throws std::invalid_argument unless the times fall.
inline sampling_plan lcm(const vp_table& table, const std::vector<double>& times)
{
  return consistency(grid_at(table, times));
}

/// The vector by which LCM networks are told the guidance: sine and cosine of 1000 * w * 10000^(-i / (half - 1)),
/// i = 0 .. half - 1, sines first, w = guidance scale - 1. Throws std::invalid_argument unless the dimension is
/// even and at least 4.
inline std::vector<double> guidance_embedding(double scale, std::size_t dimension = 256)
{
  if (dimension < 4 || dimension % 2 != 0)
    throw std::invalid_argument("a guidance embedding has an even dimension of at least 4, but is asked for " +
                                std::to_string(dimension));
  const std::size_t half = dimension / 2;
  std::vector<double> embedding(dimension);
  for (std::size_t i = 0; i < half; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(half - 1);
    const double angle = 1000 * (scale - 1) * std::exp(-std::log(10000.0) * part);
    embedding[i] = std::sin(angle);
    embedding[half + i] = std::cos(angle);
  }
  return embedding;
}

}  // namespace fewstep
