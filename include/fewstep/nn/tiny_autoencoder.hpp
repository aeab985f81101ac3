/// @file
/// diffusers' AutoencoderTiny (TAESD): a small stand-in for AutoencoderKL, for previews and slow machines.
#pragma once

#include "fewstep/nn/autoencoder.hpp"
#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/image_layout.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/plain_block.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace fewstep::nn {

/// A tiny autoencoder that is ready to run. It never changes, as `network`.
struct tiny_autoencoder {
  std::size_t image_channels = 0, latent_channels = 0;
  std::size_t encoder_reduction = 1;  ///< by how much the encoder makes pictures smaller, in each direction
  latent_scale scale{};               ///< mostly 1 and 0; `decode` and `encode` do not apply it
  std::vector<block> encoder{};
  convolution decoder_in{};  ///< and max(y, 0) after it
  std::vector<block> decoder{};
};

/// Pictures, mostly within -1 and 1: 2 y - 1, where the layers turn 3 tanh(z / 3) into y. Throws std::invalid_argument
/// for another shape.
inline images decode(const tiny_autoencoder& net, const images& latents, workspace& work)
{
  detail::require_shape(latents, "the decoder", net.latent_channels, 1);
  const auto bounded = [](float z) { return std::tanh(z / 3) * 3; };
  feature h = convolve(net.decoder_in, plain(detail::channels_last(latents, work, bounded)), {}, work);
  detail::relu(h, work);
  images out = detail::run(net.decoder, h, work);
  for (float& y : out.values) y = 2 * y - 1;
  return out;
}

/// The latents of pictures within -1 and 1. Throws std::invalid_argument for another shape.
inline images encode(const tiny_autoencoder& net, const images& pictures, workspace& work)
{
  detail::require_shape(pictures, "the encoder", net.image_channels, net.encoder_reduction);
  const auto unit = [](float x) { return (x + 1) / 2; };
  return detail::run(net.encoder, detail::channels_last(pictures, work, unit), work);
}

}  // namespace fewstep::nn
