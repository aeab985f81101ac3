/// @file
/// The noise source that gives the numbers of torch.randn on the CPU, so that a seed gives the picture that Python
/// gave.
#pragma once

#include "fewstep/random/torch_normal.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

namespace fewstep {

/// Each draw is one torch.randn of x's shape from `generator`, in the order in which the rows ask: what diffusers'
/// pipelines draw with one generator. The start is drawn first:
///
///     torch_noise noise{torch_normal(seed)};
///     auto x = noise.start(shape);
///     x = sample(plan, x, denoise, noise);
///
/// It has a state, so a run that is to be continued stores `run.source().generator.state()` beside its own. Schedulers
/// that draw noise and then drop it (Euler, consistency) advance Python's generator where this one rests.
struct torch_noise {
  torch_normal generator;

  template <has_elements X>
  void operator()(const X&, const evaluation&, X& out)
  {
    edit_elements(out, [&](auto numbers) { generator.fill(numbers); });
  }

  /// The normals from which a run starts, in the shape of x, times `deviation`.
  template <has_elements X>
  X start(const X& x, double deviation = 1)
  {
    X drawn = duplicate(x);
    edit_elements(drawn, [&](auto numbers) { generator.fill(numbers); });
    tensor_traits<X>::combine(drawn, deviation, {});
    return drawn;
  }
};

}  // namespace fewstep
