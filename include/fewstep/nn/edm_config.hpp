/// @file
/// The keyword arguments of EDM's EDMPrecond, read.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/nn/edm_blueprint.hpp"
#include "fewstep/nn/read_design.hpp"

#include <cstddef>
#include <string>

namespace fewstep::nn {

namespace detail {

inline void read_song_keys(json::object_reader& config, edm_blueprint& b)
{
  b.fourier_time = config.one_of_or<bool>("embedding_type", {{"positional", false}, {"fourier", true}}, false);
  b.time_multiple = config.get_or("channel_mult_noise", b.time_multiple);
  b.residual_encoder = config.one_of_or<bool>("encoder_type", {{"standard", false}, {"residual", true}}, false);
  if (config.has("decoder_type")) config.one_of<bool>("decoder_type", {{"standard", true}});
  b.filter = config.get_or("resample_filter", b.filter);
  double sum = 0;
  for (const double number : b.filter) sum += number;
  for (double& number : b.filter) number /= sum;
}

inline edm_blueprint read_edm_keys(json::object_reader& config)
{
  edm_blueprint b = edm_defaults(config.one_of_or<edm_family>(
      "model_type", {{"SongUNet", edm_family::song}, {"DhariwalUNet", edm_family::dhariwal}}, edm_family::dhariwal));
  b.resolution = config.get<std::size_t>("img_resolution");
  b.image_channels = config.get<std::size_t>("img_channels");
  b.classes = config.get_or("label_dim", b.classes);
  b.sigma_data = config.get_or("sigma_data", b.sigma_data);
  b.width = config.get_or("model_channels", b.width);
  b.multiples = config.get_or("channel_mult", b.multiples);
  b.embedding_multiple = config.get_or("channel_mult_emb", b.embedding_multiple);
  b.layers_per_block = config.get_or("num_blocks", b.layers_per_block);
  b.attention_at = config.get_or("attn_resolutions", b.attention_at);
  b.augmentations = config.get_or("augment_dim", b.augmentations);
  if (b.family == edm_family::song)
    read_song_keys(config, b);
  else
    b.head_width = config.get_or("channels_per_head", b.head_width);
  return b;
}

}  // namespace detail

/// Reads the keyword arguments of an EDMPrecond; `where`, the path of the file, begins the sentences of errors. Throws
/// std::runtime_error for a value of a wrong type, one that names a layer which this engine has not, and values that do
/// not fit together.
inline read_design<edm_blueprint> read_edm_blueprint(const json::value& document, const std::string& where)
{
  json::object_reader config(document, where);
  config.one_of<bool>("_class_name", {{"EDMPrecond", true}});
  return detail::checked(detail::read_edm_keys(config), config,
                         {"dropout", "label_dropout", "use_fp16", "sigma_min", "sigma_max"}, where);
}

}  // namespace fewstep::nn
