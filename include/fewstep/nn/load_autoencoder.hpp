/// @file
/// AutoencoderKL from its configuration and weights.
#pragma once

#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/nn/autoencoder.hpp"
#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/blueprint.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/load_blocks.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/weights.hpp"

#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// The keys of an AutoencoderKL's config.json under shorter names, with the defaults of diffusers.
struct autoencoder_blueprint {
  std::size_t in_channels = 3, out_channels = 3, latent_channels = 4;
  std::vector<std::size_t> channels{64};  ///< block_out_channels
  std::size_t layers_per_block = 1;
  std::size_t norm_groups = 32;
  activation act = activation::silu;
  latent_scale scale{0.18215, 0};
  bool mid_attention = true;  ///< mid_block_add_attention
  bool quant_conv = true, post_quant_conv = true;
};

/// An autoencoder and the keys of its configuration that say nothing to this engine.
struct loaded_autoencoder {
  autoencoder net;
  std::vector<std::string> unused{};
};

namespace detail {

inline autoencoder_blueprint read_autoencoder_keys(json::object_reader& config)
{
  const autoencoder_blueprint standard;
  autoencoder_blueprint b;
  b.in_channels = config.get_or("in_channels", standard.in_channels);
  b.out_channels = config.get_or("out_channels", standard.out_channels);
  b.latent_channels = config.get_or("latent_channels", standard.latent_channels);
  b.channels = config.get_or("block_out_channels", standard.channels);
  b.layers_per_block = config.get_or("layers_per_block", standard.layers_per_block);
  b.norm_groups = config.get_or("norm_num_groups", standard.norm_groups);
  b.act = config.one_of_or<activation>(
      "act_fn", {{"silu", activation::silu}, {"swish", activation::silu}, {"gelu", activation::gelu}}, standard.act);
  b.scale.factor = config.get_or("scaling_factor", standard.scale.factor);
  b.scale.shift = config.find<double>("shift_factor").value_or(standard.scale.shift);
  b.mid_attention = config.get_or("mid_block_add_attention", standard.mid_attention);
  b.quant_conv = config.get_or("use_quant_conv", standard.quant_conv);
  b.post_quant_conv = config.get_or("use_post_quant_conv", standard.post_quant_conv);
  return b;
}

/// Throws unless there are as many blocks as numbers of channels, all of the one kind.
inline void require_blocks(json::object_reader& config, const char* key, const char* kind, std::size_t levels)
{
  const auto names = config.get_or(key, std::vector<std::string>{kind});
  for (const std::string& name : names)
    if (name != kind) config.refuse(key, std::string("a list of ") + json::detail::in_quotes(kind));
  if (names.size() != levels) config.refuse(key, "as long as \"block_out_channels\", " + std::to_string(levels));
}

inline autoencoder_blueprint read_autoencoder(json::object_reader& config)
{
  if (config.get_or<std::string>("_class_name", "AutoencoderKL") != "AutoencoderKL")
    config.refuse("_class_name", "\"AutoencoderKL\"");
  const autoencoder_blueprint b = read_autoencoder_keys(config);
  require_blocks(config, "down_block_types", "DownEncoderBlock2D", b.channels.size());
  require_blocks(config, "up_block_types", "UpDecoderBlock2D", b.channels.size());
  config.require(!b.channels.empty() && b.channels.size() < 16, "block_out_channels", "a list of 1 to 15 numbers");
  for (const std::size_t channels : b.channels)
    config.require(channels > 0 && b.norm_groups > 0 && channels % b.norm_groups == 0, "norm_num_groups",
                   "a divisor of every number of channels");
  config.require(b.layers_per_block > 0, "layers_per_block", "positive");
  config.require(b.scale.factor > 0, "scaling_factor", "positive");
  for (const char* key : {"latents_mean", "latents_std"})
    if (config.find<std::vector<double>>(key)) config.refuse(key, "null");
  for (const char* of_training : {"_diffusers_version", "_name_or_path", "sample_size", "force_upcast"})
    config.ignore(of_training);
  return b;
}

class autoencoder_loader {
public:
  autoencoder_loader(const autoencoder_blueprint& design, weights& from) : design_(design), from_(from) {}

  autoencoder load()
  {
    autoencoder net{.image_channels = design_.in_channels,
                    .latent_channels = design_.latent_channels,
                    .reduction = std::size_t{1} << (design_.channels.size() - 1),
                    .scale = design_.scale};
    encoder(net.encoder);
    decoder(net.decoder);
    return net;
  }

private:
  norm_design norm() const { return {design_.norm_groups, 1e-6}; }

  sampling_block conv(const std::string& name, const convolution& shape)
  {
    return {load_convolution(from_, name, shape)};
  }

  residual_block residual(const std::string& name, std::size_t in, std::size_t out)
  {
    return load_residual(from_, name, {in, out, 0, design_.act}, norm());
  }

  void middle(const std::string& name, std::vector<block>& to)
  {
    const std::size_t channels = design_.channels.back();
    to.push_back(residual(name + ".mid_block.resnets.0", channels, channels));
    if (design_.mid_attention)
      to.push_back(load_attention(from_, name + ".mid_block.attentions.0", {channels, 1}, norm()));
    to.push_back(residual(name + ".mid_block.resnets.1", channels, channels));
  }

  output_block output(const std::string& name, std::size_t in, std::size_t out)
  {
    return {load_norm(from_, name + ".conv_norm_out", in, design_.norm_groups, 1e-6), activation::silu,
            load_convolution(from_, name + ".conv_out", conv3x3(in, out))};
  }

  void encoder(std::vector<block>& to)
  {
    std::size_t in = design_.channels.front();
    to.push_back(conv("encoder.conv_in", conv3x3(design_.in_channels, in)));
    for (std::size_t level = 0; level < design_.channels.size(); ++level) {
      const std::string name = "encoder.down_blocks." + std::to_string(level);
      const std::size_t out = design_.channels[level];
      for (std::size_t layer = 0; layer < design_.layers_per_block; ++layer, in = out)
        to.push_back(residual(name + ".resnets." + std::to_string(layer), in, out));
      if (level + 1 < design_.channels.size())
        to.push_back(
            conv(name + ".downsamplers.0.conv", {.in = out, .out = out, .size = 3, .stride = 2, .pad_behind = 1}));
    }
    const std::size_t both = 2 * design_.latent_channels;
    middle("encoder", to);
    to.push_back(output("encoder", in, both));
    if (design_.quant_conv) to.push_back(conv("quant_conv", {.in = both, .out = both}));
  }

  void decoder(std::vector<block>& to)
  {
    const std::size_t latent = design_.latent_channels, levels = design_.channels.size();
    std::size_t in = design_.channels.back();
    if (design_.post_quant_conv) to.push_back(conv("post_quant_conv", {.in = latent, .out = latent}));
    to.push_back(conv("decoder.conv_in", conv3x3(latent, in)));
    middle("decoder", to);
    for (std::size_t level = levels; level-- > 0;) {
      const std::string name = "decoder.up_blocks." + std::to_string(levels - 1 - level);
      const std::size_t out = design_.channels[level];
      for (std::size_t layer = 0; layer <= design_.layers_per_block; ++layer, in = out)
        to.push_back(residual(name + ".resnets." + std::to_string(layer), in, out));
      if (level > 0)
        to.push_back(sampling_block{load_convolution(from_, name + ".upsamplers.0.conv", conv3x3(out, out)), 2});
    }
    to.push_back(output("decoder", in, design_.out_channels));
  }

  const autoencoder_blueprint& design_;
  weights& from_;
};

}  // namespace detail

/// Loads an AutoencoderKL. Throws std::runtime_error, with the path first, for files that are missing or damaged,
/// layers that this engine has not, and tensors that are missing, of another shape or without a place in the network.
inline loaded_autoencoder load_autoencoder(const model_files& files)
{
  json::object_reader config = json::read_object(files.config);
  const autoencoder_blueprint design = detail::read_autoencoder(config);
  weights tensors = weights::open(files.weights);
  loaded_autoencoder out{detail::autoencoder_loader(design, tensors).load(), config.unused()};
  tensors.require_empty();
  return out;
}

/// The same from a folder that diffusers saved: a pipeline with vae/, or an autoencoder alone.
inline loaded_autoencoder load_autoencoder(const std::filesystem::path& folder)
{
  return load_autoencoder(open_model(folder, "vae"));
}

}  // namespace fewstep::nn
