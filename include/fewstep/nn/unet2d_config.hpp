/// @file
/// The config.json of diffusers' UNet2DModel, read.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/nn/blueprint.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/read_design.hpp"

#include <cstddef>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep::nn {

namespace detail {

using block_names = std::initializer_list<std::pair<std::string_view, block_kind>>;

inline std::vector<block_kind> read_kinds(json::object_reader& config, std::string_view key, block_names known,
                                          std::vector<block_kind> fallback)
{
  if (!config.has(key)) return fallback;
  std::vector<block_kind> out;
  for (const std::string& name : config.get<std::vector<std::string>>(key)) {
    std::string list;
    const std::size_t before = out.size();
    for (const auto& [word, kind] : known) {
      if (word == name) out.push_back(kind);
      list += (list.empty() ? "" : ", ") + std::string(word);
    }
    if (out.size() == before)
      throw std::runtime_error(config.place(key) + "[" + std::to_string(before) + "] must be one of " + list +
                               ", but is " + json::detail::in_quotes(name));
  }
  return out;
}

/// Null, one number for a square, or height and width.
inline std::vector<std::size_t> read_sample_size(json::object_reader& config, const json::value& document)
{
  const json::value* found = document.find("sample_size");
  if (found && found->kind() == json::kind::array) {
    const auto sizes = config.get<std::vector<std::size_t>>("sample_size");
    config.require(sizes.size() == 2, "sample_size", "a number, or height and width");
    return sizes;
  }
  const auto side = config.find<std::size_t>("sample_size");
  return side ? std::vector<std::size_t>{*side, *side} : std::vector<std::size_t>{};
}

/// Which of two words a key has: whether it is the second one. The first one is the default.
inline bool is_second(json::object_reader& config, std::string_view key, std::string_view first,
                      std::string_view second)
{
  return config.one_of_or<bool>(key, {{first, false}, {second, true}}, false);
}

/// Null stands for labels.
inline class_input read_class_input(json::object_reader& config)
{
  if (!config.find<std::string>("class_embed_type")) return class_input::label;
  return config.one_of<class_input>("class_embed_type",
                                    {{"timestep", class_input::number}, {"identity", class_input::vector}});
}

/// The blocks of layers on the way down and up. Those with attention have the sampler that a key of its own names.
inline void read_blocks(json::object_reader& config, blueprint& b)
{
  const bool down = is_second(config, "downsample_type", "conv", "resnet");
  const bool up = is_second(config, "upsample_type", "conv", "resnet");
  for (block_kind& kind : b.down) kind.residual_sampling = kind.attention && down;
  for (block_kind& kind : b.up) kind.residual_sampling = kind.attention && up;
  b.down = read_kinds(
      config, "down_block_types",
      {{"DownBlock2D", {}}, {"AttnDownBlock2D", {true, down}}, {"ResnetDownsampleBlock2D", {false, true}}}, b.down);
  b.up = read_kinds(config, "up_block_types",
                    {{"UpBlock2D", {}}, {"AttnUpBlock2D", {true, up}}, {"ResnetUpsampleBlock2D", {false, true}}}, b.up);
}

inline blueprint read_keys(json::object_reader& config, const json::value& document)
{
  const blueprint standard;
  blueprint b;
  b.in_channels = config.get_or("in_channels", standard.in_channels);
  b.out_channels = config.get_or("out_channels", standard.out_channels);
  b.sample_size = read_sample_size(config, document);
  b.center_input = config.get_or("center_input_sample", standard.center_input);
  b.fourier_time = is_second(config, "time_embedding_type", "positional", "fourier");
  b.cosines_first = config.get_or("flip_sin_to_cos", standard.cosines_first);
  b.frequency_shift = config.get_or("freq_shift", standard.frequency_shift);
  read_blocks(config, b);
  b.channels = config.get_or("block_out_channels", standard.channels);
  b.layers_per_block = config.get_or("layers_per_block", standard.layers_per_block);
  b.downsample_padding = config.get_or("downsample_padding", standard.downsample_padding);
  b.mid_scale = config.get_or("mid_block_scale_factor", standard.mid_scale);
  b.mid_attention = config.get_or("add_attention", standard.mid_attention);
  b.act = config.one_of_or<activation>(
      "act_fn", {{"silu", activation::silu}, {"swish", activation::silu}, {"gelu", activation::gelu}}, standard.act);
  b.scale_shift = is_second(config, "resnet_time_scale_shift", "default", "scale_shift");
  b.head_width = config.get_or("attention_head_dim", standard.head_width);
  b.norm_groups = config.get_or("norm_num_groups", standard.norm_groups);
  b.mid_attention_groups = config.find<std::size_t>("attn_norm_num_groups");
  b.norm_eps = config.get_or("norm_eps", standard.norm_eps);
  b.class_is = read_class_input(config);
  b.classes = config.find<std::size_t>("num_class_embeds");
  return b;
}

}  // namespace detail

/// Reads the configuration of a UNet2DModel; `where`, the path of the file, begins the sentences of errors. Throws
/// std::runtime_error for a value of a wrong type, one that names a layer which this engine has not, and values that do
/// not fit together.
inline read_design<blueprint> read_blueprint(const json::value& document, const std::string& where)
{
  json::object_reader config(document, where);
  if (config.has("_class_name")) config.one_of<bool>("_class_name", {{"UNet2DModel", true}});
  return detail::checked(detail::read_keys(config, document), config,
                         {"_diffusers_version", "_name_or_path", "dropout", "num_train_timesteps"}, where);
}

}  // namespace fewstep::nn
