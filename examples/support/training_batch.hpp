/// @file
/// What one step of training sees: sprites, labels, noise and uniform numbers, all keyed by seed and step, so that a
/// run that is killed and resumed sees what it would have seen.
#pragma once

#include "augment.hpp"
#include "sprites.hpp"

#include "fewstep/adapt/torch_gradients.hpp"
#include "fewstep/random/philox.hpp"
#include "fewstep/train/batch.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace examples {

struct batch_options {
  std::size_t size = 64;
  std::uint64_t seed = 1;
  double drop_class = 0.1;  ///< part of the images whose label is taken away
  std::int64_t no_class = 10;
  double augment = 0.25;
};

/// One batch. The uniform numbers of image j are uniforms[j]: for its level, and for the one a discriminator sees it
/// at.
struct training_batch {
  fewstep::train::batch<at::Tensor> clean;
  at::Tensor labels;
  at::Tensor fresh_noise;  ///< for what is noised anew
  std::vector<std::array<double, 2>> uniforms;
};

/// The batch of step k on a device: image j is number k * size + j of the run, and depends on nothing else.
inline training_batch batch_at(std::size_t k, const labelled_images& data, const batch_options& o,
                               const at::Device& device = at::kCPU)
{
  constexpr std::uint32_t choices = 0, noise = 1, fresh = 2;
  constexpr std::size_t side = sprite_side, pixels = side * side;
  const auto count = static_cast<std::int64_t>(o.size);
  const auto images = [&] { return at::empty({count, 1, side, side}, at::kFloat); };
  training_batch out{{images(), images()}, at::empty({count}, at::kLong), images(), {}};
  const auto numbers = [](const at::Tensor& of, std::size_t j) {
    return std::span<float>(of.data_ptr<float>() + j * pixels, pixels);
  };
  for (std::size_t j = 0; j < o.size; ++j) {
    const std::uint64_t number = k * o.size + j;
    const auto uniform = [&](std::uint64_t i) {
      return fewstep::philox_uniform({.seed = o.seed, .sample = number, .row = choices}, i);
    };
    const std::size_t picked = std::min(static_cast<std::size_t>(uniform(0) * static_cast<double>(data.labels.size())),
                                        data.labels.size() - 1);
    const std::span<const float> sprite(data.images.data() + picked * pixels, pixels);
    const std::array<double, 6> moved{uniform(2), uniform(3), uniform(4), uniform(5), uniform(6), uniform(7)};
    if (o.augment > 0)
      apply(drawn_warp(moved, o.augment), sprite, numbers(out.clean.data, j), side);
    else
      std::copy(sprite.begin(), sprite.end(), numbers(out.clean.data, j).begin());
    out.labels.data_ptr<std::int64_t>()[j] = uniform(1) < o.drop_class ? o.no_class : data.labels[picked];
    fewstep::fill_normal(numbers(out.clean.noise, j), {.seed = o.seed, .sample = number, .row = noise});
    fewstep::fill_normal(numbers(out.fresh_noise, j), {.seed = o.seed, .sample = number, .row = fresh});
    out.uniforms.push_back({uniform(8), uniform(9)});
  }
  for (at::Tensor* part : {&out.clean.data, &out.clean.noise, &out.labels, &out.fresh_noise}) *part = part->to(device);
  return out;
}

}  // namespace examples
