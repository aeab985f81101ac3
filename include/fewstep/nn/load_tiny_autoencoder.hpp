/// @file
/// AutoencoderTiny from its configuration and weights.
#pragma once

#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/load_blocks.hpp"
#include "fewstep/nn/plain_block.hpp"
#include "fewstep/nn/tiny_autoencoder.hpp"
#include "fewstep/nn/weights.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace fewstep::nn {

/// The keys of an AutoencoderTiny's config.json under shorter names; but for the lists, with the defaults of diffusers.
struct tiny_autoencoder_blueprint {
  std::size_t in_channels = 3, out_channels = 3, latent_channels = 4;
  std::size_t channels = 64;                  ///< of all blocks
  std::vector<std::size_t> encoder_blocks{};  ///< num_encoder_blocks
  std::vector<std::size_t> decoder_blocks{};  ///< num_decoder_blocks
  std::size_t enlarge = 2;                    ///< upsampling_scaling_factor
  double scaling_factor = 1;
};

/// A tiny autoencoder and the keys of its configuration that say nothing to this engine.
struct loaded_tiny_autoencoder {
  tiny_autoencoder net;
  std::vector<std::string> unused{};
};

namespace detail {

/// A list of one number, repeated for each of `levels` levels.
inline std::size_t read_same(json::object_reader& config, const char* key, std::size_t levels, std::size_t fallback)
{
  const auto numbers = config.get_or(key, std::vector<std::size_t>(levels, fallback));
  if (numbers.size() != levels || numbers.empty() || numbers.front() == 0 ||
      std::count(numbers.begin(), numbers.end(), numbers.front()) != std::ssize(numbers))
    config.refuse(key, "the same positive number for each of " + std::to_string(levels) + " levels");
  return numbers.front();
}

inline tiny_autoencoder_blueprint read_tiny_autoencoder(json::object_reader& config)
{
  const tiny_autoencoder_blueprint standard;
  for (const auto& [key, word] : {std::pair("_class_name", "AutoencoderTiny"), {"act_fn", "relu"}})
    if (config.get_or<std::string>(key, word) != word) config.refuse(key, json::detail::in_quotes(word));
  tiny_autoencoder_blueprint b;
  b.in_channels = config.get_or("in_channels", standard.in_channels);
  b.out_channels = config.get_or("out_channels", standard.out_channels);
  b.latent_channels = config.get_or("latent_channels", standard.latent_channels);
  b.encoder_blocks = config.get<std::vector<std::size_t>>("num_encoder_blocks");
  b.decoder_blocks = config.get<std::vector<std::size_t>>("num_decoder_blocks");
  b.channels = read_same(config, "encoder_block_out_channels", b.encoder_blocks.size(), standard.channels);
  if (read_same(config, "decoder_block_out_channels", b.decoder_blocks.size(), standard.channels) != b.channels)
    config.refuse("decoder_block_out_channels", "the same as \"encoder_block_out_channels\"");
  b.enlarge = config.get_or("upsampling_scaling_factor", standard.enlarge);
  config.require(b.enlarge > 0 && b.enlarge < 16, "upsampling_scaling_factor", "1 to 15");
  b.scaling_factor = config.get_or("scaling_factor", standard.scaling_factor);
  config.require(b.scaling_factor > 0, "scaling_factor", "positive");
  for (const char* without_effect : {"_diffusers_version", "_name_or_path", "force_upcast", "latent_magnitude",
                                     "latent_shift", "block_out_channels"})
    config.ignore(without_effect);
  return b;
}

/// Its tensors are named by their position among the layers, activations and enlargements counted.
class tiny_autoencoder_loader {
public:
  tiny_autoencoder_loader(const tiny_autoencoder_blueprint& design, weights& from) : design_(design), from_(from) {}

  tiny_autoencoder load()
  {
    tiny_autoencoder net{.image_channels = design_.in_channels,
                         .latent_channels = design_.latent_channels,
                         .encoder_reduction = std::size_t{1} << (design_.encoder_blocks.size() - 1),
                         .scale = {design_.scaling_factor, 0}};
    encoder(net.encoder);
    begin("decoder");
    net.decoder_in = load_convolution(from_, next(), conv3x3(design_.latent_channels, design_.channels));
    next();  // the activation
    decoder(net.decoder);
    return net;
  }

private:
  void begin(const char* part) { part_ = part, position_ = 0; }

  /// The name of the next layer.
  std::string next() { return part_ + ".layers." + std::to_string(position_++); }

  void blocks(std::size_t count, std::vector<block>& to)
  {
    const convolution shape = conv3x3(design_.channels, design_.channels);
    for (std::size_t k = 0; k < count; ++k) {
      const std::string name = next() + ".conv.";
      to.push_back(plain_block{load_convolution(from_, name + "0", shape), load_convolution(from_, name + "2", shape),
                               load_convolution(from_, name + "4", shape)});
    }
  }

  void encoder(std::vector<block>& to)
  {
    begin("encoder");
    const std::size_t channels = design_.channels;
    to.push_back(sampling_block{load_convolution(from_, next(), conv3x3(design_.in_channels, channels))});
    for (std::size_t level = 0; level < design_.encoder_blocks.size(); ++level) {
      convolution halving = conv3x3(channels, channels);
      halving.stride = 2;
      if (level > 0) to.push_back(sampling_block{load_convolution(from_, next(), halving, has_bias::no)});
      blocks(design_.encoder_blocks[level], to);
    }
    to.push_back(sampling_block{load_convolution(from_, next(), conv3x3(channels, design_.latent_channels))});
  }

  void decoder(std::vector<block>& to)
  {
    const std::size_t channels = design_.channels, levels = design_.decoder_blocks.size();
    for (std::size_t level = 0; level < levels; ++level) {
      blocks(design_.decoder_blocks[level], to);
      if (level + 1 == levels) break;
      next();  // the enlargement
      to.push_back(
          sampling_block{load_convolution(from_, next(), conv3x3(channels, channels), has_bias::no), design_.enlarge});
    }
    to.push_back(sampling_block{load_convolution(from_, next(), conv3x3(channels, design_.out_channels))});
  }

  const tiny_autoencoder_blueprint& design_;
  weights& from_;
  std::string part_{};
  std::size_t position_ = 0;
};

}  // namespace detail

/// Loads an AutoencoderTiny. Throws std::runtime_error, with the path first, for files that are missing or damaged,
/// layers that this engine has not, and tensors that are missing, of another shape or without a place in the network.
inline loaded_tiny_autoencoder load_tiny_autoencoder(const model_files& files)
{
  json::object_reader config = json::read_object(files.config);
  const tiny_autoencoder_blueprint design = detail::read_tiny_autoencoder(config);
  weights tensors = weights::open(files.weights);
  loaded_tiny_autoencoder out{detail::tiny_autoencoder_loader(design, tensors).load(), config.unused()};
  tensors.require_empty();
  return out;
}

/// The same from a folder that diffusers saved: a pipeline with vae/, or an autoencoder alone.
inline loaded_tiny_autoencoder load_tiny_autoencoder(const std::filesystem::path& folder)
{
  return load_tiny_autoencoder(open_model(folder, "vae"));
}

}  // namespace fewstep::nn
