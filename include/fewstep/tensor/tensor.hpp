/// @file
/// What a sampler asks of a tensor: one linear combination.
#pragma once

#include <concepts>
#include <span>

namespace fewstep {

/// One summand of a linear combination: weight * (*of).
template <class X>
struct term {
  double weight;
  const X* of;
};

/// Specialise to make X a tensor. One member is required:
///
///     static void combine(X& x, double keep, std::span<const term<X>> terms);
///
/// x <- keep * x + sum of terms, elementwise, rounded once to X's scalar where the library that owns X
/// lets us. No term is x itself. All operands have the shape of x. If X is a handle, storage that x
/// shares with another handle is not written to.
template <class X>
struct tensor_traits;

template <class X>
concept tensor = std::copyable<X> && requires(X& x, double keep, std::span<const term<X>> terms)
{
  tensor_traits<X>::combine(x, keep, terms);
};

/// A number is the smallest tensor. Numerical claims are tested on it first.
template <std::floating_point X>
struct tensor_traits<X> {
  static void combine(X& x, double keep, std::span<const term<X>> terms)
  {
    double sum = keep * static_cast<double>(x);
    for (const auto& [weight, of] : terms) sum += weight * static_cast<double>(*of);
    x = static_cast<X>(sum);
  }
};

/// A copy of x that shares storage with nothing, also where X is a handle.
template <tensor X>
X duplicate(const X& x)
{
  X copy = x;
  tensor_traits<X>::combine(copy, 1, {});
  return copy;
}

}  // namespace fewstep
