/// @file
/// Noise sources: what a stochastic plan draws z from.
#pragma once

#include "fewstep/random/philox.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace fewstep {

/// The source of plans that draw nothing.
struct no_noise {};

/// noise(x, at) returns a standard normal tensor of the shape of x for the row that `at` names;
/// noise(x, at, out) writes it into `out`, which has that shape.
template <class Z, class X>
concept noise_source = std::same_as<Z, no_noise> || std::invocable<Z&, const X&, const evaluation&, X&> ||
    std::invocable<Z&, const X&, const evaluation&>;

/// Draws z for the row that `at` names into a buffer that is made at the first call.
template <tensor X, noise_source<X> Z>
void draw(Z& noise, const X& x, const evaluation& at, std::optional<X>& z)
{
  if constexpr (std::invocable<Z&, const X&, const evaluation&, X&>) {
    if (!z) z.emplace(duplicate(x));
    noise(x, at, *z);
  } else if constexpr (!std::same_as<Z, no_noise>) {
    z = noise(x, at);
  }
}

/// Standard normals keyed by seed, sample, row and element: what sample k of a run gets depends on neither the batch
/// that it is in nor the number of threads. A batch holds `samples` samples, slowest in storage; the first of them has
/// number `first_sample`.
struct philox_noise {
  std::uint64_t seed = 0;
  std::uint64_t first_sample = 0;
  std::size_t samples = 1;

  template <has_elements X>
  void operator()(const X&, const evaluation& at, X& out) const
  {
    fill(out, static_cast<std::uint32_t>(at.row));
  }

  /// The normals from which a run starts, in the shape of x: those of `start_row`, times `deviation`.
  template <has_elements X>
  X start(const X& x, double deviation = 1) const
  {
    X drawn = duplicate(x);
    fill(drawn, start_row);
    tensor_traits<X>::combine(drawn, deviation, {});
    return drawn;
  }

private:
  template <class X>
  void fill(X& out, std::uint32_t row) const
  {
    fill_samples(out, samples, [&](std::size_t k, auto numbers) {
      fill_normal(numbers, philox_key{.seed = seed, .sample = first_sample + k, .row = row});
    });
  }
};

}  // namespace fewstep
