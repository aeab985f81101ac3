/// @file
/// A block without normalisation: what diffusers' AutoencoderTiny is made of.
#pragma once

#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cassert>
#include <cstddef>

namespace fewstep::nn {

/// relu(conv_3(relu(conv_2(relu(conv_1(x))))) + x).
struct plain_block {
  convolution conv_1{}, conv_2{}, conv_3{};
};

namespace detail {

/// x <- max(x, 0).
inline void relu(feature& x, workspace& work)
{
  const std::size_t line = x.width() * x.channels();
  const auto task = [&](std::size_t k, std::size_t) {
    float* const numbers = x.data() + k * line;
    for (std::size_t i = 0; i < line; ++i) numbers[i] = numbers[i] < 0 ? 0 : numbers[i];
  };
  work.threads().run(x.count() * x.height(), task, x.size() < worth_waking);
}

}  // namespace detail

/// Reads one feature.
inline feature run(const plain_block& b, const joined& x, const embedding&, workspace& work)
{
  assert(!x.second);
  const feature& from = *x.first;
  const auto activated = [&](const feature& h) {
    return input{.from = {&h}, .height = from.height(), .width = from.width(), .act = activation::relu};
  };
  const feature first = convolve(b.conv_1, plain(from), {}, work);
  const feature second = convolve(b.conv_2, activated(first), {}, work);
  feature out = convolve(b.conv_3, activated(second), {nullptr, &from}, work);
  detail::relu(out, work);
  return out;
}

}  // namespace fewstep::nn
