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

// clang-format off
template <class X>
concept contiguous = is_contiguous<X> && requires(X& x, const X& source) {
  { *x.data() } -> std::convertible_to<double>;
  { *source.data() } -> std::convertible_to<double>;
  static_cast<std::size_t>(source.size());
};
// clang-format on

/// The numbers of x in storage order.
template <contiguous X>
auto elements(X& x)
{
  return std::span(x.data(), static_cast<std::size_t>(x.size()));
}

template <contiguous X>
auto elements(const X& x)
{
  return std::span(x.data(), static_cast<std::size_t>(x.size()));
}

namespace detail {

/// One summand of a pass: weight * numbers[k].
template <class S>
struct operand {
  double weight;
  const S* numbers;
};

/// So many numbers are summed at a time: compilers turn a loop of known length into vector instructions
/// even where they leave other loops alone (g++ -O2), and the sums stay in registers or the first cache.
inline constexpr std::size_t block_size = 32;

/// Terms that a pass has its own code for: a row of a plan has seven at most.
inline constexpr std::size_t most_operands = 7;

/// n <= block_size, a number or an integral constant.
template <class S, class N, class... In>
void combine_block(S* out, const S* x, N n, double keep, const In&... in)
{
  std::array<double, block_size> sums;
  for (std::size_t k = 0; k < n; ++k)
    sums[k] = ((keep * static_cast<double>(x[k])) + ... + (in.weight * static_cast<double>(in.numbers[k])));
  for (std::size_t k = 0; k < n; ++k) out[k] = static_cast<S>(sums[k]);
}

template <class S, class... In>
void combine_pass(S* out, const S* x, std::size_t n, double keep, const In&... in)
{
  std::size_t k = 0;
  for (; k + block_size <= n; k += block_size)
    combine_block(out + k, x + k, std::integral_constant<std::size_t, block_size>{}, keep,
                  In{in.weight, in.numbers + k}...);
  combine_block(out + k, x + k, n - k, keep, In{in.weight, in.numbers + k}...);
}

template <std::size_t... I, class S, class X, class F>
void combine_these(std::index_sequence<I...>, S* out, const S* x, std::size_t n, double keep,
                   [[maybe_unused]] std::span<const term<X>> terms, [[maybe_unused]] F numbers)
{
  combine_pass(out, x, n, keep, operand<S>{terms[I].weight, numbers(*terms[I].of)}...);
}

template <class S, class X, class F>
void combine_many(S* out, const S* x, std::size_t n, double keep, std::span<const term<X>> terms, F numbers)
{
  for (std::size_t k = 0; k < n; ++k) {
    double sum = keep * static_cast<double>(x[k]);
    for (const auto& [weight, of] : terms) sum += weight * static_cast<double>(numbers(*of)[k]);
    out[k] = static_cast<S>(sum);
  }
}

/// out <- keep * x + sum of terms over n numbers; `numbers(*term.of)` points to those of a term. out may be x.
/// Sums in double and rounds once, each number by itself and the terms in their order. How the loop is
/// vectorised or the tensor batched therefore changes nothing. Where a compiler fuses multiplications with
/// additions, the last bit of a double may differ, and of a float about one number in 2^28.
template <std::size_t N = 0, class S, class X, class F>
void combine(S* out, const S* x, std::size_t n, double keep, std::span<const term<X>> terms, F numbers)
{
  if (terms.size() == N) return combine_these(std::make_index_sequence<N>{}, out, x, n, keep, terms, numbers);
  if constexpr (N < most_operands)
    combine<N + 1>(out, x, n, keep, terms, numbers);
  else
    combine_many(out, x, n, keep, terms, numbers);
}

}  // namespace detail

template <contiguous X>
struct tensor_traits<X> {
  static void combine(X& x, double keep, std::span<const term<X>> terms)
  {
    const auto numbers = elements(x);
    for ([[maybe_unused]] const auto& summand : terms) assert(elements(*summand.of).size() == numbers.size());
    detail::combine(numbers.data(), numbers.data(), numbers.size(), keep, terms,
                    [](const X& of) { return elements(of).data(); });
  }
};

}  // namespace fewstep
