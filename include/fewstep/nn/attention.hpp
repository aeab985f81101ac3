/// @file
/// Attention by heads (Vaswani et al. 2017, arXiv:1706.03762): softmax(Q K^T / sqrt(width)) V. Scores exist for a few
/// queries at a time, never as a whole matrix.
#pragma once

#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/product.hpp"
#include "fewstep/nn/workspace.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>

namespace fewstep::nn {

/// Queries, keys or values: a feature whose heads, side by side, begin at channel `first`. All three may lie in one
/// feature, and keys and values may have other pixels than queries. A feature of one image stands for all images.
struct attention_part {
  const feature* of;
  std::size_t first = 0;

  std::size_t pixels() const { return of->height() * of->width(); }
  const float* row(std::size_t image, std::size_t pixel) const
  {
    return of->pixel(of->count() == 1 ? 0 : image, 0, 0) + pixel * of->channels() + first;
  }
};

struct attention_input {
  attention_part queries, keys, values;
  std::size_t heads, width;  ///< each head has `width` channels
};

namespace detail {

/// The keys of one head, transposed to (width, pixels) and laid out as a prepared matrix.
inline void prepare_keys(const attention_input& x, std::size_t image, std::size_t channel, float* to)
{
  for_each_panel(x.keys.pixels(), [&](const panel& p) {
    const std::size_t stride = p.packets * lanes;
    std::fill_n(to, x.width * stride, 0.0f);
    for (std::size_t c = 0; c < p.columns; ++c)
      for (std::size_t k = 0; k < x.width; ++k) to[k * stride + c] = x.keys.row(image, p.first + c)[channel + k];
    to += x.width * stride;
  });
}

/// scores <- exp(factor * (score - largest)) / sum of those, over `count` numbers; whole registers are written.
inline void softmax(float* scores, std::size_t count, float factor)
{
  const std::size_t end = whole_packets(count);
  std::fill(scores + count, scores + end, std::numeric_limits<float>::lowest());
  packet most = floats::load(scores);
  for (std::size_t k = lanes; k < end; k += lanes) most = floats::max(most, floats::load(scores + k));
  const packet largest = floats::fill(floats::largest(most)), factors = floats::fill(factor);
  packet sum = floats::fill(0);
  for (std::size_t k = 0; k < end; k += lanes) {
    const packet x = floats::multiply(floats::subtract(floats::load(scores + k), largest), factors);
    floats::store(scores + k, floats::exp(x));
    sum = floats::add(sum, floats::load(scores + k));
  }
  const packet inverse = floats::fill(1 / floats::sum(sum));
  for (std::size_t k = 0; k < end; k += lanes)
    floats::store(scores + k, floats::multiply(floats::load(scores + k), inverse));
}

/// Some queries of one head of one image.
struct attention_task {
  std::size_t image, channel, first, end;
};

inline void attend(const attention_input& x, const attention_task& task, float* scratch, feature& out)
{
  const std::size_t keys = x.keys.pixels(), score_width = whole_packets(keys);
  float* const prepared = scratch;
  float* const scores = scratch + x.width * score_width;
  prepare_keys(x, task.image, task.channel, prepared);
  const auto factor = static_cast<float>(1 / std::sqrt(static_cast<double>(x.width)));
  const float* values = x.values.row(task.image, 0) + task.channel;
  for (std::size_t query = task.first; query < task.end; query += tile_rows) {
    tile ask{std::min(tile_rows, task.end - query)}, answer{ask.rows};
    for (std::size_t r = 0; r < tile_rows; ++r) {
      const std::size_t row = std::min(r, ask.rows - 1);
      ask.from[r] = x.queries.row(task.image, query + row) + task.channel;
      ask.to[r] = scores + row * score_width;
      answer.from[r] = ask.to[r];
      answer.to[r] = out.pixel(task.image, 0, 0) + (query + row) * out.channels() + task.channel;
    }
    for_each_panel(keys, [&](const panel& p) {
      multiply(ask, {1, x.width, 0}, prepared + p.first * x.width, p.packets * lanes, p, {});
    });
    for (std::size_t r = 0; r < ask.rows; ++r) softmax(ask.to[r], keys, factor);
    for_each_panel(x.width, [&](const panel& p) {
      multiply(answer, {1, keys, 0}, values + p.first, x.values.of->channels(), p, {});
    });
  }
}

}  // namespace detail

/// (count, heads * width) at the pixels of the queries.
inline feature attend(const attention_input& x, workspace& work)
{
  using namespace detail;
  const feature& queries = *x.queries.of;
  const std::size_t pixels = x.queries.pixels(), keys = x.keys.pixels(), threads = work.threads().size();
  feature out = work.make(queries.count(), x.heads * x.width, queries.height(), queries.width());
  work.reserve_scratch((x.width + tile_rows) * whole_packets(keys));

  // the keys of a head are transposed in each of its tasks, so there are no more of these than the threads need
  const std::size_t whole = queries.count() * x.heads;
  const std::size_t parts = whole % threads == 0 || whole >= 4 * threads ? 1 : std::min(threads, pixels);
  const auto task = [&](std::size_t k, std::size_t worker) {
    const std::size_t part = k % parts, head = k / parts % x.heads, image = k / parts / x.heads;
    attend(x, {image, head * x.width, part * pixels / parts, (part + 1) * pixels / parts}, work.scratch(worker), out);
  };
  work.threads().run(whole * parts, task, 2 * out.size() * keys < worth_waking);
  return out;
}

}  // namespace fewstep::nn
