/// @file
/// The architecture of diffusers' UNet2DModel as a value, and its reader: the config.json of a checkpoint. It is longer
/// than most headers: every key stands in the value, the reader and the checks, which change together.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/nn/packet.hpp"

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// What a block of layers has besides residual blocks.
struct block_kind {
  bool attention = false;  ///< after every residual block

  bool operator==(const block_kind&) const = default;
};

/// The keys of config.json under shorter names, with the defaults that diffusers gives to keys that old files lack.
struct blueprint {
  std::size_t in_channels = 3, out_channels = 3;
  std::vector<std::size_t> sample_size{};  ///< height and width it was trained on, empty if unknown; others may do
  bool center_input = false;               ///< 2 x - 1 before the first convolution
  bool cosines_first = true;               ///< flip_sin_to_cos
  double frequency_shift = 0;              ///< freq_shift
  std::vector<block_kind> down{{}, {true}, {true}, {true}};  ///< down_block_types, outermost first
  std::vector<block_kind> up{{true}, {true}, {true}, {}};    ///< up_block_types, innermost first
  std::vector<std::size_t> channels{224, 448, 672, 896};     ///< block_out_channels
  std::size_t layers_per_block = 2;
  std::size_t downsample_padding = 1;  ///< 1 on all sides; 0 stands for one line below and one column to the right
  double mid_scale = 1;                ///< mid_block_scale_factor, by which the middle blocks divide
  bool mid_attention = true;           ///< add_attention
  activation act = activation::silu;   ///< act_fn
  std::optional<std::size_t> head_width = 8;          ///< attention_head_dim; nothing stands for one head
  std::size_t norm_groups = 32;                       ///< norm_num_groups
  std::optional<std::size_t> mid_attention_groups{};  ///< attn_norm_num_groups; nothing stands for norm_groups
  double norm_eps = 1e-5;
  std::optional<std::size_t> classes{};  ///< num_class_embeds

  bool operator==(const blueprint&) const = default;
};

namespace detail {

[[noreturn]] inline void refuse(const std::string& sentence)
{
  throw std::invalid_argument(sentence);
}

inline void require_divides(std::size_t divisor, std::string_view name, std::size_t channels)
{
  if (divisor == 0 || channels % divisor != 0)
    refuse(std::string(name) + " must divide every number of channels it meets, but is " + std::to_string(divisor) +
           " where there are " + std::to_string(channels) + " channels");
}

inline void require_head_width(const blueprint& b)
{
  if (!b.head_width) return;
  const std::size_t levels = b.channels.size();
  for (std::size_t level = 0; level < levels; ++level) {
    const bool middle = level + 1 == levels && b.mid_attention;
    if (b.down[level].attention || b.up[levels - 1 - level].attention || middle)
      require_divides(*b.head_width, "attention_head_dim", b.channels[level]);
  }
}

}  // namespace detail

/// Throws std::invalid_argument, naming keys and both numbers, if the parts do not fit together.
inline void check(const blueprint& b)
{
  const std::size_t levels = b.channels.size();
  if (levels > 30) detail::refuse("a network of " + std::to_string(levels) + " levels is taken for a mistake");
  const auto count = [](std::size_t number, const char* of) { return std::to_string(number) + " " + of; };
  if (levels == 0 || b.down.size() != levels || b.up.size() != levels)
    detail::refuse("block_out_channels, down_block_types and up_block_types must have the same length, but there are " +
                   count(levels, "numbers of channels, ") + count(b.down.size(), "down blocks and ") +
                   count(b.up.size(), "up blocks"));
  for (const auto& [number, name] : {std::pair(b.in_channels, "in_channels"),
                                     {b.out_channels, "out_channels"},
                                     {b.layers_per_block, "layers_per_block"},
                                     {b.classes.value_or(1), "num_class_embeds"}})
    if (number == 0) detail::refuse(std::string(name) + " must be positive, but is 0");
  for (const std::size_t channels : b.channels) {
    if (channels == 0) detail::refuse("block_out_channels must be positive, but one is 0");
    detail::require_divides(b.norm_groups, "norm_num_groups", channels);
  }
  detail::require_divides(b.mid_attention_groups.value_or(b.norm_groups), "attn_norm_num_groups", b.channels.back());
  detail::require_head_width(b);
  if (b.channels.front() % 2 != 0)
    detail::refuse("the first of block_out_channels is the width of the time embedding and must be even, but is " +
                   std::to_string(b.channels.front()));
  if (!(b.frequency_shift < static_cast<double>(b.channels.front() / 2)))
    detail::refuse("freq_shift must be below half of the first of block_out_channels, " +
                   std::to_string(b.channels.front() / 2) + ", but is " + std::to_string(b.frequency_shift));
  if (b.downsample_padding > 1)
    detail::refuse("downsample_padding must be 0 or 1, but is " + std::to_string(b.downsample_padding));
  if (!(b.mid_scale > 0))
    detail::refuse("mid_block_scale_factor must be positive, but is " + std::to_string(b.mid_scale));
  if (!(b.norm_eps > 0)) detail::refuse("norm_eps must be positive, but is " + std::to_string(b.norm_eps));
}

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

/// Refuses, by name, what selects a layer that this engine has not.
inline void require_known(json::object_reader& config)
{
  const auto only = [&](std::string_view key, std::string_view word) {
    if (config.has(key) && config.get<std::string>(key) != word) config.refuse(key, json::detail::in_quotes(word));
  };
  only("_class_name", "UNet2DModel");
  only("time_embedding_type", "positional");
  only("resnet_time_scale_shift", "default");
  only("downsample_type", "conv");
  only("upsample_type", "conv");
  if (config.find<std::string>("class_embed_type")) config.refuse("class_embed_type", "null");
}

inline blueprint read_keys(json::object_reader& config, const json::value& document)
{
  const blueprint standard;
  blueprint b;
  b.in_channels = config.get_or("in_channels", standard.in_channels);
  b.out_channels = config.get_or("out_channels", standard.out_channels);
  b.sample_size = read_sample_size(config, document);
  b.center_input = config.get_or("center_input_sample", standard.center_input);
  b.cosines_first = config.get_or("flip_sin_to_cos", standard.cosines_first);
  b.frequency_shift = config.get_or("freq_shift", standard.frequency_shift);
  b.down = read_kinds(config, "down_block_types", {{"DownBlock2D", {}}, {"AttnDownBlock2D", {true}}}, standard.down);
  b.up = read_kinds(config, "up_block_types", {{"UpBlock2D", {}}, {"AttnUpBlock2D", {true}}}, standard.up);
  b.channels = config.get_or("block_out_channels", standard.channels);
  b.layers_per_block = config.get_or("layers_per_block", standard.layers_per_block);
  b.downsample_padding = config.get_or("downsample_padding", standard.downsample_padding);
  b.mid_scale = config.get_or("mid_block_scale_factor", standard.mid_scale);
  b.mid_attention = config.get_or("add_attention", standard.mid_attention);
  b.act = config.one_of_or<activation>(
      "act_fn", {{"silu", activation::silu}, {"swish", activation::silu}, {"gelu", activation::gelu}}, standard.act);
  b.head_width = config.get_or("attention_head_dim", standard.head_width);
  b.norm_groups = config.get_or("norm_num_groups", standard.norm_groups);
  b.mid_attention_groups = config.find<std::size_t>("attn_norm_num_groups");
  b.norm_eps = config.get_or("norm_eps", standard.norm_eps);
  b.classes = config.find<std::size_t>("num_class_embeds");
  return b;
}

}  // namespace detail

/// A blueprint and the keys of the configuration that say nothing to this engine.
struct read_blueprint_result {
  blueprint design{};
  std::vector<std::string> unused{};
};

/// Reads the configuration of a UNet2DModel; `where`, the path of the file, begins the sentences of errors. Throws
/// std::runtime_error for a value of a wrong type, one that names a layer which this engine has not, and values that do
/// not fit together.
inline read_blueprint_result read_blueprint(const json::value& document, const std::string& where)
{
  json::object_reader config(document, where);
  detail::require_known(config);
  read_blueprint_result out{.design = detail::read_keys(config, document)};
  for (const char* of_training : {"_diffusers_version", "_name_or_path", "dropout", "num_train_timesteps"})
    config.ignore(of_training);
  out.unused = config.unused();
  try {
    check(out.design);
  } catch (const std::invalid_argument& misfit) {
    throw std::runtime_error(where + ": " + misfit.what());
  }
  return out;
}

}  // namespace fewstep::nn
