/// @file
/// The blocks that U-Nets are made of, as diffusers names and computes them. A block is a value that holds prepared
/// weights; running it reads features and returns a new one.
#pragma once

#include "fewstep/nn/attention.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/normalisation.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/plain_block.hpp"
#include "fewstep/nn/resample.hpp"
#include "fewstep/nn/transformer.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cstddef>
#include <optional>
#include <utility>
#include <variant>

namespace fewstep::nn {

/// h = conv_2(act(norm_2(conv_1(act(norm_1(x))) + time(act(embedding))))), then (shortcut(x) + h) * gain. Autoencoders
/// know no time. With `scale_shift`, (s, t) = time(act(embedding)) makes norm_2(...) * (1 + s) + t instead (Dhariwal
/// and Nichol 2021, arXiv:2105.05233, section 3.1). What conv_1 and the shortcut read may be of half or twice the size
/// of x.
struct residual_block {
  group_norm norm_1{};
  resampling resample{};
  convolution conv_1{};
  std::optional<convolution> time{};
  bool scale_shift = false;
  group_norm norm_2{};
  convolution conv_2{};
  std::optional<convolution> shortcut{};  ///< of size 1; without it x itself is added
  activation act = activation::silu;
  float gain = 1;
};

/// (x + out(attention(q, k, v))) * gain, where q, k and v are linear in norm(x), or in x.
struct attention_block {
  std::optional<group_norm> norm{};
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

namespace detail {

/// What a layer would read, as a feature: joined, enlarged, normalised and activated.
inline feature written(const input& x, workspace& work)
{
  feature out = work.make(x.from.first->count(), x.channels(), x.height, x.width);
  for (std::size_t image = 0; image < out.count(); ++image)
    for (std::size_t y = 0; y < out.height(); ++y) write_pixels(x, image, y, out.width(), out.pixel(image, y, 0));
  return out;
}

/// The input at its new size: as it is, enlarged by whoever reads it, or out of `made`.
inline input resized(const resampling& r, const input& x, feature& made, workspace& work)
{
  if (r.change == size_change::none) return x;
  if (repeats_pixels(r)) return {x.from, 2 * x.height, 2 * x.width, x.scales, x.act};
  made = resample(r, x, work);
  return plain(made);
}

/// What a residual block adds to.
inline feature across(const residual_block& b, const joined& x, workspace& work)
{
  feature made;
  const input from = resized(b.resample, {x, x.first->height(), x.first->width()}, made, work);
  if (b.shortcut) return convolve(*b.shortcut, from, {}, work);
  return made.size() > 0 ? std::move(made) : written(from, work);
}

/// Both parts in one feature.
inline feature concatenate(const joined& x, workspace& work)
{
  return written({x, x.first->height(), x.first->width()}, work);
}

/// Scale and shift of a norm, then s and t of each channel: scale <- scale (1 + s), shift <- shift (1 + s) + t.
inline void modulate(feature& scales, const feature& by)
{
  const std::size_t channels = scales.channels() / 2;
  for (std::size_t image = 0; image < scales.count(); ++image) {
    float* const scale = scales.pixel(image, 0, 0);
    const float* s = by.pixel(0, 0, image);
    for (std::size_t c = 0; c < channels; ++c) {
      scale[c] *= 1 + s[c];
      scale[channels + c] = scale[channels + c] * (1 + s[c]) + s[channels + c];
    }
  }
}

}  // namespace detail

inline feature run(const residual_block& b, const joined& x, const embedding& e, workspace& work)
{
  const feature time = b.time ? convolve(*b.time, {{&e.time}, 1, e.time.width(), nullptr, b.act}, {}, work) : feature();
  const feature scales_1 = normalise(b.norm_1, x, work);
  feature resampled;
  const input first =
      detail::resized(b.resample, {x, x.first->height(), x.first->width(), &scales_1, b.act}, resampled, work);
  const feature h = convolve(b.conv_1, first, {b.time && !b.scale_shift ? &time : nullptr}, work);
  feature scales_2 = normalise(b.norm_2, {&h}, work);
  if (b.scale_shift) detail::modulate(scales_2, time);
  const input second{{&h}, h.height(), h.width(), &scales_2, b.act};
  if (!b.shortcut && !x.second && b.resample.change == size_change::none)
    return convolve(b.conv_2, second, {nullptr, x.first, b.gain}, work);
  feature out = detail::across(b, x, work);
  convolve(b.conv_2, second, {nullptr, &out, b.gain}, work, out);
  return out;
}

inline feature run(const attention_block& b, const joined& x, const embedding&, workspace& work)
{
  const feature whole = x.second ? detail::concatenate(x, work) : feature();
  const feature& h = x.second ? whole : *x.first;
  const feature scales = b.norm ? normalise(*b.norm, {&h}, work) : feature();
  const input normalised{{&h}, h.height(), h.width(), b.norm ? &scales : nullptr};
  const feature qkv = convolve(b.queries_keys_values, normalised, {}, work);
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
