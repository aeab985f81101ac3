/// @file
/// Convolutions as sums of products. No patches are copied: a few lines of input go to a thread's scratch, ready to be
/// multiplied, and the rows of the product overlap there.
#pragma once

#include "fewstep/nn/convolution_layer.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/narrow_product.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/product.hpp"
#include "fewstep/nn/workspace.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace fewstep::nn::detail {

/// Lines of a band take at most about this many floats of scratch, so that they share a second-level cache with the
/// weights; but there are at least `fewest_lines`, as neighbouring bands both write the lines that they share.
inline constexpr std::size_t band_floats = 64 * 1024, fewest_lines = 4;

/// The tasks of a convolution: each image in bands of output lines, each band in groups of panels.
struct task_grid {
  std::size_t lines, bands, groups;
};

/// Aims at a number of tasks that the threads can share evenly. Where an image has too few pixels for that, several
/// threads read the same pixels and compute different channels.
inline task_grid divide_work(const convolution& c, std::size_t images, const feature& out, std::size_t line_floats,
                             std::size_t threads)
{
  const std::size_t fitting = band_floats / (line_floats * c.stride);
  std::size_t lines = std::min(out.height(), std::max(fitting, fewest_lines));
  const auto bands = [&] { return (out.height() + lines - 1) / lines; };
  const std::size_t tasks = images * bands();
  if (tasks % threads == 0 || tasks >= 4 * threads) return {lines, bands(), 1};
  if (out.height() * out.width() < threads * 4 * tile_rows)
    return {lines, bands(), std::min(threads, c.weights.panels.size())};
  lines = std::min(lines, (out.height() + threads - 1) / threads);
  return {lines, bands(), 1};
}

/// One band of one image.
struct piece_of_work {
  std::size_t image, first_line, lines, columns;
};

/// The tile whose first row is the output pixel of that number within the band.
inline tile tile_at(const convolution& c, const piece_of_work& w, const float* lines, std::size_t pixel,
                    const addend& plus, feature& out)
{
  tile t;
  t.rows = std::min(tile_rows, w.lines * out.width() - pixel);
  std::size_t y = pixel / out.width(), x = pixel % out.width();
  for (std::size_t r = 0; r < tile_rows; ++r) {
    t.from[r] = lines + (y * w.columns + x) * c.stride * c.in;
    t.to[r] = out.pixel(w.image, w.first_line + y, x);
    if (plus.add) t.add[r] = plus.add->pixel(w.image, w.first_line + y, x);
    if (r + 1 >= t.rows) continue;
    if (++x == out.width()) x = 0, ++y;
  }
  return t;
}

inline void convolve_band(const convolution& c, const input& x, const addend& plus, const piece_of_work& w,
                          std::span<const panel> panels, float* scratch, feature& out)
{
  float* const lines = scratch + c.bias.size();
  std::copy(c.bias.begin(), c.bias.end(), scratch);
  if (plus.shift)
    for (std::size_t o = 0; o < c.out; ++o) scratch[o] += plus.shift->data()[w.image * c.out + o];
  const auto top = static_cast<std::ptrdiff_t>(w.first_line * c.stride) - static_cast<std::ptrdiff_t>(c.pad);
  const band read{top, (w.lines - 1) * c.stride + c.size, w.columns, c.pad};
  write_band(x, w.image, read, lines);
  std::fill_n(lines + read.lines * read.columns * c.in, lanes, 0.0f);

  const row_layout rows{c.size, c.size * c.in, w.columns * c.in};
  const epilogue end{scratch, plus.add != nullptr, plus.gain};
  const bool narrow = is_narrow(c);
  for (const panel& p : panels)
    for (std::size_t pixel = 0; pixel < w.lines * out.width(); pixel += tile_rows) {
      const tile pixels = tile_at(c, w, lines, pixel, plus, out);
      if (narrow)
        multiply_narrow(pixels, rows, c.weights, end);
      else
        multiply(pixels, rows, c.weights, p, end);
    }
}

inline void convolve_taps(const convolution& c, const input& x, const addend& plus, workspace& work, feature& out)
{
  const std::size_t images = out.count(), columns = (out.width() - 1) * c.stride + c.size;
  const task_grid grid = divide_work(c, images, out, columns * c.in, work.threads().size());
  work.reserve_scratch(c.bias.size() + ((grid.lines - 1) * c.stride + c.size) * columns * c.in + lanes);

  const std::span<const panel> panels = c.weights.panels;
  const auto task = [&](std::size_t k, std::size_t worker) {
    const std::size_t group = k % grid.groups, band = k / grid.groups % grid.bands, first = band * grid.lines;
    const std::size_t begin = group * panels.size() / grid.groups, end = (group + 1) * panels.size() / grid.groups;
    const piece_of_work band_of_lines{k / grid.groups / grid.bands, first, std::min(grid.lines, out.height() - first),
                                      columns};
    convolve_band(c, x, plus, band_of_lines, panels.subspan(begin, end - begin), work.scratch(worker), out);
  };
  const std::size_t multiply_adds = out.size() * c.weights.depth;
  work.threads().run(images * grid.bands * grid.groups, task, multiply_adds < worth_waking);
}

}  // namespace fewstep::nn::detail
