/// @file
/// Noise that is the increment of one Brownian path: whoever refines the grid of a stochastic sampler keeps the path,
/// and so the picture. The path is a virtual Brownian tree (Li et al. 2020, arXiv:2001.01328), a function of seed,
/// sample, element and time; nothing is stored.
#pragma once

#include "fewstep/random/philox.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/elements.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace fewstep {

/// z = (W(t) - W(target)) / sqrt(t - target), where t and target are the times of an evaluation and W is a Brownian
/// path over [low, high], pinned to 0 at low. Times are the schedule's own: sigma over EDM grids, as in k-diffusion.
/// The increments of a finer grid add up to those of a coarser one.
///
/// The interval is halved `depth` times; in what is left, (high - low) / 2^depth wide, the path is straight. Steps
/// should be a good deal longer. Throws std::invalid_argument unless low < high and 1 <= depth <= 30, and, when noise
/// is drawn, unless the times lie in the interval and fall. The normals are not those of philox_noise with the same
/// seed.
class brownian_noise {
public:
  struct options {
    std::uint64_t seed = 0;
    std::uint64_t first_sample = 0;
    std::size_t samples = 1;
    double low = 0, high = 1;
    int depth = 24;
  };

  explicit brownian_noise(const options& chosen) : options_(chosen)
  {
    if (!(chosen.low < chosen.high && std::isfinite(chosen.high - chosen.low)) || chosen.depth < 1 || chosen.depth > 30)
      throw std::invalid_argument("a Brownian path needs low < high and a depth of 1 to 30, but has " +
                                  std::to_string(chosen.low) + ", " + std::to_string(chosen.high) + " and " +
                                  std::to_string(chosen.depth));
  }

  template <has_elements X>
  void operator()(const X&, const evaluation& at, X& out) const
  {
    const auto& [seed, first, samples, low, high, depth] = options_;
    if (!(at.t > at.target && at.target >= low && at.t <= high))
      throw std::invalid_argument("a Brownian path over [" + std::to_string(low) + ", " + std::to_string(high) +
                                  "] has no increment from t = " + std::to_string(at.t) + " down to " +
                                  std::to_string(at.target));
    fill_samples(out, samples, [&, first = first]<class S>(std::size_t k, std::span<S> numbers) {
      for (std::size_t done = 0; done < numbers.size(); done += chunk)
        increment(numbers.subspan(done, std::min(chunk, numbers.size() - done)), first + k, done, at);
    });
  }

private:
  static constexpr std::size_t chunk = 64;  ///< elements at a time; even, so that pairs of normals stay together
  using values = std::array<double, chunk>;

  template <class S>
  void increment(std::span<S> numbers, std::uint64_t sample, std::size_t first, const evaluation& at) const
  {
    values from{}, to{};
    walk(at.t, sample, first, numbers.size(), from);
    walk(at.target, sample, first, numbers.size(), to);
    const double scale = 1 / std::sqrt(at.t - at.target);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<S>(scale * (from[i] - to[i]));
  }

  /// W at one time: down the tree, the middle of each interval being its ends' mean plus a normal of variance width
  /// / 4.
  void walk(double t, std::uint64_t sample, std::size_t first, std::size_t count, values& at_t) const
  {
    double low = options_.low, high = options_.high;
    values at_low{}, at_high{}, normal{};
    const auto draw = [&](std::uint32_t node) {
      const philox_key key{.seed = options_.seed ^ 0x62726f776e69616e, .sample = sample, .row = node};
      fill_normal(std::span(normal).first(count), key, first);
    };
    draw(0);
    for (std::size_t i = 0; i < count; ++i) at_high[i] = std::sqrt(high - low) * normal[i];
    std::uint32_t node = 1;
    for (int halving = 0; halving < options_.depth; ++halving) {
      draw(node);
      const double middle = low + (high - low) / 2, spread = std::sqrt(high - low) / 2;
      const bool above = t >= middle;
      values& end = above ? at_low : at_high;
      for (std::size_t i = 0; i < count; ++i) end[i] = (at_low[i] + at_high[i]) / 2 + spread * normal[i];
      (above ? low : high) = middle;
      node = 2 * node + (above ? 1 : 0);
    }
    const double part = (t - low) / (high - low);
    for (std::size_t i = 0; i < count; ++i) at_t[i] = at_low[i] + part * (at_high[i] - at_low[i]);
  }

  options options_;
};

}  // namespace fewstep
