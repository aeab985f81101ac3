/// @file
/// The noise source that has no state: each number is a function of seed, sample, row and element.
#pragma once

#include "fewstep/random/philox.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <cstddef>
#include <cstdint>

namespace fewstep {

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
