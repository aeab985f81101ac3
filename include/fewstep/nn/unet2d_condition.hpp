/// @file
/// diffusers' UNet2DConditionModel: from blueprint and weights to a network.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/condition_blueprint.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/load_blocks.hpp"
#include "fewstep/nn/load_transformer.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/waves.hpp"
#include "fewstep/nn/weights.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

namespace detail {

/// Loads the parts in the order in which diffusers builds them, and so numbers the connections.
class unet2d_condition_loader {
public:
  unet2d_condition_loader(const condition_blueprint& design, weights& from) : design_(design), from_(from) {}

  network load()
  {
    net_ = {.in_channels = design_.in_channels,
            .out_channels = design_.out_channels,
            .sample_size = design_.sample_size,
            .center_input = design_.center_input,
            .conditions = conditions()};
    // halving keeps the odd line out unless it pads on both sides, and then nothing can be joined on the way up
    net_.size_multiple = design_.downsample_padding == 1 ? 1 : std::size_t{1} << (design_.channels.size() - 1);
    encoder();
    middle();
    decoder();
    const std::size_t outermost = design_.channels.front();
    net_.last = {load_norm(from_, "conv_norm_out", outermost, design_.norm_groups, design_.norm_eps), design_.act,
                 load_convolution(from_, "conv_out", conv3x3(outermost, design_.out_channels))};
    return std::move(net_);
  }

private:
  std::size_t embedding_width() const { return 4 * design_.channels.front(); }

  embedder conditions()
  {
    const std::size_t waves = design_.channels.front(), width = embedding_width();
    embedder e{.time = sinusoid{waves, design_.cosines_first, design_.frequency_shift}};
    e.layers = load_perceptron(from_, "time_embedding", waves, width);
    e.layers.act = design_.act;
    if (const auto classes = design_.classes)
      e.classes = class_table{.classes = *classes, .rows = from_.take("class_embedding.weight", {*classes, width})};
    if (const auto guidance = design_.guidance_width)
      e.guidance = load_linears(from_, {"time_embedding.cond_proj"}, *guidance, waves, has_bias::no);
    if (const auto& added = design_.added)
      e.added = {{added->number_width, design_.cosines_first, design_.frequency_shift},
                 load_perceptron(from_, "add_embedding", added->inputs, width)};
    return e;
  }

  residual_block residual(const std::string& name, std::size_t in, std::size_t out, double scale = 1)
  {
    return load_residual(from_, name, {in, out, embedding_width(), design_.act, scale},
                         {design_.norm_groups, design_.norm_eps});
  }

  transformer_block transformer(const std::string& name, std::size_t level, std::size_t layers)
  {
    const transformer_design design{design_.channels[level], design_.heads[level],      layers,
                                    design_.text_width,      design_.linear_projection, design_.norm_groups};
    return load_transformer(from_, name, design, net_.keys_values);
  }

  void encoder()
  {
    std::size_t in = design_.channels.front();
    push(in, sampling_block{load_convolution(from_, "conv_in", conv3x3(design_.in_channels, in))});
    for (std::size_t level = 0; level < design_.channels.size(); ++level) {
      const std::string name = "down_blocks." + std::to_string(level);
      const std::size_t out = design_.channels[level];
      for (std::size_t layer = 0; layer < design_.layers[level]; ++layer, in = out) {
        const std::string number = std::to_string(layer);
        push(out, residual(name + ".resnets." + number, in, out));
        if (design_.down[level].attention)
          net_.connections.back().down.push_back(
              transformer(name + ".attentions." + number, level, design_.down_transformers[level]));
      }
      if (level + 1 == design_.channels.size()) break;
      const convolution halving{
          .in = out, .out = out, .size = 3, .stride = 2, .pad = design_.downsample_padding, .pad_behind = 1};
      push(out, sampling_block{load_convolution(from_, name + ".downsamplers.0.conv", halving)});
    }
  }

  void middle()
  {
    if (!design_.middle) return;
    const std::size_t channels = design_.channels.back(), level = design_.channels.size() - 1;
    net_.middle.push_back(residual("mid_block.resnets.0", channels, channels, design_.mid_scale));
    net_.middle.push_back(transformer("mid_block.attentions.0", level, design_.down_transformers.back()));
    net_.middle.push_back(residual("mid_block.resnets.1", channels, channels, design_.mid_scale));
  }

  /// Takes the connections in reverse.
  void decoder()
  {
    const std::size_t levels = design_.channels.size();
    std::size_t in = design_.channels.back(), number = net_.connections.size();
    for (std::size_t level = levels; level-- > 0;) {
      const std::string name = "up_blocks." + std::to_string(levels - 1 - level);
      const std::size_t out = design_.channels[level];
      for (std::size_t layer = 0; layer <= design_.layers[level]; ++layer, in = out) {
        const std::string layer_number = std::to_string(layer);
        std::vector<block>& up = net_.connections[--number].up;
        up.push_back(residual(name + ".resnets." + layer_number, in + skip_channels_[number], out));
        if (design_.up[levels - 1 - level].attention)
          up.push_back(transformer(name + ".attentions." + layer_number, level, design_.up_transformers[level]));
      }
      if (level == 0) break;
      const convolution conv = load_convolution(from_, name + ".upsamplers.0.conv", conv3x3(out, out));
      net_.connections[number].up.push_back(sampling_block{conv, 2, std::size_t{1} << (level - 1)});
    }
  }

  void push(std::size_t channels, block first)
  {
    net_.connections.emplace_back();
    net_.connections.back().down.push_back(std::move(first));
    skip_channels_.push_back(channels);
  }

  const condition_blueprint& design_;
  weights& from_;
  network net_{};
  std::vector<std::size_t> skip_channels_{};
};

}  // namespace detail

/// Builds the network of a blueprint from the tensors of a checkpoint, and leaves in `from` those that it has no place
/// for. Throws std::invalid_argument if the blueprint is inconsistent, std::runtime_error if a tensor is missing or has
/// another shape; the sentence names the tensor and both shapes.
inline network build_unet2d_condition(const condition_blueprint& design, weights& from)
{
  check(design);
  return detail::unet2d_condition_loader(design, from).load();
}

}  // namespace fewstep::nn
