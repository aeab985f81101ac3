/// @file
/// Convolutions, linear layers among them, as values: prepared weights and what goes with them.
#pragma once

#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/narrow_product.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/product.hpp"
#include "fewstep/nn/winograd.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <span>
#include <vector>

namespace fewstep::nn {

/// y(o, i) = bias + sum of weight(o, c, ky, kx) * x(c, stride * i + k - pad): pixels outside of x are zero.
/// A linear layer is a convolution of size 1.
struct convolution {
  std::size_t in = 0, out = 0, size = 1, stride = 1;
  std::size_t pad = 0;         ///< lines of zeros above and columns of zeros to the left
  std::size_t pad_behind = 0;  ///< below and to the right
  std::size_t tile = 0;        ///< 1: sums of products as above; 2, 4: Winograd's F(2x2), F(4x4); 0: to be chosen
  detail::prepared_matrix weights{};  ///< (taps * in, out), or (products of a tile * in, out)
  aligned_floats bias{};
};

namespace detail {

/// F(4x4) keeps 36 numbers of each filter, F(2x2) 16, direct sums 9. Where there are more filters than this, maps are
/// mostly small, reading weights takes longer than multiplying them, and memory counts.
inline constexpr std::size_t most_large_tiles = std::size_t{1} << 19;

/// The form of a layer follows from its shape alone, so that an image has the same bits in every batch. Measured on one
/// core with AVX-512, times as fast as direct sums, the reading of inputs with SiLU and group norm included:
///
///     channels, map, batch     F(2x2)  F(4x4)
///     24 -> 24, 32x32, 1          1.3     1.9
///     48 -> 48, 16x16, 1          1.7     2.6
///     96 -> 96, 8x8, 1            1.9     1.7
///     128 -> 128, 32x32, 1        1.9     3.2
///     256 -> 256, 16x16, 16       2.0     3.1
///     256 -> 256, 4x4, 1          1.1     0.5
///     256 -> 256, 4x4, 16         2.0     3.3
///     512 -> 256, 8x8, 16         1.8     3.2
///
/// With fewer channels than a register holds, transforming tiles takes longer than it saves.
inline std::size_t chosen_tile(const convolution& c)
{
  if (c.size != 3 || c.stride != 1 || std::min(c.in, c.out) < 16) return 1;
  return c.in * c.out > most_large_tiles ? 2 : 4;
}

/// U(product, c; o): see winograd.hpp.
template <std::size_t N>
prepared_matrix prepare_tiles(const convolution& c, std::span<const float> weights)
{
  constexpr std::size_t products = winograd<N>::size * winograd<N>::size;
  std::vector<std::array<double, products>> filters(c.in * c.out);
  for (std::size_t k = 0; k < filters.size(); ++k) filters[k] = transformed_filter<N>(weights.data() + k * 9);
  return prepare_matrix(products * c.in, c.out, [&](std::size_t k, std::size_t o) {
    return static_cast<float>(filters[o * c.in + k % c.in][k / c.in]);
  });
}

/// Whether sums go along the lines of a filter, which must be some registers long to be worth it.
inline bool is_narrow(const convolution& c)
{
  return c.tile == 1 && c.out <= most_narrow_columns && c.size * c.in >= 3 * lanes;
}

inline prepared_matrix prepare_taps(const convolution& c, std::span<const float> weights)
{
  const std::size_t taps = c.size * c.size;
  const auto weight = [&](std::size_t k, std::size_t o) { return weights[(o * c.in + k % c.in) * taps + k / c.in]; };
  if (is_narrow(c)) return prepare_narrow(c.size, c.size * c.in, c.out, weight);
  return prepare_matrix(taps * c.in, c.out, weight);
}

}  // namespace detail

/// Prepares weights (out, in, size, size), size fastest, and bias (out) or none.
inline convolution prepare_convolution(convolution shape, std::span<const float> weights, std::span<const float> bias)
{
  assert(weights.size() == shape.out * shape.in * shape.size * shape.size);
  if (shape.tile == 0) shape.tile = detail::chosen_tile(shape);
  assert(shape.tile == 1 || (shape.size == 3 && shape.stride == 1));
  shape.weights = shape.tile == 4   ? detail::prepare_tiles<4>(shape, weights)
                  : shape.tile == 2 ? detail::prepare_tiles<2>(shape, weights)
                                    : detail::prepare_taps(shape, weights);
  shape.bias.assign(detail::whole_packets(shape.out), 0);
  std::copy(bias.begin(), bias.end(), shape.bias.begin());
  return shape;
}

/// What a layer adds: y = (convolution + shift + add) * gain.
struct addend {
  const feature* shift = nullptr;  ///< (count, out), one number per image and channel
  const feature* add = nullptr;    ///< of the shape of the result, and perhaps the result itself
  float gain = 1;
};

/// (size of x + padding - size of the filter) / stride + 1.
inline std::size_t output_length(const convolution& c, std::size_t length)
{
  return (length + c.pad + c.pad_behind - c.size) / c.stride + 1;
}

}  // namespace fewstep::nn
