/// @file
/// Tensors of golden files as the U-Net engine takes and gives them.
#pragma once

#include "golden.hpp"

#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/io/tensor_view.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/image_layout.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace conformance {

using fewstep::nn::images;

inline numbers doubles(std::span<const float> values)
{
  return {values.begin(), values.end()};
}

/// Recorded numbers of `shape`, whose last four dimensions are images and whose first, if there is a fifth, is steps;
/// those of one step. Throws mismatch for another rank and for a step that is not there.
inline images images_of(const fewstep::tensor_view& view, std::size_t step = 0)
{
  const auto& s = view.shape;
  const std::size_t steps = s.size() == 5 ? s[0] : 1;
  if (s.size() < 4 || s.size() > 5 || step >= steps) throw mismatch(view.name + " holds no images for every step");
  images out{s[s.size() - 4], s[s.size() - 3], s[s.size() - 2], s[s.size() - 1], {}};
  const std::vector<float> all = to_float(view);
  const auto size = static_cast<std::ptrdiff_t>(all.size() / steps), first = static_cast<std::ptrdiff_t>(step) * size;
  out.values.assign(all.begin() + first, all.begin() + first + size);
  return out;
}

/// A feature in the order of the golden files: images, channels, rows, columns.
inline numbers channels_first(const fewstep::nn::feature& h)
{
  images out;
  fewstep::nn::detail::channels_first(h, out);
  return doubles(out.values);
}

/// Class labels as the engine takes them. Throws mismatch for numbers that are no ints.
inline std::vector<int> labels_of(const fewstep::tensor_view& view)
{
  std::vector<int> out;
  for (const std::int64_t label : to_int64(view)) {
    if (label < 0 || label > std::numeric_limits<int>::max()) throw mismatch(view.name + " holds no class labels");
    out.push_back(static_cast<int>(label));
  }
  return out;
}

/// The same of a row for each image, in which the label's number is 1 and the others are 0.
inline std::vector<int> labels_of_one_hot(const fewstep::tensor_view& view)
{
  const numbers all = to_double(view);
  const std::size_t width = view.shape.back();
  std::vector<int> out;
  for (std::size_t k = 0; k < all.size(); ++k)
    if (all[k] == 1) out.push_back(static_cast<int>(k % width));
  if (out.size() * width != all.size()) throw mismatch(view.name + " holds no labels");
  return out;
}

/// The numbers of one image.
inline std::vector<float> image_of(const images& x, std::size_t k)
{
  const auto size = static_cast<std::ptrdiff_t>(x.size() / x.count);
  const auto first = x.values.begin() + static_cast<std::ptrdiff_t>(k) * size;
  return {first, first + size};
}

/// What a network that is told the time alone is asked at.
inline fewstep::evaluation at_time(double t)
{
  return {{t, 1, 0}, 0, t};
}

}  // namespace conformance
