/// @file
/// Blocks from the tensors of a checkpoint, under the names that diffusers gives them.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/resample.hpp"
#include "fewstep/nn/weights.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace fewstep::nn::detail {

/// diffusers' TimestepEmbedding.
inline perceptron load_perceptron(weights& from, const std::string& name, std::size_t in, std::size_t out)
{
  return {load_linear(from, name + ".linear_1", in, out), load_linear(from, name + ".linear_2", out, out)};
}

/// What the GroupNorms of an architecture have in common.
struct norm_design {
  std::size_t groups;
  double eps;
};

/// What a ResnetBlock2D is made for.
struct residual_design {
  std::size_t in, out;
  std::size_t embedding;  ///< width of the embedding, 0 if it is told no time
  activation act = activation::silu;
  double scale = 1;  ///< by which it divides
  bool scale_shift = false;
  size_change change = size_change::none;
};

inline residual_block load_residual(weights& from, const std::string& name, const residual_design& d,
                                    const norm_design& norm)
{
  residual_block b{
      .resample = {d.change}, .scale_shift = d.scale_shift, .act = d.act, .gain = static_cast<float>(1 / d.scale)};
  b.norm_1 = load_norm(from, name + ".norm1", d.in, norm.groups, norm.eps);
  b.conv_1 = load_convolution(from, name + ".conv1", conv3x3(d.in, d.out));
  if (d.embedding > 0)
    b.time = load_linear(from, name + ".time_emb_proj", d.embedding, d.scale_shift ? 2 * d.out : d.out);
  b.norm_2 = load_norm(from, name + ".norm2", d.out, norm.groups, norm.eps);
  b.conv_2 = load_convolution(from, name + ".conv2", conv3x3(d.out, d.out));
  if (d.in != d.out) b.shortcut = load_convolution(from, name + ".conv_shortcut", {.in = d.in, .out = d.out});
  return b;
}

/// What an attention of pixels alone is made for.
struct attention_design {
  std::size_t channels, heads;
  double scale = 1;  ///< by which it divides
};

/// Under its names of today, or those that it had until diffusers 0.15. There is no norm if it has no groups.
inline attention_block load_attention(weights& from, const std::string& name, const attention_design& d,
                                      const norm_design& norm)
{
  const bool old = from.has(name + ".proj_attn.weight");
  const std::vector<std::string> names = old ? std::vector{name + ".query", name + ".key", name + ".value"}
                                             : std::vector{name + ".to_q", name + ".to_k", name + ".to_v"};
  attention_block b{.heads = d.heads, .gain = static_cast<float>(1 / d.scale)};
  if (norm.groups > 0) b.norm = load_norm(from, name + ".group_norm", d.channels, norm.groups, norm.eps);
  b.queries_keys_values = load_linears(from, names, d.channels, d.channels);
  b.out = load_linear(from, name + (old ? ".proj_attn" : ".to_out.0"), d.channels, d.channels);
  return b;
}

}  // namespace fewstep::nn::detail
