/// @file
/// A Transformer2DModel from the tensors of a checkpoint.
#pragma once

#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/load_blocks.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/transformer.hpp"
#include "fewstep/nn/weights.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace fewstep::nn::detail {

/// What a Transformer2DModel is made for.
struct transformer_design {
  std::size_t channels, heads, layers;
  std::size_t text_width;
  bool linear_projection;  ///< its first and last layer have weights of two dimensions, not four
  std::size_t groups;
};

inline layer_norm load_layer_norm(weights& from, const std::string& name, std::size_t channels)
{
  layer_norm out{1e-5, aligned_floats(whole_packets(channels)), aligned_floats(whole_packets(channels))};
  std::ranges::copy(from.take(name + ".weight", {channels}), out.gamma.begin());
  std::ranges::copy(from.take(name + ".bias", {channels}), out.beta.begin());
  return out;
}

/// BasicTransformerBlock; its layer over the text becomes one more of `keys_values`.
inline transformer_layer load_transformer_layer(weights& from, const std::string& name, const transformer_design& d,
                                                std::vector<convolution>& keys_values)
{
  const std::string self = name + ".attn1.", text = name + ".attn2.", forward = name + ".ff.net.";
  transformer_layer l;
  l.norm_1 = load_layer_norm(from, name + ".norm1", d.channels);
  l.queries_keys_values =
      load_linears(from, {self + "to_q", self + "to_k", self + "to_v"}, d.channels, d.channels, has_bias::no);
  l.self_out = load_linear(from, self + "to_out.0", d.channels, d.channels);
  l.norm_2 = load_layer_norm(from, name + ".norm2", d.channels);
  l.text_queries = load_linears(from, {text + "to_q"}, d.channels, d.channels, has_bias::no);
  l.text = keys_values.size();
  keys_values.push_back(load_linears(from, {text + "to_k", text + "to_v"}, d.text_width, d.channels, has_bias::no));
  l.text_out = load_linear(from, text + "to_out.0", d.channels, d.channels);
  l.norm_3 = load_layer_norm(from, name + ".norm3", d.channels);
  l.forward = load_linear(from, forward + "0.proj", d.channels, 8 * d.channels);
  l.forward_out = load_linear(from, forward + "2", 4 * d.channels, d.channels);
  return l;
}

inline transformer_block load_transformer(weights& from, const std::string& name, const transformer_design& d,
                                          std::vector<convolution>& keys_values)
{
  const auto project = [&](const std::string& layer) {
    return d.linear_projection ? load_linear(from, name + layer, d.channels, d.channels)
                               : load_convolution(from, name + layer, {.in = d.channels, .out = d.channels});
  };
  transformer_block b{.norm = load_norm(from, name + ".norm", d.channels, d.groups, 1e-6), .heads = d.heads};
  b.in = project(".proj_in");
  for (std::size_t layer = 0; layer < d.layers; ++layer)
    b.layers.push_back(
        load_transformer_layer(from, name + ".transformer_blocks." + std::to_string(layer), d, keys_values));
  b.out = project(".proj_out");
  return b;
}

}  // namespace fewstep::nn::detail
