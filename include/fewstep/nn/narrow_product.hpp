/// @file
/// Rows of numbers times a matrix of few columns, such as the last layer of a network, which has as many outputs as an
/// image has channels. A register holds neighbouring numbers of a row here, where `multiply` would leave most of one
/// empty that holds columns.
#pragma once

#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/product.hpp"

#include <cstddef>

namespace fewstep::nn::detail {

inline constexpr std::size_t most_narrow_columns = 4;

/// A matrix B (pieces * depth, columns), laid out column after column; the pieces of a column are filled up with zeros
/// to whole registers. B(k, c) = element(k, c).
template <class F>
prepared_matrix prepare_narrow(std::size_t pieces, std::size_t depth, std::size_t columns, F&& element)
{
  const std::size_t piece = whole_packets(depth);
  prepared_matrix b{pieces * depth, columns, {{0, 1, columns}}, aligned_floats(columns * pieces * piece)};
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t k = 0; k < pieces * depth; ++k)
      b.values[(c * pieces + k / depth) * piece + k % depth] = element(k, c);
  return b;
}

/// A tile times all C columns of B. What lies behind the pieces of a row, up to whole registers, is read and multiplied
/// by zero, so it must be finite.
template <std::size_t C>
void multiply_narrow(const tile& t, const row_layout& a, const prepared_matrix& b, const epilogue& end)
{
  constexpr std::size_t rows = 4;
  static_assert(tile_rows % rows == 0);
  const std::size_t piece = whole_packets(a.depth), column = a.pieces * piece;
  for (std::size_t first = 0; first < t.rows; first += rows) {
    packet sum[rows * C];
    unroll<rows * C>([&](auto i) { sum[i] = floats::fill(0); });
    for (std::size_t p = 0; p < a.pieces; ++p)
      for (std::size_t k = 0; k < a.depth; k += lanes) {
        packet weight[C];
        unroll<C>([&](auto c) { weight[c] = floats::load(b.values.data() + c * column + p * piece + k); });
        unroll<rows>([&](auto r) {
          const packet numbers = floats::load(t.from[first + r] + p * a.jump + k);
          unroll<C>([&](auto c) { sum[r * C + c] = floats::multiply_add(numbers, weight[c], sum[r * C + c]); });
        });
      }
    unroll<rows>([&](auto r) {
      if (first + r >= t.rows) return;
      unroll<C>([&](auto c) {
        float y = floats::sum(sum[r * C + c]);
        if (end.bias) y += end.bias[c];
        if (end.adds) y += t.add[first + r][c];
        t.to[first + r][c] = y * end.gain;
      });
    });
  }
}

inline void multiply_narrow(const tile& t, const row_layout& a, const prepared_matrix& b, const epilogue& end)
{
  switch (b.columns) {
    case 1:
      return multiply_narrow<1>(t, a, b, end);
    case 2:
      return multiply_narrow<2>(t, a, b, end);
    case 3:
      return multiply_narrow<3>(t, a, b, end);
    default:
      return multiply_narrow<4>(t, a, b, end);
  }
}

}  // namespace fewstep::nn::detail
