/// @file
/// Noise with a deviation of its own for each number of x, for plans whose noise is 1 where they draw any.
#pragma once

#include "fewstep/noise/source.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace fewstep {

/// z <- deviation * z, elementwise, z being what `noise` draws. The deviation belongs to the caller and is read at the
/// draw, which comes after the row's evaluation of the network: a denoiser may write it (`writing_deviation`). A lift
/// and a start are drawn before any evaluation, from whatever it then holds. A draw throws std::invalid_argument unless
/// the deviation has as many numbers as z.
template <class Z, tensor X>
struct scaled_noise {
  Z noise;
  const X* deviation;

  void operator()(const X& x, const evaluation& at, X& out) requires noise_source<Z, X> && has_elements<X>
  {
    if constexpr (std::invocable<Z&, const X&, const evaluation&, X&>)
      noise(x, at, out);
    else
      out = noise(x, at);
    visit_elements(*deviation, [&](auto factors) {
      edit_elements(out, [&]<class S>(std::span<S> numbers) {
        if (factors.size() != numbers.size())
          throw std::invalid_argument("there are deviations for " + std::to_string(factors.size()) + " numbers, but " +
                                      std::to_string(numbers.size()) + " are drawn");
        for (std::size_t i = 0; i < numbers.size(); ++i)
          numbers[i] = static_cast<S>(static_cast<double>(numbers[i]) * static_cast<double>(factors[i]));
      });
    });
  }
};

template <class Z, class X>
scaled_noise(Z, const X*) -> scaled_noise<Z, X>;

}  // namespace fewstep
