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

/// The widest registers of a scalar type.
template <class S>
struct whole_register {
  using type = typename Eigen::internal::packet_traits<S>::type;
};

/// Registers of half the width, where the processor has them.
template <class S>
struct half_register {
  using type = typename Eigen::internal::packet_traits<S>::half;
};

/// A template of templates because GCC warns when a register type is written as a template argument.
template <class S, template <class> class R>
struct simd {
  using packet = typename R<S>::type;
  static constexpr std::size_t lanes = sizeof(packet) / sizeof(S);

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

using floats = simd<float, whole_register>;
using half_floats = simd<float, half_register>;
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

/// f(F(), first) for all registers of `count` numbers, where F is the kind of register; the last one is of half the
/// width if that is enough. What exceeds `count` is the caller's to bear.
template <class G>
EIGEN_ALWAYS_INLINE void for_each_register(std::size_t count, G&& f)
{
  std::size_t first = 0;
  for (; first + half_floats::lanes < count; first += lanes) f(floats(), first);
  if (first < count) f(half_floats(), first);
}

template <class F>
typename F::packet silu(const typename F::packet& x)
{
  return F::divide(x, F::add(F::fill(1), F::exp(F::subtract(F::fill(0), x))));
}

/// max(x, 0) - |x| * erfc(z) / 2 at z = |x| / sqrt(2). With t = 1 / (1 + z / 2) the logarithm of erfc(z) exp(z^2) / t
/// is a smooth function on [0, 1]; its Chebyshev interpolant of degree 9 makes erfc wrong by 1.1e-7 of itself at most.
template <class F>
typename F::packet gelu(const typename F::packet& x)
{
  constexpr std::array<float, 10> fit{-1.26551223f, 1.00002372f,  0.37409195f, 0.09678419f,  -0.18628806f,
                                      0.27886808f,  -1.13520396f, 1.48851585f, -0.82215226f, 0.17087288f};
  const auto size = F::max(x, F::subtract(F::fill(0), x));
  const auto z = F::multiply(size, F::fill(0.70710678f));
  const auto t = F::divide(F::fill(1), F::multiply_add(z, F::fill(0.5f), F::fill(1)));
  auto exponent = F::fill(fit.back());
  for (std::size_t k = fit.size() - 1; k-- > 0;) exponent = F::multiply_add(exponent, t, F::fill(fit[k]));
  const auto tail = F::multiply(t, F::exp(F::subtract(exponent, F::multiply(z, z))));
  return F::subtract(F::max(x, F::fill(0)), F::multiply(F::multiply(size, F::fill(0.5f)), tail));
}

template <class F, activation A>
typename F::packet activate(const typename F::packet& x)
{
  if constexpr (A == activation::silu)
    return silu<F>(x);
  else if constexpr (A == activation::gelu)
    return gelu<F>(x);
  else if constexpr (A == activation::relu)
    return F::max(x, F::fill(0));
  else
    return x;
}

}  // namespace detail

}  // namespace fewstep::nn
