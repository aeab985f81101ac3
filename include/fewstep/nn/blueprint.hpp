/// @file
/// The architecture of diffusers' UNet2DModel as a value.
#pragma once

#include "fewstep/nn/packet.hpp"

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// What a block of layers has besides residual blocks.
struct block_kind {
  bool attention = false;          ///< after every residual block
  bool residual_sampling = false;  ///< a residual block changes the size at its end, in the place of a convolution

  bool operator==(const block_kind&) const = default;
};

/// How a network is told the class (class_embed_type).
enum class class_input { label, number, vector };

/// The keys of config.json under shorter names, with the defaults that diffusers gives to keys that old files lack.
struct blueprint {
  std::size_t in_channels = 3, out_channels = 3;
  std::vector<std::size_t> sample_size{};  ///< height and width it was trained on, empty if unknown; others may do
  bool center_input = false;               ///< 2 x - 1 before the first convolution
  bool fourier_time = false;               ///< time_embedding_type: Fourier waves of ln t, and an output divided by t
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
  bool scale_shift = false;            ///< resnet_time_scale_shift: the time scales and shifts a norm's output
  std::optional<std::size_t> head_width = 8;          ///< attention_head_dim; nothing stands for one head
  std::size_t norm_groups = 32;                       ///< norm_num_groups
  std::optional<std::size_t> mid_attention_groups{};  ///< attn_norm_num_groups; nothing: see `mid_norm_groups`
  double norm_eps = 1e-5;
  class_input class_is = class_input::label;
  std::optional<std::size_t> classes{};  ///< num_class_embeds, without which there are no labels

  bool operator==(const blueprint&) const = default;
};

/// The groups of the middle attention's norm, 0 if it has none: what diffusers does where the key says nothing.
inline std::size_t mid_norm_groups(const blueprint& b)
{
  return b.mid_attention_groups.value_or(b.scale_shift ? 0 : b.norm_groups);
}

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

inline void require_waves(const blueprint& b)
{
  const std::size_t half = b.channels.front() / 2;
  if (b.channels.front() % 2 != 0)
    refuse("the first of block_out_channels is the width of the time embedding and must be even, but is " +
           std::to_string(b.channels.front()));
  if (!(b.frequency_shift < static_cast<double>(half)))
    refuse("freq_shift must be below half of the first of block_out_channels, " + std::to_string(half) + ", but is " +
           std::to_string(b.frequency_shift));
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
  if (b.mid_attention_groups)
    detail::require_divides(*b.mid_attention_groups, "attn_norm_num_groups", b.channels.back());
  detail::require_head_width(b);
  if (!b.fourier_time) detail::require_waves(b);
  if (b.downsample_padding > 1)
    detail::refuse("downsample_padding must be 0 or 1, but is " + std::to_string(b.downsample_padding));
  if (!(b.mid_scale > 0))
    detail::refuse("mid_block_scale_factor must be positive, but is " + std::to_string(b.mid_scale));
  if (!(b.norm_eps > 0)) detail::refuse("norm_eps must be positive, but is " + std::to_string(b.norm_eps));
}

}  // namespace fewstep::nn
