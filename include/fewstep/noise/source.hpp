/// @file
/// What the loop asks of a noise source, from which a stochastic plan draws z.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <concepts>
#include <optional>

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

}  // namespace fewstep
