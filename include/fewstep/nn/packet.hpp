/// @file
/// Eigen's SIMD registers under the few names that the layers use.
#pragma once

#include <Eigen/Core>

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// What lies between layers: x / (1 + exp(-x)), or x * Phi(x) with the exact normal distribution function Phi, or
/// max(x, 0).
enum class activation { none, silu, gelu, relu };

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
  /// Stores the first `count` numbers of x, fewer than `lanes`. P is `packet`.
  template <class P>
  static void store_first(S* to, const P& x, std::size_t count)
  {
    using traits = Eigen::internal::unpacket_traits<P>;
    if constexpr (traits::masked_store_available) {
      Eigen::internal::pstoreu(to, x, static_cast<typename traits::mask_t>((1u << count) - 1));
    } else {
      S numbers[lanes];
      store(numbers, x);
      for (std::size_t c = 0; c < count; ++c) to[c] = numbers[c];
    }
  }
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

/// max(x, 0) - |x| * erfc(z) / 2 at z = |x| / sqrt(2). With t = 1 / (1 + z / 2) the logarithm of erfc(z) exp(z^2) / t
/// is a smooth function on [0, 1]; its Chebyshev interpolant of degree 9 makes erfc wrong by 1.1e-7 of itself at most.
inline packet gelu(const packet& x)
{
  constexpr std::array<float, 10> fit{-1.26551223f, 1.00002372f,  0.37409195f, 0.09678419f,  -0.18628806f,
                                      0.27886808f,  -1.13520396f, 1.48851585f, -0.82215226f, 0.17087288f};
  const packet size = floats::max(x, floats::subtract(floats::fill(0), x));
  const packet z = floats::multiply(size, floats::fill(0.70710678f));
  const packet t = floats::divide(floats::fill(1), floats::multiply_add(z, floats::fill(0.5f), floats::fill(1)));
  packet exponent = floats::fill(fit.back());
  for (std::size_t k = fit.size() - 1; k-- > 0;) exponent = floats::multiply_add(exponent, t, floats::fill(fit[k]));
  const packet tail = floats::multiply(t, floats::exp(floats::subtract(exponent, floats::multiply(z, z))));
  return floats::subtract(floats::max(x, floats::fill(0)),
                          floats::multiply(floats::multiply(size, floats::fill(0.5f)), tail));
}

template <activation A>
packet activate(const packet& x)
{
  if constexpr (A == activation::silu)
    return silu(x);
  else if constexpr (A == activation::gelu)
    return gelu(x);
  else if constexpr (A == activation::relu)
    return floats::max(x, floats::fill(0));
  else
    return x;
}

}  // namespace detail

}  // namespace fewstep::nn
