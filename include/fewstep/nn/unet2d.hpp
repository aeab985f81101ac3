/// @file
/// diffusers' UNet2DModel: from blueprint and weights to a network.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/blueprint.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/load_blocks.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/resample.hpp"
#include "fewstep/nn/waves.hpp"
#include "fewstep/nn/weights.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

namespace detail {

/// Loads the parts in the order in which diffusers builds them, and so numbers the connections.
class unet2d_loader {
public:
  unet2d_loader(const blueprint& design, weights& from) : design_(design), from_(from) {}

  network load()
  {
    network net{.in_channels = design_.in_channels,
                .out_channels = design_.out_channels,
                .sample_size = design_.sample_size,
                .size_multiple = std::size_t{1} << (design_.channels.size() - 1),
                .center_input = design_.center_input,
                .conditions = conditions()};
    encoder(net.connections);
    net.middle = middle();
    decoder(net.connections);
    const std::size_t outermost = design_.channels.front();
    net.divides_by_time = design_.fourier_time;
    net.last = {load_norm(from_, "conv_norm_out", outermost, design_.norm_groups, design_.norm_eps), activation::silu,
                load_convolution(from_, "conv_out", conv3x3(outermost, design_.out_channels))};
    return net;
  }

private:
  std::size_t embedding_width() const { return 4 * design_.channels.front(); }

  embedder conditions()
  {
    embedder e{.time = waves()};
    const std::size_t width = embedding_width();
    e.layers = load_perceptron(from_, "time_embedding", width_of(e.time), width);
    if (design_.class_is == class_input::number)
      e.classes = class_numbers{load_perceptron(from_, "class_embedding", width_of(e.time), width)};
    else if (design_.class_is == class_input::vector)
      e.classes = class_vectors{};
    else if (const auto classes = design_.classes)
      e.classes = class_table{.classes = *classes, .rows = from_.take("class_embedding.weight", {*classes, width})};
    return e;
  }

  /// Frequencies of Fourier waves are saved under one name or two.
  time_waves waves()
  {
    const std::size_t outermost = design_.channels.front();
    if (!design_.fourier_time) return sinusoid{outermost, design_.cosines_first, design_.frequency_shift};
    fourier_waves fourier{.of_logarithm = true};
    if (from_.has("time_proj.W")) fourier.frequencies = from_.take("time_proj.W", {outermost});
    if (from_.has("time_proj.weight") || fourier.frequencies.empty())
      fourier.frequencies = from_.take("time_proj.weight", {outermost});
    return fourier;
  }

  norm_design norm() const { return {design_.norm_groups, design_.norm_eps}; }

  residual_block residual(const std::string& name, std::size_t in, std::size_t out, double scale = 1,
                          size_change change = size_change::none)
  {
    return load_residual(from_, name, {in, out, embedding_width(), design_.act, scale, design_.scale_shift, change},
                         norm());
  }

  attention_block attention(const std::string& name, std::size_t channels, std::size_t groups, double scale = 1)
  {
    const std::size_t heads = channels / design_.head_width.value_or(channels);
    return load_attention(from_, name, {channels, heads, scale}, {groups, design_.norm_eps});
  }

  block downsampler(const std::string& name, std::size_t level)
  {
    const std::size_t channels = design_.channels[level], pad = design_.downsample_padding;
    if (design_.down[level].residual_sampling) return residual(name, channels, channels, 1, size_change::halved);
    const convolution halving{.in = channels, .out = channels, .size = 3, .stride = 2, .pad = pad, .pad_behind = 1};
    return sampling_block{load_convolution(from_, name + ".conv", halving)};
  }

  block upsampler(const std::string& name, std::size_t level)
  {
    const std::size_t channels = design_.channels[level];
    if (design_.up[design_.channels.size() - 1 - level].residual_sampling)
      return residual(name, channels, channels, 1, size_change::doubled);
    return sampling_block{load_convolution(from_, name + ".conv", conv3x3(channels, channels)), 2};
  }

  void encoder(std::vector<connection>& connections)
  {
    std::size_t in = design_.channels.front();
    push(connections, in, sampling_block{load_convolution(from_, "conv_in", conv3x3(design_.in_channels, in))});
    for (std::size_t level = 0; level < design_.channels.size(); ++level) {
      const std::string name = "down_blocks." + std::to_string(level);
      const std::size_t out = design_.channels[level];
      for (std::size_t layer = 0; layer < design_.layers_per_block; ++layer, in = out) {
        const std::string number = std::to_string(layer);
        push(connections, out, residual(name + ".resnets." + number, in, out));
        if (design_.down[level].attention)
          connections.back().down.push_back(attention(name + ".attentions." + number, out, design_.norm_groups));
      }
      if (level + 1 == design_.channels.size()) break;
      push(connections, out, downsampler(name + ".downsamplers.0", level));
    }
  }

  std::vector<block> middle()
  {
    const std::size_t channels = design_.channels.back();
    std::vector<block> blocks{residual("mid_block.resnets.0", channels, channels, design_.mid_scale)};
    if (design_.mid_attention)
      blocks.push_back(attention("mid_block.attentions.0", channels, mid_norm_groups(design_), design_.mid_scale));
    blocks.push_back(residual("mid_block.resnets.1", channels, channels, design_.mid_scale));
    return blocks;
  }

  /// Takes the connections in reverse.
  void decoder(std::vector<connection>& connections)
  {
    const std::size_t levels = design_.channels.size();
    std::size_t in = design_.channels.back(), number = connections.size();
    for (std::size_t level = levels; level-- > 0;) {
      const std::string name = "up_blocks." + std::to_string(levels - 1 - level);
      const std::size_t out = design_.channels[level];
      for (std::size_t layer = 0; layer <= design_.layers_per_block; ++layer, in = out) {
        const std::string layer_number = std::to_string(layer);
        std::vector<block>& up = connections[--number].up;
        up.push_back(residual(name + ".resnets." + layer_number, in + skip_channels_[number], out));
        if (design_.up[levels - 1 - level].attention)
          up.push_back(attention(name + ".attentions." + layer_number, out, design_.norm_groups));
      }
      if (level == 0) break;
      connections[number].up.push_back(upsampler(name + ".upsamplers.0", level));
    }
  }

  void push(std::vector<connection>& connections, std::size_t channels, block first)
  {
    connections.emplace_back();
    connections.back().down.push_back(std::move(first));
    skip_channels_.push_back(channels);
  }

  const blueprint& design_;
  weights& from_;
  std::vector<std::size_t> skip_channels_;
};

}  // namespace detail

/// Builds the network of a blueprint from the tensors of a checkpoint, and leaves in `from` those that it has no place
/// for. Throws std::invalid_argument if the blueprint is inconsistent, std::runtime_error if a tensor is missing or has
/// another shape; the sentence names the tensor and both shapes.
inline network build_unet2d(const blueprint& design, weights& from)
{
  check(design);
  return detail::unet2d_loader(design, from).load();
}

}  // namespace fewstep::nn
