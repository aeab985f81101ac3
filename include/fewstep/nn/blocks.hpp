/// @file
/// The blocks that U-Nets are made of, as diffusers names and computes them. A block is a value that holds prepared
/// weights; running it reads features and returns a new one.
#pragma once

#include "fewstep/nn/attention.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/normalisation.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/plain_block.hpp"
#include "fewstep/nn/transformer.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cstddef>
#include <optional>
#include <variant>

namespace fewstep::nn {

/// h = conv_2(act(norm_2(conv_1(act(norm_1(x))) + time(act(embedding))))), then (shortcut(x) + h) * gain. Autoencoders
/// know no time.
struct residual_block {
  group_norm norm_1{};
  convolution conv_1{};
  std::optional<convolution> time{};
  group_norm norm_2{};
  convolution conv_2{};
  std::optional<convolution> shortcut{};  ///< of size 1; without it x itself is added
  activation act = activation::silu;
  float gain = 1;
};

/// (x + out(attention(q, k, v))) * gain, where q, k and v are linear in norm(x).
struct attention_block {
  group_norm norm{};
  convolution queries_keys_values{};  ///< one layer of size 1 with 3 * channels outputs, in this order
  convolution out{};
  std::size_t heads = 1;
  float gain = 1;
};

/// A convolution alone: the first of the network, one with stride 2, or one after enlarging by repeated pixels: to
/// `enlarge` times the size or, if `reduction` is not 0, to ceil(size of the images / reduction), the size of the next
/// skip where those that are joined differ by a line.
struct sampling_block {
  convolution conv{};
  std::size_t enlarge = 1;
  std::size_t reduction = 0;
};

/// conv(act(norm(x))): the last one of a network.
struct output_block {
  group_norm norm{};
  activation act = activation::silu;
  convolution conv{};
};

using block =
    std::variant<residual_block, attention_block, transformer_block, sampling_block, output_block, plain_block>;

/// Both parts in one feature.
inline feature concatenate(const joined& x, workspace& work)
{
  const feature& first = *x.first;
  feature out = work.make(first.count(), x.channels(), first.height(), first.width());
  for (std::size_t image = 0; image < out.count(); ++image)
    for (std::size_t y = 0; y < out.height(); ++y)
      detail::write_pixels({x, out.height(), out.width()}, image, y, out.width(), out.pixel(image, y, 0));
  return out;
}

inline feature run(const residual_block& b, const joined& x, const embedding& e, workspace& work)
{
  const std::size_t height = x.first->height(), width = x.first->width();
  const feature shift =
      b.time ? convolve(*b.time, {{&e.time}, 1, e.time.width(), nullptr, b.act}, {}, work) : feature();
  const feature scales_1 = normalise(b.norm_1, x, work);
  const feature h = convolve(b.conv_1, {x, height, width, &scales_1, b.act}, {b.time ? &shift : nullptr}, work);
  const feature scales_2 = normalise(b.norm_2, {&h}, work);
  const input second{{&h}, height, width, &scales_2, b.act};
  if (!b.shortcut && !x.second) return convolve(b.conv_2, second, {nullptr, x.first, b.gain}, work);
  feature out = b.shortcut ? convolve(*b.shortcut, {x, height, width}, {}, work) : concatenate(x, work);
  convolve(b.conv_2, second, {nullptr, &out, b.gain}, work, out);
  return out;
}

inline feature run(const attention_block& b, const joined& x, const embedding&, workspace& work)
{
  const feature whole = x.second ? concatenate(x, work) : feature();
  const feature& h = x.second ? whole : *x.first;
  const feature scales = normalise(b.norm, {&h}, work);
  const feature qkv = convolve(b.queries_keys_values, {{&h}, h.height(), h.width(), &scales}, {}, work);
  const std::size_t channels = h.channels();
  const feature mixed = attend({{&qkv, 0}, {&qkv, channels}, {&qkv, 2 * channels}, b.heads, channels / b.heads}, work);
  return convolve(b.out, plain(mixed), {nullptr, &h, b.gain}, work);
}

/// The length to which a block enlarges, of `length` pixels where the images have `whole`.
inline std::size_t enlarged(const sampling_block& b, std::size_t length, std::size_t whole)
{
  return b.reduction > 0 ? (whole + b.reduction - 1) / b.reduction : length * b.enlarge;
}

inline feature run(const sampling_block& b, const joined& x, const embedding& e, workspace& work)
{
  const std::size_t height = enlarged(b, x.first->height(), e.height);
  return convolve(b.conv, {x, height, enlarged(b, x.first->width(), e.width)}, {}, work);
}

inline feature run(const output_block& b, const joined& x, const embedding&, workspace& work)
{
  const feature scales = normalise(b.norm, x, work);
  return convolve(b.conv, {x, x.first->height(), x.first->width(), &scales, b.act}, {}, work);
}

inline feature run(const block& b, const joined& x, const embedding& e, workspace& work)
{
  return std::visit([&](const auto& kind) { return run(kind, x, e, work); }, b);
}

}  // namespace fewstep::nn
