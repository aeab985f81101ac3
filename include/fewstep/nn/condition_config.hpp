/// @file
/// The reader of conditional networks: the config.json of a UNet2DConditionModel.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/nn/blueprint.hpp"
#include "fewstep/nn/condition_blueprint.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/read_design.hpp"
#include "fewstep/nn/unet2d_config.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep::nn {

namespace detail {

/// One number for all levels, or a list.
inline std::vector<std::size_t> read_levels(json::object_reader& config, const json::value& document,
                                            std::string_view key, std::size_t levels, std::size_t fallback)
{
  const json::value* found = document.find(key);
  if (found && found->kind() == json::kind::array) return config.get<std::vector<std::size_t>>(key);
  return std::vector<std::size_t>(levels, config.get_or(key, fallback));
}

/// cross_attention_dim: a number, or a list of equal ones.
inline std::size_t read_text_width(json::object_reader& config, const json::value& document, std::size_t fallback)
{
  const auto widths = read_levels(config, document, "cross_attention_dim", 1, fallback);
  if (widths.empty() || std::count(widths.begin(), widths.end(), widths.front()) != std::ssize(widths))
    config.refuse("cross_attention_dim", "the same at all levels");
  return widths.front();
}

/// Refuses, by name, what selects a layer that this engine has not.
inline void require_known_conditions(json::object_reader& config, const json::value& document)
{
  for (const char* key :
       {"encoder_hid_dim", "encoder_hid_dim_type", "class_embed_type", "time_embedding_dim", "time_embedding_act_fn",
        "timestep_post_act", "num_attention_heads", "cross_attention_norm", "mid_block_only_cross_attention"}) {
    const json::value* found = document.find(key);
    if (found && found->kind() != json::kind::null) config.refuse(key, "null");
    config.ignore(key);
  }
  for (const char* key :
       {"only_cross_attention", "dual_cross_attention", "resnet_skip_time_act", "class_embeddings_concat"})
    if (config.get_or(key, false)) config.refuse(key, "false");
  for (const auto& [key, word] : {std::pair("_class_name", "UNet2DConditionModel"),
                                  {"time_embedding_type", "positional"},
                                  {"resnet_time_scale_shift", "default"},
                                  {"attention_type", "default"}})
    if (config.has(key) && config.get<std::string>(key) != word) config.refuse(key, json::detail::in_quotes(word));
  for (const auto& [key, number] :
       {std::pair("resnet_out_scale_factor", 1.0), {"conv_in_kernel", 3.0}, {"conv_out_kernel", 3.0}})
    if (config.get_or(key, number) != number) config.refuse(key, std::to_string(static_cast<int>(number)));
}

inline std::optional<added_design> read_added(json::object_reader& config)
{
  const auto kind = config.find<std::string>("addition_embed_type");
  if (!kind) {
    config.ignore("addition_time_embed_dim"), config.ignore("projection_class_embeddings_input_dim");
    return std::nullopt;
  }
  config.require(*kind == "text_time", "addition_embed_type", "null or \"text_time\"");
  return added_design{config.get<std::size_t>("projection_class_embeddings_input_dim"),
                      config.get<std::size_t>("addition_time_embed_dim")};
}

inline condition_blueprint read_condition_keys(json::object_reader& config, const json::value& document)
{
  const condition_blueprint standard;
  condition_blueprint b;
  b.in_channels = config.get_or("in_channels", standard.in_channels);
  b.out_channels = config.get_or("out_channels", standard.out_channels);
  b.sample_size = read_sample_size(config, document);
  b.center_input = config.get_or("center_input_sample", standard.center_input);
  b.cosines_first = config.get_or("flip_sin_to_cos", standard.cosines_first);
  b.frequency_shift = config.get_or("freq_shift", standard.frequency_shift);
  b.down =
      read_kinds(config, "down_block_types", {{"DownBlock2D", {}}, {"CrossAttnDownBlock2D", {true}}}, standard.down);
  b.up = read_kinds(config, "up_block_types", {{"UpBlock2D", {}}, {"CrossAttnUpBlock2D", {true}}}, standard.up);
  b.channels = config.get_or("block_out_channels", standard.channels);
  const std::size_t levels = b.channels.size();
  b.layers = read_levels(config, document, "layers_per_block", levels, 2);
  b.heads = read_levels(config, document, "attention_head_dim", levels, 8);
  b.down_transformers = read_levels(config, document, "transformer_layers_per_block", levels, 1);
  const auto reverse = config.find<std::vector<std::size_t>>("reverse_transformer_layers_per_block");
  b.up_transformers = reverse ? std::vector(reverse->rbegin(), reverse->rend()) : b.down_transformers;
  b.downsample_padding = config.get_or("downsample_padding", standard.downsample_padding);
  b.mid_scale = config.get_or("mid_block_scale_factor", standard.mid_scale);
  const auto middle = config.get_or<std::optional<std::string>>("mid_block_type", "UNetMidBlock2DCrossAttn");
  if (middle && *middle != "UNetMidBlock2DCrossAttn")
    config.refuse("mid_block_type", "null or \"UNetMidBlock2DCrossAttn\"");
  b.middle = middle.has_value();
  b.linear_projection = config.get_or("use_linear_projection", standard.linear_projection);
  b.act = config.one_of_or<activation>(
      "act_fn", {{"silu", activation::silu}, {"swish", activation::silu}, {"gelu", activation::gelu}}, standard.act);
  b.norm_groups = config.get_or("norm_num_groups", standard.norm_groups);
  b.norm_eps = config.get_or("norm_eps", standard.norm_eps);
  b.text_width = read_text_width(config, document, standard.text_width);
  b.classes = config.find<std::size_t>("num_class_embeds");
  b.guidance_width = config.find<std::size_t>("time_cond_proj_dim");
  b.added = read_added(config);
  return b;
}

}  // namespace detail

/// Reads the configuration of a UNet2DConditionModel; `where`, the path of the file, begins the sentences of errors.
/// Throws std::runtime_error for a value of a wrong type, one that names a layer which this engine has not, and values
/// that do not fit together.
inline read_design<condition_blueprint> read_condition_blueprint(const json::value& document, const std::string& where)
{
  json::object_reader config(document, where);
  detail::require_known_conditions(config, document);
  // attention in single precision throughout, and what only other types of embedding read
  return detail::checked(
      detail::read_condition_keys(config, document), config,
      {"_diffusers_version", "_name_or_path", "dropout", "upcast_attention", "addition_embed_type_num_heads"}, where);
}

}  // namespace fewstep::nn
