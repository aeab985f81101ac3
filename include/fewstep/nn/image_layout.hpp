/// @file
/// Images to features and back: their channels from slowest to fastest.
#pragma once

#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cstddef>

namespace fewstep::nn::detail {

/// The images with their channels fastest, and 2 x - 1 if they are to be centred.
inline feature channels_last(const images& x, bool centre, workspace& work)
{
  feature out = work.make(x.count, x.channels, x.height, x.width);
  const std::size_t pixels = x.height * x.width;
  for (std::size_t image = 0; image < x.count; ++image)
    for (std::size_t c = 0; c < x.channels; ++c) {
      const float* from = x.data() + (image * x.channels + c) * pixels;
      float* to = out.pixel(image, 0, 0) + c;
      for (std::size_t k = 0; k < pixels; ++k) to[k * x.channels] = centre ? 2 * from[k] - 1 : from[k];
    }
  return out;
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

}  // namespace fewstep::nn::detail
