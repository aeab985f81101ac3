/// @file
/// Eigen's SIMD registers under the few names that the layers use.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// What a residual block puts between its layers: x / (1 + exp(-x)), or x * Phi(x) with the exact normal
/// distribution function Phi.
enum class activation { none, silu, gelu };

/// Numbers that begin at the address of a register.
using aligned_floats = std::vector<float, Eigen::aligned_allocator<float>>;

/// How many numbers may be read, and are worth nothing, behind the last one of every buffer: loops go in whole
/// registers and let later writes overwrite the excess.
inline constexpr std::size_t slack = 64;

namespace detail {

// GCC 12 takes the undefined registers inside its own AVX-512 intrinsics for a mistake (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

/// A template because GCC warns when a register type is written as a template argument.
template <class S>
struct simd {
  using packet = typename Eigen::internal::packet_traits<S>::type;
  static constexpr std::size_t lanes = Eigen::internal::packet_traits<S>::size;

  static packet load(const S* from) { return Eigen::internal::ploadu<packet>(from); }
  static void store(S* to, const packet& x) { Eigen::internal::pstoreu(to, x); }
  static packet fill(S x) { return Eigen::internal::pset1<packet>(x); }
  static packet add(const packet& a, const packet& b) { return Eigen::internal::padd(a, b); }
  static packet subtract(const packet& a, const packet& b) { return Eigen::internal::psub(a, b); }
  static packet multiply(const packet& a, const packet& b) { return Eigen::internal::pmul(a, b); }
  static packet multiply_add(const packet& a, const packet& b, const packet& c)
  {
    return Eigen::internal::pmadd(a, b, c);
  }
  static packet divide(const packet& a, const packet& b) { return Eigen::internal::pdiv(a, b); }
  static packet max(const packet& a, const packet& b) { return Eigen::internal::pmax(a, b); }
  static packet exp(const packet& x) { return Eigen::internal::pexp(x); }
  static S sum(const packet& x) { return Eigen::internal::predux(x); }
  static S largest(const packet& x) { return Eigen::internal::predux_max(x); }
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

using floats = simd<float>;
using packet = floats::packet;
inline constexpr std::size_t lanes = floats::lanes;

/// `count` rounded up to whole registers.
constexpr std::size_t whole_packets(std::size_t count)
{
  return (count + lanes - 1) / lanes * lanes;
}

/// f(0), f(1), ... f(N - 1), where the argument is a constant: indexed arrays of registers stay in registers.
template <std::size_t N, class F>
void unroll(F&& f)
{
  [&]<std::size_t... I>(std::index_sequence<I...>)
  {
    (f(std::integral_constant<std::size_t, I>{}), ...);
  }
  (std::make_index_sequence<N>{});
}

inline packet silu(const packet& x)
{
  return floats::divide(x, floats::add(floats::fill(1), floats::exp(floats::subtract(floats::fill(0), x))));
}

inline packet gelu(const packet& x)
{
  float numbers[lanes];
  floats::store(numbers, x);
  for (float& y : numbers) y *= 0.5f * (1 + std::erf(y * 0.70710678f));
  return floats::load(numbers);
}

template <activation A>
packet activate(const packet& x)
{
  if constexpr (A == activation::silu)
    return silu(x);
  else if constexpr (A == activation::gelu)
    return gelu(x);
  else
    return x;
}

}  // namespace detail

}  // namespace fewstep::nn
