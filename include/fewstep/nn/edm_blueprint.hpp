/// @file
/// The architectures of EDM (Karras et al. 2022, arXiv:2206.00364) as a value: SongUNet, which is DDPM++ and NCSN++
/// (Song et al. 2021, arXiv:2011.13456), and DhariwalUNet, which is ADM (Dhariwal and Nichol 2021, arXiv:2105.05233).
#pragma once

#include "fewstep/nn/blueprint.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

enum class edm_family { song, dhariwal };

/// The keyword arguments of EDMPrecond under shorter names. Defaults are those of DhariwalUNet.
struct edm_blueprint {
  edm_family family = edm_family::dhariwal;  ///< model_type
  std::size_t resolution = 64;               ///< img_resolution
  std::size_t image_channels = 3;            ///< img_channels
  std::size_t classes = 0;                   ///< label_dim
  double sigma_data = 0.5;
  std::size_t width = 192;                           ///< model_channels
  std::vector<std::size_t> multiples{1, 2, 3, 4};    ///< channel_mult, outermost first
  std::size_t embedding_multiple = 4;                ///< channel_mult_emb
  std::size_t layers_per_block = 3;                  ///< num_blocks
  std::vector<std::size_t> attention_at{32, 16, 8};  ///< attn_resolutions
  std::size_t augmentations = 0;                     ///< augment_dim
  std::size_t head_width = 64;                       ///< channels_per_head, of DhariwalUNet

  // of SongUNet alone
  bool fourier_time = false;             ///< embedding_type
  std::size_t time_multiple = 1;         ///< channel_mult_noise
  bool residual_encoder = false;         ///< encoder_type
  std::vector<double> filter{0.5, 0.5};  ///< resample_filter, scaled to a sum of 1

  bool is_song() const { return family == edm_family::song; }
  std::size_t levels() const { return multiples.size(); }
  std::size_t channels(std::size_t level) const { return width * multiples[level]; }
  std::size_t embedding_width() const { return width * embedding_multiple; }
  std::size_t time_width() const { return width * time_multiple; }

  bool has_attention(std::size_t level) const
  {
    return std::find(attention_at.begin(), attention_at.end(), resolution >> level) != attention_at.end();
  }

  bool operator==(const edm_blueprint&) const = default;
};

/// What EDM's code has where a key is missing.
inline edm_blueprint edm_defaults(edm_family family)
{
  if (family == edm_family::dhariwal) return {};
  return {.family = family,
          .width = 128,
          .multiples = {1, 2, 2, 2},
          .layers_per_block = 4,
          .attention_at = {16},
          .head_width = 0};
}

namespace detail {

inline void require_heads(const edm_blueprint& b)
{
  if (b.is_song()) return;
  for (std::size_t level = 0; level < b.levels(); ++level)
    if (b.has_attention(level) || level + 1 == b.levels())
      require_divides(b.head_width, "channels_per_head", b.channels(level));
}

inline void require_filter(const std::vector<double>& filter)
{
  double sum = 0;
  for (const double number : filter) sum += number;
  if (filter.empty() || filter.size() % 2 != 0 || !(std::abs(sum - 1) < 1e-6))
    refuse("resample_filter must have an even number of entries and a sum that is not 0, but has " +
           std::to_string(filter.size()) + " entries");
}

}  // namespace detail

/// Throws std::invalid_argument, naming keys and both numbers, if the parts do not fit together.
inline void check(const edm_blueprint& b)
{
  using detail::refuse;
  if (b.levels() == 0 || b.levels() > 30)
    refuse("channel_mult must have 1 to 30 entries, but has " + std::to_string(b.levels()));
  for (const auto& [number, name] : {std::pair(b.resolution, "img_resolution"),
                                     {b.image_channels, "img_channels"},
                                     {b.width, "model_channels"},
                                     {b.embedding_multiple, "channel_mult_emb"},
                                     {b.time_multiple, "channel_mult_noise"},
                                     {b.layers_per_block, "num_blocks"},
                                     {*std::min_element(b.multiples.begin(), b.multiples.end()), "channel_mult"}})
    if (number == 0) refuse(std::string(name) + " must be positive, but is 0");
  if (b.resolution % (std::size_t{1} << (b.levels() - 1)) != 0)
    refuse("img_resolution must be a multiple of " + std::to_string(std::size_t{1} << (b.levels() - 1)) + " for " +
           std::to_string(b.levels()) + " levels, but is " + std::to_string(b.resolution));
  if (b.width % 4 != 0) refuse("model_channels must be a multiple of 4, but is " + std::to_string(b.width));
  if (!(b.sigma_data > 0)) refuse("sigma_data must be positive, but is " + std::to_string(b.sigma_data));
  detail::require_heads(b);
  detail::require_filter(b.filter);
}

}  // namespace fewstep::nn
