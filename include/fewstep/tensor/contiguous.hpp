/// @file
/// The linear combination for anything that holds its numbers side by side: one pass over memory.
#pragma once

#include "fewstep/tensor/tensor.hpp"

#include <array>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep {

/// Specialise to true for a type that owns contiguous floating-point storage behind `data()` and `size()`
/// and whose copies share nothing. It is an opt-in, not detected: strided views have `data()` too.
template <class X>
inline constexpr bool is_contiguous = false;

template <std::floating_point S, class A>
inline constexpr bool is_contiguous<std::vector<S, A>> = true;

template <std::floating_point S, std::size_t N>
inline constexpr bool is_contiguous<std::array<S, N>> = true;

template <class X>
concept contiguous = is_contiguous<X> && requires(X& x, const X& source)
{
  {
    *x.data()
    } -> std::convertible_to<double>;
  {
    static_cast<std::size_t>(source.size())
    } -> std::same_as<std::size_t>;
};

/// The numbers of x in storage order.
template <contiguous X>
auto elements(X& x)
{
  return std::span(x.data(), static_cast<std::size_t>(x.size()));
}

namespace detail {

/// x <- keep * x + sum_i weights[i] * in_i over n numbers. Sums in double and rounds once, so the result
/// does not depend on how the loop was vectorised; the operands are a pack so that it is.
template <class S, class... In>
void combine_pass(S* __restrict x, std::size_t n, double keep, const double* weights, const In* __restrict... in)
{
  [&]<std::size_t... I>(std::index_sequence<I...>)
  {
    const std::array<double, sizeof...(In)> w{weights[I]...};
    for (std::size_t k = 0; k < n; ++k)
      x[k] = static_cast<S>(((keep * static_cast<double>(x[k])) + ... + (w[I] * static_cast<double>(in[k]))));
  }
  (std::index_sequence_for<In...>{});
}

/// At most this many terms share a pass; longer combinations take another one.
inline constexpr std::size_t terms_per_pass = 7;

template <std::size_t N, class X, class S>
void combine_terms(S* x, std::size_t n, double keep, std::span<const term<X>> terms)
{
  if constexpr (N < terms_per_pass)
    if (terms.size() > N) return combine_terms<N + 1>(x, n, keep, terms);
  [&]<std::size_t... I>(std::index_sequence<I...>)
  {
    const std::array<double, N> weights{terms[I].weight...};
    combine_pass(x, n, keep, weights.data(), static_cast<const S*>(terms[I].of->data())...);
  }
  (std::make_index_sequence<N>{});
  if (terms.size() > N) combine_terms<0>(x, n, 1.0, terms.subspan(N));
}

}  // namespace detail

template <contiguous X>
struct tensor_traits<X> {
  static void combine(X& x, double keep, std::span<const term<X>> terms)
  {
    const std::span numbers = elements(x);
    for ([[maybe_unused]] const auto& summand : terms) assert(elements(*summand.of).size() == numbers.size());
    detail::combine_terms<0>(numbers.data(), numbers.size(), keep, terms);
  }
};

}  // namespace fewstep
