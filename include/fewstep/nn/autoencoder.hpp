/// @file
/// diffusers' AutoencoderKL, between pictures and the latents of Stable Diffusion (Rombach et al. 2022,
/// arXiv:2112.10752).
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/image_layout.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/workspace.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// The latents z of an autoencoder are not quite the states x that a U-Net denoises: x = (z - shift) * factor.
struct latent_scale {
  double factor = 1;  ///< scaling_factor
  double shift = 0;   ///< shift_factor
};

/// An autoencoder that is ready to run. It never changes, as `network`.
struct autoencoder {
  std::size_t image_channels = 0, latent_channels = 0;
  std::size_t reduction = 1;  ///< how many times larger than the latents the picture is, in each direction
  latent_scale scale{};       ///< `decode` and `encode` do not apply it
  std::vector<block> encoder{}, decoder{};
};

/// The law of the latents of a picture: independent normals.
struct latent_law {
  images mean{}, log_variance{};
};

namespace detail {

/// Throws std::invalid_argument unless x holds what `what` needs.
inline void require_shape(const images& x, const char* what, std::size_t channels, std::size_t multiple)
{
  if (x.channels != channels || x.count == 0 || x.height == 0 || x.width == 0 || x.height % multiple != 0 ||
      x.width % multiple != 0)
    throw std::invalid_argument(std::string(what) + " takes images with " + std::to_string(channels) +
                                " channels and a height and width that are multiples of " + std::to_string(multiple) +
                                ", but was given " + shape_of(x));
  require_filled(x);
}

inline images run(const std::vector<block>& blocks, const feature& x, workspace& work)
{
  return channels_first(nn::run(blocks, {&x}, {}, work));
}

}  // namespace detail

/// What a decoder reads, from what a sampler of a latent diffusion model returns: z = x / factor + shift.
inline images latents_of(const latent_scale& scale, images states)
{
  for (float& x : states.values) x = static_cast<float>(static_cast<double>(x) / scale.factor + scale.shift);
  return states;
}

/// What a sampler begins or goes on from, from what an encoder found: x = (z - shift) * factor.
inline images states_of(const latent_scale& scale, images latents)
{
  for (float& z : latents.values) z = static_cast<float>((static_cast<double>(z) - scale.shift) * scale.factor);
  return latents;
}

/// The pictures (count, image_channels, reduction * height, reduction * width) of latents, mostly within -1 and 1.
/// Throws std::invalid_argument for another shape.
inline images decode(const autoencoder& net, const images& latents, workspace& work)
{
  detail::require_shape(latents, "the decoder", net.latent_channels, 1);
  return detail::run(net.decoder, detail::channels_last(latents, work), work);
}

/// Throws std::invalid_argument for another shape.
inline latent_law encode(const autoencoder& net, const images& pictures, workspace& work)
{
  detail::require_shape(pictures, "the encoder", net.image_channels, net.reduction);
  const images both = detail::run(net.encoder, detail::channels_last(pictures, work), work);
  const std::size_t part = net.latent_channels * both.height * both.width;
  latent_law law;
  for (images* half : {&law.mean, &law.log_variance})
    *half = {both.count, net.latent_channels, both.height, both.width};
  for (std::size_t image = 0; image < both.count; ++image) {
    const float* from = both.data() + 2 * image * part;
    std::copy_n(from, part, law.mean.data() + image * part);
    std::copy_n(from + part, part, law.log_variance.data() + image * part);
  }
  return law;
}

/// mean + exp(log_variance / 2) * noise, where the logarithm is kept within -30 and 20; noise of the latents' shape is
/// standard normal. Throws std::invalid_argument for another shape.
inline images draw(const latent_law& law, const images& noise)
{
  images z = law.mean;
  if (shape_of(noise) != shape_of(z) || noise.size() != z.size())
    throw std::invalid_argument("latents of shape " + shape_of(z) + " cannot be drawn with noise of shape " +
                                shape_of(noise));
  for (std::size_t k = 0; k < z.size(); ++k)
    z.values[k] += std::exp(std::clamp(law.log_variance.values[k], -30.0f, 20.0f) / 2) * noise.values[k];
  return z;
}

}  // namespace fewstep::nn
