/// @file
/// The architecture of diffusers' UNet2DConditionModel as a value: Stable Diffusion 1 and 2, SDXL, latent consistency
/// models.
#pragma once

#include "fewstep/nn/blueprint.hpp"
#include "fewstep/nn/packet.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::nn {

/// SDXL's second kind of condition: a text as one vector, and numbers such as the size of the picture.
struct added_design {
  std::size_t inputs = 0;        ///< projection_class_embeddings_input_dim: the vector's width and that of all numbers
  std::size_t number_width = 0;  ///< addition_time_embed_dim: sines and cosines for each number

  bool operator==(const added_design&) const = default;
};

/// The keys of config.json under shorter names, with the defaults that diffusers gives to keys that old files lack.
/// What a blueprint has too means the same here; lists have an entry for each level.
struct condition_blueprint {
  std::size_t in_channels = 4, out_channels = 4;
  std::vector<std::size_t> sample_size{};
  bool center_input = false, cosines_first = true;
  double frequency_shift = 0;
  std::vector<block_kind> down{{true}, {true}, {true}, {}};  ///< attention is a transformer here
  std::vector<block_kind> up{{}, {true}, {true}, {true}};
  std::vector<std::size_t> channels{320, 640, 1280, 1280};
  std::vector<std::size_t> layers = std::vector<std::size_t>(4, 2);  ///< layers_per_block
  /// attention_head_dim, which is the number of heads here.
  std::vector<std::size_t> heads = std::vector<std::size_t>(4, 8);
  /// transformer_layers_per_block, and the same or reverse_transformer_layers_per_block, reversed, on the way up.
  std::vector<std::size_t> down_transformers = std::vector<std::size_t>(4, 1), up_transformers = down_transformers;
  std::size_t downsample_padding = 1;
  double mid_scale = 1;
  bool middle = true;              ///< mid_block_type
  bool linear_projection = false;  ///< use_linear_projection
  activation act = activation::silu;
  std::size_t norm_groups = 32;
  double norm_eps = 1e-5;
  std::size_t text_width = 1280;                ///< cross_attention_dim
  std::optional<std::size_t> classes{};         ///< num_class_embeds
  std::optional<std::size_t> guidance_width{};  ///< time_cond_proj_dim
  std::optional<added_design> added{};          ///< addition_embed_type "text_time"

  bool operator==(const condition_blueprint&) const = default;
};

/// Throws std::invalid_argument, naming keys and both numbers, if the parts do not fit together.
inline void check(const condition_blueprint& b)
{
  // the rules that both architectures share
  blueprint common{.in_channels = b.in_channels,
                   .out_channels = b.out_channels,
                   .frequency_shift = b.frequency_shift,
                   .down = b.down,
                   .up = b.up,
                   .channels = b.channels,
                   .downsample_padding = b.downsample_padding,
                   .mid_scale = b.mid_scale,
                   .norm_groups = b.norm_groups,
                   .norm_eps = b.norm_eps,
                   .classes = b.classes};
  common.head_width.reset();
  check(common);
  const std::size_t levels = b.channels.size();
  for (const auto& [list, name] : {std::pair(&b.layers, "layers_per_block"),
                                   {&b.heads, "attention_head_dim"},
                                   {&b.down_transformers, "transformer_layers_per_block"},
                                   {&b.up_transformers, "reverse_transformer_layers_per_block"}}) {
    if (list->size() != levels)
      detail::refuse(std::string(name) + " must be a number or have one for each of " + std::to_string(levels) +
                     " levels, but has " + std::to_string(list->size()));
    if (std::find(list->begin(), list->end(), 0u) != list->end())
      detail::refuse(std::string(name) + " must be positive, but is 0");
  }
  for (std::size_t level = 0; level < levels; ++level)
    if (b.down[level].attention || b.up[levels - 1 - level].attention || (b.middle && level + 1 == levels))
      detail::require_divides(b.heads[level], "attention_head_dim, the number of heads,", b.channels[level]);
  if (b.text_width == 0) detail::refuse("cross_attention_dim must be positive, but is 0");
  if (b.guidance_width && (*b.guidance_width % 2 != 0 || *b.guidance_width < 4))
    detail::refuse("time_cond_proj_dim must be even and at least 4, but is " + std::to_string(*b.guidance_width));
  if (b.added && (b.added->number_width == 0 || b.added->number_width % 2 != 0))
    detail::refuse("addition_time_embed_dim must be even and positive, but is " +
                   std::to_string(b.added->number_width));
  if (b.added && b.added->inputs <= b.added->number_width)
    detail::refuse("projection_class_embeddings_input_dim must be above addition_time_embed_dim, " +
                   std::to_string(b.added->number_width) + ", but is " + std::to_string(b.added->inputs));
}

}  // namespace fewstep::nn
