/// @file
/// A batch of images: the state that a sampler moves when the network is the engine of `nn/`.
#pragma once

#include "fewstep/tensor/contiguous.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::nn {

/// Numbers (count, channels, height, width), width fastest, as checkpoints and other frameworks lay them out.
struct images {
  std::size_t count = 0, channels = 0, height = 0, width = 0;
  std::vector<float> values = std::vector<float>(count * channels * height * width);

  float* data() { return values.data(); }
  const float* data() const { return values.data(); }
  std::size_t size() const { return values.size(); }

  bool operator==(const images&) const = default;
};

/// "(2, 3, 32, 32)", for the sentences of errors.
inline std::string shape_of(const images& x)
{
  return "(" + std::to_string(x.count) + ", " + std::to_string(x.channels) + ", " + std::to_string(x.height) + ", " +
         std::to_string(x.width) + ")";
}

/// Throws std::invalid_argument, naming both numbers, unless x holds as many numbers as its shape says.
inline void require_filled(const images& x)
{
  const std::size_t size = x.count * x.channels * x.height * x.width;
  if (x.size() != size)
    throw std::invalid_argument("images of shape " + shape_of(x) + " must hold " + std::to_string(size) +
                                " numbers, but hold " + std::to_string(x.size()));
}

}  // namespace fewstep::nn

/// Images are a tensor.
template <>
inline constexpr bool fewstep::is_contiguous<fewstep::nn::images> = true;
