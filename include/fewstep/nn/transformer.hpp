/// @file
/// diffusers' Transformer2DModel: attention of an image to itself and to a text, as latent diffusion has it (Rombach et
/// al. 2022, arXiv:2112.10752).
#pragma once

#include "fewstep/nn/attention.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/layer_norm.hpp"
#include "fewstep/nn/normalisation.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cassert>
#include <cstddef>
#include <vector>

namespace fewstep::nn {

/// BasicTransformerBlock, over the pixels h of an image:
///
///     h <- h + self_out(attention(q, k, v)),           q, k and v linear in norm_1(h)
///     h <- h + text_out(attention(text_queries(norm_2(h)), k, v)),      k and v linear in the text
///     h <- h + forward_out(a * gelu(b)),              (a, b) = forward(norm_3(h))
///
/// Keys and values of the text are not the layer's: they stay the same over all steps, so `embedding` holds them.
struct transformer_layer {
  layer_norm norm_1{};
  convolution queries_keys_values{}, self_out{};
  layer_norm norm_2{};
  convolution text_queries{}, text_out{};
  std::size_t text = 0;  ///< which of the embedding's keys and values it reads
  layer_norm norm_3{};
  convolution forward{}, forward_out{};
};

/// x + out(layers(in(norm(x)))).
struct transformer_block {
  group_norm norm{};
  convolution in{};
  std::vector<transformer_layer> layers{};
  convolution out{};
  std::size_t heads = 1;
};

namespace detail {

inline void run(const transformer_layer& l, std::size_t heads, feature& h, const embedding& e, workspace& work)
{
  const std::size_t channels = h.channels(), width = channels / heads;
  const auto normalised = [&](const layer_norm& norm) {
    return input{.from = {&h}, .height = h.height(), .width = h.width(), .norm = &norm};
  };
  const addend onto{nullptr, &h};
  {
    const feature qkv = convolve(l.queries_keys_values, normalised(l.norm_1), {}, work);
    const feature mixed = attend({{&qkv, 0}, {&qkv, channels}, {&qkv, 2 * channels}, heads, width}, work);
    convolve(l.self_out, plain(mixed), onto, work, h);
  }
  {
    const feature queries = convolve(l.text_queries, normalised(l.norm_2), {}, work);
    const feature& text = e.texts[l.text];
    const feature mixed = attend({{&queries}, {&text, 0}, {&text, channels}, heads, width}, work);
    convolve(l.text_out, plain(mixed), onto, work, h);
  }
  const feature both = convolve(l.forward, normalised(l.norm_3), {}, work);
  const input gated{.from = {&both}, .height = h.height(), .width = h.width(), .act = activation::gelu, .gated = true};
  convolve(l.forward_out, gated, onto, work, h);
}

}  // namespace detail

/// Reads one feature: no decoder begins with it.
inline feature run(const transformer_block& b, const joined& x, const embedding& e, workspace& work)
{
  assert(!x.second);
  const feature& from = *x.first;
  const feature scales = normalise(b.norm, x, work);
  feature h = convolve(b.in, {x, from.height(), from.width(), &scales}, {}, work);
  for (const transformer_layer& layer : b.layers) detail::run(layer, b.heads, h, e, work);
  return convolve(b.out, plain(h), {nullptr, &from}, work);
}

}  // namespace fewstep::nn
