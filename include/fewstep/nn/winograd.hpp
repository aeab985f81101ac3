/// @file
/// Winograd's minimal filtering for 3x3 filters (Lavin and Gray 2016, arXiv:1509.09308): N x N outputs, N = 2 or 4,
/// from (N + 2)^2 products instead of 9 N^2,
///
///     Y = A^T [(G g G^T) * (B^T d B)] A
///
/// with d the (N + 2) x (N + 2) inputs of a tile, g the filter, * element by element. The matrices evaluate polynomials
/// at N + 1 points and at infinity. For N = 2 the points are 0, 1, -1; for N = 4 they are 0, +-a, +-b with a =
/// sqrt(1/2), b = sqrt(2), which keeps numbers of all rows about equally large: errors are a third of those with 1
/// and 2.
#pragma once

#include "fewstep/nn/packet.hpp"

#include <array>
#include <cstddef>

namespace fewstep::nn::detail {

/// The three matrices along one axis.
template <std::size_t N>
struct winograd;

template <>
struct winograd<2> {
  static constexpr std::size_t size = 4;  ///< inputs along an axis, and products

  static constexpr double g[size][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

  /// d <- B^T d
  template <class F>
  EIGEN_ALWAYS_INLINE static void read(typename F::packet (&d)[size])
  {
    const auto d1 = d[1];
    d[0] = F::subtract(d[0], d[2]);
    d[1] = F::add(d1, d[2]);
    d[2] = F::subtract(d[2], d1);
    d[3] = F::subtract(d[3], d1);
  }

  /// y <- A^T m
  template <class F>
  EIGEN_ALWAYS_INLINE static void write(const typename F::packet (&m)[size], typename F::packet (&y)[2])
  {
    y[0] = F::add(F::add(m[0], m[1]), m[2]);
    y[1] = F::add(F::subtract(m[1], m[2]), m[3]);
  }
};

template <>
struct winograd<4> {
  static constexpr std::size_t size = 6;

  static constexpr double a = 0.70710678118654752, b = 1.4142135623730950, aa = 0.5, bb = 2;
  static constexpr double at_a = 1 / (2 * aa * (aa - bb)), at_b = 1 / (2 * bb * (bb - aa));
  static constexpr double g[size][3] = {{1, 0, 0},
                                        {at_a, a* at_a, aa* at_a},
                                        {at_a, -a* at_a, aa* at_a},
                                        {at_b, b* at_b, bb* at_b},
                                        {at_b, -b* at_b, bb* at_b},
                                        {0, 0, 1}};

  template <class F>
  static typename F::packet times(double factor, const typename F::packet& x, const typename F::packet& plus)
  {
    return F::multiply_add(F::fill(static_cast<float>(factor)), x, plus);
  }

  /// B's column at a point p is the product of (x - q) over the other points q, as (a b)^2 = 1.
  template <class F>
  EIGEN_ALWAYS_INLINE static void read(typename F::packet (&d)[size])
  {
    const auto even_a = times<F>(-bb, d[2], d[4]), odd_a = times<F>(-bb, d[1], d[3]);
    const auto even_b = times<F>(-aa, d[2], d[4]), odd_b = times<F>(-aa, d[1], d[3]);
    d[0] = times<F>(-(aa + bb), d[2], F::add(d[0], d[4]));
    d[5] = times<F>(-(aa + bb), d[3], F::add(d[1], d[5]));
    d[1] = times<F>(a, odd_a, even_a);
    d[2] = times<F>(-a, odd_a, even_a);
    d[3] = times<F>(b, odd_b, even_b);
    d[4] = times<F>(-b, odd_b, even_b);
  }

  template <class F>
  EIGEN_ALWAYS_INLINE static void write(const typename F::packet (&m)[size], typename F::packet (&y)[4])
  {
    const auto even_a = F::add(m[1], m[2]), odd_a = F::subtract(m[1], m[2]);
    const auto even_b = F::add(m[3], m[4]), odd_b = F::subtract(m[3], m[4]);
    y[0] = F::add(F::add(m[0], even_a), even_b);
    y[1] = times<F>(a, odd_a, F::multiply(F::fill(static_cast<float>(b)), odd_b));
    y[2] = times<F>(aa, even_a, F::multiply(F::fill(static_cast<float>(bb)), even_b));
    y[3] = times<F>(a * aa, odd_a, times<F>(b * bb, odd_b, m[5]));
  }
};

/// G g G^T of a 3x3 filter, row by row, in double.
template <std::size_t N>
std::array<double, winograd<N>::size * winograd<N>::size> transformed_filter(const float* filter)
{
  constexpr std::size_t size = winograd<N>::size;
  std::array<double, size * size> out{};
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j)
      for (std::size_t y = 0; y < 3; ++y)
        for (std::size_t x = 0; x < 3; ++x)
          out[i * size + j] += winograd<N>::g[i][y] * static_cast<double>(filter[y * 3 + x]) * winograd<N>::g[j][x];
  return out;
}

/// B^T d B for one register of channels of kind F: d lies at from + i * line + j * pixel, the result goes to to + (i,
/// j) * plane.
template <std::size_t N, class F>
void read_tile(const float* from, std::size_t line, std::size_t pixel, float* to, std::size_t plane)
{
  constexpr std::size_t size = winograd<N>::size;
  typename F::packet d[size][size];
  unroll<size>([&](auto j) {
    typename F::packet column[size];
    unroll<size>([&](auto i) { column[i] = F::load(from + i * line + j * pixel); });
    winograd<N>::template read<F>(column);
    unroll<size>([&](auto i) { d[i][j] = column[i]; });
  });
  unroll<size>([&](auto i) {
    winograd<N>::template read<F>(d[i]);
    unroll<size>([&](auto j) { F::store(to + (i * size + j) * plane, d[i][j]); });
  });
}

/// A^T m A for one register of channels, as write(y, x, number).
template <std::size_t N, class F, class W>
void write_tile(const float* from, std::size_t plane, W&& write)
{
  constexpr std::size_t size = winograd<N>::size;
  typename F::packet half[N][size];
  unroll<size>([&](auto j) {
    typename F::packet column[size], y[N];
    unroll<size>([&](auto i) { column[i] = F::load(from + (i * size + j) * plane); });
    winograd<N>::template write<F>(column, y);
    unroll<N>([&](auto i) { half[i][j] = y[i]; });
  });
  unroll<N>([&](auto i) {
    typename F::packet y[N];
    winograd<N>::template write<F>(half[i], y);
    unroll<N>([&](auto j) { write(i, j, y[j]); });
  });
}

}  // namespace fewstep::nn::detail
