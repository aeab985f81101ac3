/// @file
/// What the loop asks of a network: the contract between a denoiser and whoever calls it.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace fewstep {

/// What a denoiser may return where data and direction of a step are estimated apart: clipping that goes on with
/// the unclipped noise (official DDIM), CFG++. Both are predicted data; a step lands on `data` and takes its
/// noise from `direction`: x_to = alpha_to * data + keep * (x - alpha * direction) + ...
template <class X>
struct two_estimates {
  X data;
  X direction;
};

/// denoise(x, at) returns the network's output at x; a parameter `const noise_level&` will do.
template <class D, class X, class E = X>
concept returns_estimate = std::invocable<D&, const X&, const evaluation&> &&
    std::convertible_to<std::invoke_result_t<D&, const X&, const evaluation&>, E>;

/// denoise(x, at, out) writes it into `out`, which has the shape of x and holds whatever it held.
template <class D, class X, class E = X>
concept writes_estimate = std::invocable<D&, const X&, const evaluation&, E&>;

/// Either form, of one estimate or of two. The writing form is preferred: it needs no allocation.
template <class D, class X>
concept denoiser = returns_estimate<D, X> || writes_estimate<D, X> || returns_estimate<D, X, two_estimates<X>> ||
    writes_estimate<D, X, two_estimates<X>>;

/// What a denoiser D gives for a tensor X: X, or two_estimates<X>.
template <class D, class X>
using estimate = std::conditional_t<returns_estimate<D, X> || writes_estimate<D, X>, X, two_estimates<X>>;

/// A denoiser that gives one estimate: what most wrappers wrap.
template <class D, class X>
concept single_denoiser = denoiser<D, X> && std::same_as<estimate<D, X>, X>;

namespace detail {

/// A denoiser inside of a wrapper. It may be called where the wrapper is const: what a network keeps for its work is no
/// part of the wrapper's value.
template <class D>
struct held {
  mutable D call;
};

}  // namespace detail

/// A buffer of the shape of x that a denoiser may write into.
template <class E, tensor X>
E buffer_like(const X& x)
{
  if constexpr (std::same_as<E, X>)
    return duplicate(x);
  else
    return {duplicate(x), duplicate(x)};
}

/// Evaluates the network into a buffer made by `buffer_like`.
template <class D, tensor X, class E>
requires denoiser<D, X> && std::same_as<E, estimate<D, X>>
void predict(D& denoise, const X& x, const evaluation& at, E& out)
{
  if constexpr (writes_estimate<D, X, E>)
    denoise(x, at, out);
  else
    out = denoise(x, at);
}

/// Evaluates the network into a buffer that is made at the first call.
template <class D, tensor X, class E>
requires denoiser<D, X> && std::same_as<E, estimate<D, X>>
void predict(D& denoise, const X& x, const evaluation& at, std::optional<E>& out)
{
  if constexpr (!writes_estimate<D, X, E>) {
    out = denoise(x, at);
  } else {
    if (!out) out.emplace(buffer_like<E>(x));
    denoise(x, at, *out);
  }
}

}  // namespace fewstep
