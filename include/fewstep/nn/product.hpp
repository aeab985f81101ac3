/// @file
/// The one inner loop of the engine: rows of numbers times a matrix that was laid out for it.
#pragma once

#include "fewstep/nn/packet.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace fewstep::nn::detail {

/// Rows of A that meet a panel of B at a time: as many as keep the sums of a panel in registers.
inline constexpr std::size_t tile_rows = lanes == 16 ? 8 : 4;

/// Neighbouring columns of a matrix: one to three registers of them, of which `columns` numbers count.
struct panel {
  std::size_t first, packets, columns;
};

/// The panel that begins at column `first`, three registers wide where possible; a remainder of four is split evenly.
/// It is empty at the end.
inline panel panel_at(std::size_t first, std::size_t columns)
{
  if (first >= columns) return {first, 0, 0};
  const std::size_t left = whole_packets(columns - first) / lanes;
  const std::size_t packets = left == 4 ? 2 : std::min<std::size_t>(left, 3);
  return {first, packets, std::min(packets * lanes, columns - first)};
}

/// f(p) for every panel of a matrix.
template <class F>
void for_each_panel(std::size_t columns, F&& f)
{
  for (panel p = panel_at(0, columns); p.columns > 0; p = panel_at(p.first + p.packets * lanes, columns)) f(p);
}

/// A matrix B (depth, columns), laid out panel after panel, each row after row, filled up with zeros.
struct prepared_matrix {
  std::size_t depth = 0, columns = 0;
  std::vector<panel> panels{};
  aligned_floats values{};

  const float* of(const panel& p) const { return values.data() + p.first * depth; }
};

/// B(k, c) = element(k, c).
template <class F>
prepared_matrix prepare_matrix(std::size_t depth, std::size_t columns, F&& element)
{
  prepared_matrix b{depth, columns, {}, aligned_floats(depth * whole_packets(columns) + slack)};
  float* to = b.values.data();
  for_each_panel(columns, [&](const panel& p) {
    b.panels.push_back(p);
    for (std::size_t k = 0; k < depth; ++k, to += p.packets * lanes)
      for (std::size_t c = 0; c < p.columns; ++c) to[c] = element(k, p.first + c);
  });
  return b;
}

/// How a row of A lies in memory: `pieces` runs of `depth` numbers, each `jump` after the one before. The three
/// lines of pixels that a 3x3 filter sees are three such runs.
struct row_layout {
  std::size_t pieces, depth, jump;
};

/// Up to `tile_rows` rows of A and where their products go. All pointers are set; those behind `rows` repeat a row.
struct tile {
  std::size_t rows = 0;
  std::array<const float*, tile_rows> from{};
  std::array<float*, tile_rows> to{};
  std::array<const float*, tile_rows> add{};  ///< rows to be added, laid out as `to`, and perhaps `to` itself
};

/// to = (bias + add + A B) * gain; null stands for zeros.
struct epilogue {
  const float* bias = nullptr;  ///< readable in whole registers
  bool adds = false;
  float gain = 1;
};

/// The first `count` numbers from there on and no others: their neighbours may be another thread's.
template <class F>
EIGEN_ALWAYS_INLINE typename F::packet load_part(const float* from, std::size_t count)
{
  if (count >= F::lanes) return F::load(from);
  float numbers[F::lanes]{};
  for (std::size_t c = 0; c < count; ++c) numbers[c] = from[c];
  return F::load(numbers);
}

/// Stores the first `count` numbers of x.
template <class F>
EIGEN_ALWAYS_INLINE void store_part(float* to, const typename F::packet& x, std::size_t count)
{
  if (count >= F::lanes) return F::store(to, x);
  F::store_first(to, x, count);
}

/// Sums of one row, turned into what is stored: those of a register whose first column is `at`, of which `count` count.
template <class F>
EIGEN_ALWAYS_INLINE void finish(const tile& t, std::size_t r, typename F::packet y, std::size_t at, std::size_t count,
                                const epilogue& end)
{
  if (end.bias) y = F::add(y, F::load(end.bias + at));
  if (end.adds) y = F::add(y, load_part<F>(t.add[r] + at, count));
  store_part<F>(t.to[r] + at, F::multiply(y, F::fill(end.gain)), count);
}

/// The tile times a panel of V registers and H more, none or one, of half the width; its rows are `stride` apart. Every
/// sum runs over k in order, in a register of its own, so it does not depend on what else is in the tile.
template <std::size_t V, std::size_t H>
void multiply(const tile& t, const row_layout& a, const float* b, std::size_t stride, const panel& p,
              const epilogue& end)
{
  packet sum[tile_rows * V + 1];
  half_floats::packet half_sum[tile_rows * H + 1];
  unroll<tile_rows * V>([&](auto i) { sum[i] = floats::fill(0); });
  unroll<tile_rows * H>([&](auto i) { half_sum[i] = half_floats::fill(0); });
  const float* row[tile_rows];
  unroll<tile_rows>([&](auto r) { row[r] = t.from[r]; });
  for (std::size_t piece = 0; piece < a.pieces; ++piece) {
    for (std::size_t k = 0; k < a.depth; ++k, b += stride) {
      packet column[V + 1];
      unroll<V>([&](auto v) { column[v] = floats::load(b + v * lanes); });
      half_floats::packet half_column[H + 1];
      if constexpr (H > 0) half_column[0] = half_floats::load(b + V * lanes);
      unroll<tile_rows>([&](auto r) {
        const float number = row[r][k];
        unroll<V>(
            [&](auto v) { sum[r * V + v] = floats::multiply_add(floats::fill(number), column[v], sum[r * V + v]); });
        if constexpr (H > 0)
          half_sum[r] = half_floats::multiply_add(half_floats::fill(number), half_column[0], half_sum[r]);
      });
    }
    unroll<tile_rows>([&](auto r) { row[r] += a.jump; });
  }
  unroll<tile_rows>([&](auto r) {
    if (r >= t.rows) return;
    unroll<V>([&](auto v) { finish<floats>(t, r, sum[r * V + v], p.first + v * lanes, p.columns - v * lanes, end); });
    if constexpr (H > 0) finish<half_floats>(t, r, half_sum[r], p.first + V * lanes, p.columns - V * lanes, end);
  });
}

/// The same for any panel: its last register is taken by half if no more counts.
inline void multiply(const tile& t, const row_layout& a, const float* b, std::size_t stride, const panel& p,
                     const epilogue& end)
{
  const bool half = p.columns + lanes <= p.packets * lanes + half_floats::lanes && half_floats::lanes < lanes;
  switch (2 * p.packets - (half ? 1 : 0)) {
    case 1:
      return multiply<0, 1>(t, a, b, stride, p, end);
    case 2:
      return multiply<1, 0>(t, a, b, stride, p, end);
    case 3:
      return multiply<1, 1>(t, a, b, stride, p, end);
    case 4:
      return multiply<2, 0>(t, a, b, stride, p, end);
    case 5:
      return multiply<2, 1>(t, a, b, stride, p, end);
    default:
      return multiply<3, 0>(t, a, b, stride, p, end);
  }
}

inline void multiply(const tile& t, const row_layout& a, const prepared_matrix& b, const panel& p, const epilogue& end)
{
  multiply(t, a, b.of(p), p.packets * lanes, p, end);
}

}  // namespace fewstep::nn::detail
