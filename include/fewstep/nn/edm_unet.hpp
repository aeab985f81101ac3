/// @file
/// EDM's networks, from blueprint and weights. SongUNet and DhariwalUNet are one network that differs in a few numbers.
#pragma once

#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/edm_blueprint.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/load_edm_blocks.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/resample.hpp"
#include "fewstep/nn/waves.hpp"
#include "fewstep/nn/weights.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

namespace detail {

/// Loads the parts in the order in which EDM's code builds them, and so numbers the connections.
class edm_loader {
public:
  edm_loader(const edm_blueprint& design, weights& from) : design_(design), from_(from), blocks_(design, from) {}

  network load()
  {
    network net{.in_channels = design_.image_channels,
                .out_channels = design_.image_channels,
                .sample_size = {design_.resolution, design_.resolution},
                .size_multiple = std::size_t{1} << (design_.levels() - 1),
                .conditions = conditions()};
    net.preconditioning = edm_scaling{.sigma_data = design_.sigma_data};
    encoder(net.connections);
    const std::size_t innermost = design_.channels(design_.levels() - 1);
    net.middle.push_back(blocks_.residual(dec(design_.levels() - 1, "in0"), innermost, innermost));
    net.middle.push_back(blocks_.attention(dec(design_.levels() - 1, "in0"), innermost));
    net.middle.push_back(blocks_.residual(dec(design_.levels() - 1, "in1"), innermost, innermost));
    decoder(net.connections);
    const auto [norm_name, conv_name] = design_.is_song()
                                            ? std::pair(dec(0, "aux_norm"), dec(0, "aux_conv"))
                                            : std::pair<std::string, std::string>("model.out_norm", "model.out_conv");
    net.last = {blocks_.norm(norm_name, design_.channels(0)), activation::silu,
                load_convolution(from_, conv_name, conv3x3(design_.channels(0), design_.image_channels))};
    return net;
  }

private:
  std::string named(const char* side, std::size_t level, const std::string& what) const
  {
    const std::string resolution = std::to_string(design_.resolution >> level);
    return std::string("model.") + side + "." + resolution + "x" + resolution + "_" + what;
  }
  std::string enc(std::size_t level, const std::string& what) const { return named("enc", level, what); }
  std::string dec(std::size_t level, const std::string& what) const { return named("dec", level, what); }

  embedder conditions()
  {
    const std::size_t waves = design_.time_width(), width = design_.embedding_width();
    embedder e;
    if (design_.fourier_time)
      e.time = fourier_waves{from_.take("model.map_noise.freqs", {waves / 2})};
    else
      e.time = sinusoid{waves, !design_.is_song(), design_.is_song() ? 1.0 : 0.0};
    e.layers = {load_linear(from_, "model.map_layer0", waves, width),
                load_linear(from_, "model.map_layer1", width, width)};
    if (design_.classes > 0) e.classes = classes(design_.is_song() ? waves : width);
    // only training augments images
    if (design_.augmentations > 0) from_.take("model.map_augment.weight", {waves, design_.augmentations});
    return e;
  }

  /// A linear layer over one number for each class, of which one or none is set: to 1, by SongUNet to
  /// sqrt(number of classes).
  class_table classes(std::size_t width)
  {
    const std::size_t count = design_.classes;
    const std::vector<float> matrix = from_.take("model.map_label.weight", {width, count});
    const std::vector<float> none =
        design_.is_song() ? from_.take("model.map_label.bias", {width}) : std::vector<float>(width);
    const double set = design_.is_song() ? std::sqrt(static_cast<double>(count)) : 1;
    class_table table{.classes = count, .has_none = true, .before_layers = design_.is_song()};
    for (std::size_t label = 0; label < count; ++label)
      for (std::size_t c = 0; c < width; ++c)
        table.rows.push_back(
            static_cast<float>(static_cast<double>(matrix[c * count + label]) * set + static_cast<double>(none[c])));
    table.rows.insert(table.rows.end(), none.begin(), none.end());
    return table;
  }

  void encoder(std::vector<connection>& connections)
  {
    std::size_t in = design_.is_song() ? design_.width : design_.channels(0), beside = design_.image_channels;
    push(connections, in, sampling_block{load_convolution(from_, enc(0, "conv"), conv3x3(beside, in))});
    for (std::size_t level = 0; level < design_.levels(); ++level) {
      if (level > 0) push(connections, in, blocks_.residual(enc(level, "down"), in, in, size_change::halved));
      if (level > 0 && design_.residual_encoder) {
        connections.back().merges = blocks_.path_end_of(enc(level, "aux_residual"), beside, in);
        beside = in;
      }
      const std::size_t out = design_.channels(level);
      for (std::size_t layer = 0; layer < design_.layers_per_block; ++layer, in = out) {
        const std::string name = enc(level, "block" + std::to_string(layer));
        push(connections, out, blocks_.residual(name, in, out));
        // the second path begins at the image, and anew behind each of its ends but the last
        const connection& before = connections[connections.size() - 2];
        connections.back().forks = before.merges && level + 1 < design_.levels();
        if (design_.has_attention(level)) connections.back().down.push_back(blocks_.attention(name, out));
      }
    }
    connections.front().forks = design_.residual_encoder && design_.levels() > 1;
  }

  /// Takes the connections in reverse.
  void decoder(std::vector<connection>& connections)
  {
    std::size_t in = design_.channels(design_.levels() - 1), number = connections.size();
    for (std::size_t level = design_.levels(); level-- > 0;) {
      const std::size_t out = design_.channels(level);
      for (std::size_t layer = 0; layer <= design_.layers_per_block; ++layer, in = out) {
        const std::string name = dec(level, "block" + std::to_string(layer));
        std::vector<block>& up = connections[--number].up;
        up.push_back(blocks_.residual(name, in + skip_channels_[number], out));
        const bool last = layer == design_.layers_per_block;
        if (design_.has_attention(level) && (last || !design_.is_song())) up.push_back(blocks_.attention(name, out));
      }
      if (level == 0) break;
      connections[number].up.push_back(blocks_.residual(dec(level - 1, "up"), out, out, size_change::doubled));
    }
  }

  void push(std::vector<connection>& connections, std::size_t channels, block first)
  {
    connections.emplace_back();
    connections.back().down.push_back(std::move(first));
    skip_channels_.push_back(channels);
  }

  const edm_blueprint& design_;
  weights& from_;
  edm_blocks blocks_;
  std::vector<std::size_t> skip_channels_;
};

}  // namespace detail

/// Builds the network of a blueprint from the tensors of an EDMPrecond, and leaves in `from` those that it has no place
/// for. It is to be told EDM's time, ln(sigma) / 4, and given x scaled: `preconditioned(lane, *net.preconditioning)`
/// predicts data. Throws std::invalid_argument if the blueprint is inconsistent, std::runtime_error if a tensor is
/// missing or has another shape; the sentence names the tensor and both shapes.
inline network build_edm_unet(const edm_blueprint& design, weights& from)
{
  check(design);
  return detail::edm_loader(design, from).load();
}

}  // namespace fewstep::nn
