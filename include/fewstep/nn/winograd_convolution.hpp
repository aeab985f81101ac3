/// @file
/// Convolutions by Winograd's tiles. A task reads rows of tiles of one or several images, which go transformed to its
/// thread's scratch; each product of the tiles is a product of matrices (tiles, in) (in, out).
#pragma once

#include "fewstep/nn/convolution_layer.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/product.hpp"
#include "fewstep/nn/winograd.hpp"
#include "fewstep/nn/workspace.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace fewstep::nn::detail {

/// The transformed tiles of a task and their products with a panel take at most about this many floats of scratch, most
/// of a second-level cache.
inline constexpr std::size_t tiled_floats = 192 * 1024;

/// How tiles of N x N outputs cover a batch, and which of them a task computes.
template <std::size_t N>
struct tiling {
  static constexpr std::size_t size = winograd<N>::size, products = size * size;

  std::size_t across, down;  ///< tiles of an image
  std::size_t rows;          ///< rows of tiles of all images
  std::size_t task_rows;     ///< rows of tiles of a task
  std::size_t groups;        ///< tasks that share rows of tiles and compute different channels

  tiling(const convolution& c, const feature& out, std::size_t threads) :
      across((out.width() + N - 1) / N),
      down((out.height() + N - 1) / N),
      rows(out.count() * down)
  {
    const std::size_t fitting = tiled_floats / (products * across * (c.in + 3 * lanes)),
                      even = (rows + threads - 1) / threads;
    task_rows = std::clamp<std::size_t>(std::min(fitting, even), 1, rows);
    groups = 1;
    if (task_rows * across >= tile_rows || threads == 1) return;
    task_rows = std::min(rows, std::max<std::size_t>(fitting, 1));
    groups = std::min(threads, c.weights.panels.size());
  }

  std::size_t tasks() const { return (rows + task_rows - 1) / task_rows * groups; }

  // scratch: lines of pixels, transformed tiles, products of one panel; planes end with what is written too much
  std::size_t columns() const { return across * N + 2; }
  std::size_t band(std::size_t in) const { return (std::min(task_rows, down) * N + 2) * columns() * in + slack; }
  std::size_t plane(std::size_t width) const { return task_rows * across * width + lanes; }
};

/// Transforms the tiles of rows [first, end).
template <std::size_t N>
void read_tiles(const tiling<N>& grid, const convolution& c, const input& x, std::size_t first, std::size_t end,
                float* lines, float* to)
{
  const std::size_t plane = grid.plane(c.in), line = grid.columns() * c.in;
  for (std::size_t row = first; row < end;) {
    const std::size_t image = row / grid.down, top = row % grid.down, count = std::min(end - row, grid.down - top);
    const auto above = static_cast<std::ptrdiff_t>(top * N) - static_cast<std::ptrdiff_t>(c.pad);
    write_band(x, image, {above, count * N + 2, grid.columns(), c.pad}, lines);
    for (std::size_t tile = 0; tile < count * grid.across; ++tile, to += c.in) {
      const float* from = lines + tile / grid.across * N * line + tile % grid.across * N * c.in;
      for_each_register(c.in, [&]<class F>(F, std::size_t k) { read_tile<N, F>(from + k, line, c.in, to + k, plane); });
    }
    row += count;
  }
}

/// The products of all tiles with the channels of a panel.
template <std::size_t N>
void multiply_tiles(const tiling<N>& grid, const convolution& c, const panel& p, std::size_t tiles, const float* from,
                    float* to)
{
  const std::size_t stride = p.packets * lanes;
  const float* weights = c.weights.of(p);
  for (std::size_t product = 0; product < grid.products; ++product) {
    for (std::size_t first = 0; first < tiles; first += tile_rows) {
      tile t{std::min(tile_rows, tiles - first)};
      for (std::size_t r = 0; r < tile_rows; ++r) {
        const std::size_t row = first + std::min(r, t.rows - 1);
        t.from[r] = from + row * c.in;
        t.to[r] = to + row * stride;
      }
      multiply(t, {1, c.in, 0}, weights, stride, {0, p.packets, p.columns}, {});
    }
    weights += c.in * stride, from += grid.plane(c.in), to += grid.plane(stride);
  }
}

/// Turns the products of one panel into pixels.
template <std::size_t N>
void write_tiles(const tiling<N>& grid, const convolution& c, const panel& p, std::size_t first, std::size_t end,
                 const float* from, const addend& plus, feature& out)
{
  const std::size_t stride = p.packets * lanes;
  for (std::size_t tile = 0; tile < (end - first) * grid.across; ++tile, from += stride) {
    const std::size_t row = first + tile / grid.across, image = row / grid.down;
    const std::size_t top = row % grid.down * N, left = tile % grid.across * N;
    for_each_register(p.columns, [&]<class F>(F, std::size_t v) {
      const std::size_t at = p.first + v, count = p.columns - v;
      const auto gain = F::fill(plus.gain);
      auto bias = F::load(c.bias.data() + at);
      if (plus.shift) bias = F::add(bias, F::load(plus.shift->data() + image * c.out + at));
      write_tile<N, F>(from + v, grid.plane(stride), [&](std::size_t y, std::size_t column, const auto& sum) {
        if (top + y >= out.height() || left + column >= out.width()) return;
        auto number = F::add(sum, bias);
        if (plus.add) number = F::add(number, load_part<F>(plus.add->pixel(image, top + y, left + column) + at, count));
        store_part<F>(out.pixel(image, top + y, left + column) + at, F::multiply(number, gain), count);
      });
    });
  }
}

template <std::size_t N>
void convolve_tiles(const convolution& c, const input& x, const addend& plus, workspace& work, feature& out)
{
  const tiling<N> grid(c, out, work.threads().size());
  const std::size_t read = grid.products * grid.plane(c.in) + slack, made = grid.products * grid.plane(3 * lanes);
  work.reserve_scratch(grid.band(c.in) + read + made);
  const std::span<const panel> panels = c.weights.panels;
  const auto task = [&](std::size_t k, std::size_t worker) {
    const std::size_t group = k % grid.groups, first = k / grid.groups * grid.task_rows;
    const std::size_t end = std::min(first + grid.task_rows, grid.rows);
    float* const lines = work.scratch(worker);
    float* const tiles = lines + grid.band(c.in);
    float* const sums = tiles + read;
    read_tiles(grid, c, x, first, end, lines, tiles);
    for (std::size_t p = group * panels.size() / grid.groups; p < (group + 1) * panels.size() / grid.groups; ++p) {
      multiply_tiles(grid, c, panels[p], (end - first) * grid.across, tiles, sums);
      write_tiles(grid, c, panels[p], first, end, sums, plus, out);
    }
  };
  work.threads().run(grid.tasks(), task, grid.rows * grid.across * c.weights.depth * c.out < worth_waking);
}

}  // namespace fewstep::nn::detail
