/// @file
/// Between images as the world lays them out, channels slowest, and features, channels fastest.
#pragma once

#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cstddef>

namespace fewstep::nn::detail {

/// The images with their channels fastest, each number as `map` has it.
template <class F>
feature channels_last(const images& x, workspace& work, F&& map)
{
  feature out = work.make(x.count, x.channels, x.height, x.width);
  const std::size_t pixels = x.height * x.width;
  for (std::size_t image = 0; image < x.count; ++image)
    for (std::size_t c = 0; c < x.channels; ++c) {
      const float* from = x.data() + (image * x.channels + c) * pixels;
      float* to = out.pixel(image, 0, 0) + c;
      for (std::size_t k = 0; k < pixels; ++k) to[k * x.channels] = map(from[k]);
    }
  return out;
}

inline feature channels_last(const images& x, workspace& work)
{
  return channels_last(x, work, [](float number) { return number; });
}

inline void channels_first(const feature& h, images& out)
{
  out.count = h.count(), out.channels = h.channels(), out.height = h.height(), out.width = h.width();
  out.values.resize(h.size());
  const std::size_t pixels = h.height() * h.width();
  for (std::size_t image = 0; image < h.count(); ++image)
    for (std::size_t c = 0; c < h.channels(); ++c) {
      const float* from = h.pixel(image, 0, 0) + c;
      float* to = out.data() + (image * h.channels() + c) * pixels;
      for (std::size_t k = 0; k < pixels; ++k) to[k] = from[k * h.channels()];
    }
}

inline images channels_first(const feature& h)
{
  images out;
  channels_first(h, out);
  return out;
}

}  // namespace fewstep::nn::detail
