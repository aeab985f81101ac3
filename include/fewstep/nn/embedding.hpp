/// @file
/// What the residual blocks are told about time and class: one vector per image.
#pragma once

#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// The conditions of an evaluation as the layers see them.
struct embedding {
  feature time{};  ///< (1, width, 1, images): as the residual blocks get it, before their activation
};

/// Sines and cosines of t times `width / 2` frequencies (Ho et al. 2020, arXiv:2006.11239, after Vaswani et al. 2017):
///
///     frequency k = 10000^(-k / (width / 2 - shift))
struct sinusoid {
  std::size_t width = 0;      ///< even
  bool cosines_first = true;  ///< diffusers' `flip_sin_to_cos`
  double shift = 0;           ///< diffusers' `freq_shift`
};

inline void embed_time(const sinusoid& s, double t, float* to)
{
  const std::size_t half = s.width / 2;
  float* const cosines = s.cosines_first ? to : to + half;
  float* const sines = s.cosines_first ? to + half : to;
  for (std::size_t k = 0; k < half; ++k) {
    const double exponent = static_cast<double>(k) / (static_cast<double>(half) - s.shift);
    const double angle = t * std::exp(-std::log(10000.0) * exponent);
    cosines[k] = static_cast<float>(std::cos(angle));
    sines[k] = static_cast<float>(std::sin(angle));
  }
}

/// linear_2(act(linear_1(sinusoid of t))) + the row of the class table.
struct embedder {
  sinusoid time{};
  convolution linear_1{}, linear_2{};
  activation act = activation::silu;
  std::size_t classes = 0;     ///< rows of the table; 0 means that there is none
  std::vector<float> table{};  ///< (classes, width of linear_2)
};

/// The embedding of `count` images, at their own times or all at t, with their own classes, one for all, or none.
inline embedding embed(const embedder& e, std::size_t count, std::span<const double> times, double t,
                       std::span<const int> labels, workspace& work)
{
  feature waves = work.make(1, e.time.width, 1, count);
  for (std::size_t image = 0; image < count; ++image)
    embed_time(e.time, times.empty() ? t : times[image], waves.pixel(0, 0, image));
  const feature hidden = convolve(e.linear_1, plain(waves), {}, work);
  feature out = convolve(e.linear_2, {{&hidden}, 1, count, nullptr, e.act}, {}, work);
  for (std::size_t image = 0; image < count && !labels.empty(); ++image) {
    const auto label = static_cast<std::size_t>(labels[labels.size() == 1 ? 0 : image]);
    const float* row = e.table.data() + label * e.linear_2.out;
    for (std::size_t c = 0; c < e.linear_2.out; ++c) out.pixel(0, 0, image)[c] += row[c];
  }
  return {std::move(out)};
}

}  // namespace fewstep::nn
