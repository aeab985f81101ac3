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
inline packet load_part(const float* from, std::size_t count)
{
  if (count >= lanes) return floats::load(from);
  float numbers[lanes]{};
  for (std::size_t c = 0; c < count; ++c) numbers[c] = from[c];
  return floats::load(numbers);
}

/// Stores the first `count` numbers of x.
inline void store_part(float* to, const packet& x, std::size_t count)
{
  if (count >= lanes) return floats::store(to, x);
  floats::store_first(to, x, count);
}

/// The tile times a panel of V registers whose rows are `stride` apart. Every sum runs over k in order, in a register
/// of its own, so it does not depend on what else is in the tile.
template <std::size_t V>
void multiply(const tile& t, const row_layout& a, const float* b, std::size_t stride, const panel& p,
              const epilogue& end)
{
  packet sum[tile_rows * V];
  unroll<tile_rows * V>([&](auto i) { sum[i] = floats::fill(0); });
  const float* row[tile_rows];
  unroll<tile_rows>([&](auto r) { row[r] = t.from[r]; });
  for (std::size_t piece = 0; piece < a.pieces; ++piece) {
    for (std::size_t k = 0; k < a.depth; ++k, b += stride) {
      packet column[V];
      unroll<V>([&](auto v) { column[v] = floats::load(b + v * lanes); });
      unroll<tile_rows>([&](auto r) {
        const packet number = floats::fill(row[r][k]);
        unroll<V>([&](auto v) { sum[r * V + v] = floats::multiply_add(number, column[v], sum[r * V + v]); });
      });
    }
    unroll<tile_rows>([&](auto r) { row[r] += a.jump; });
  }
  unroll<tile_rows>([&](auto r) {
    if (r >= t.rows) return;
    unroll<V>([&](auto v) {
      const std::size_t at = p.first + v * lanes, count = p.columns - v * lanes;
      packet y = sum[r * V + v];
      if (end.bias) y = floats::add(y, floats::load(end.bias + at));
      if (end.adds) y = floats::add(y, load_part(t.add[r] + at, count));
      store_part(t.to[r] + at, floats::multiply(y, floats::fill(end.gain)), count);
    });
  });
}

inline void multiply(const tile& t, const row_layout& a, const float* b, std::size_t stride, const panel& p,
                     const epilogue& end)
{
  switch (p.packets) {
    case 1:
      return multiply<1>(t, a, b, stride, p, end);
    case 2:
      return multiply<2>(t, a, b, stride, p, end);
    default:
      return multiply<3>(t, a, b, stride, p, end);
  }
}

inline void multiply(const tile& t, const row_layout& a, const prepared_matrix& b, const panel& p, const epilogue& end)
{
  multiply(t, a, b.of(p), p.packets * lanes, p, end);
}

}  // namespace fewstep::nn::detail
