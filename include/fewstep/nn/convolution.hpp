/// @file
/// A convolution at work: the form that its layer was prepared for.
#pragma once

#include "fewstep/nn/convolution_layer.hpp"
#include "fewstep/nn/direct_convolution.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/winograd_convolution.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cassert>

namespace fewstep::nn {

/// Writes the convolution of x into `out`, whose shape must fit.
inline void convolve(const convolution& c, const input& x, const addend& plus, workspace& work, feature& out)
{
  assert(x.channels() == c.in && out.channels() == c.out);
  assert(out.height() == output_length(c, x.height) && out.width() == output_length(c, x.width));
  switch (c.tile) {
    case 4:
      return detail::convolve_tiles<4>(c, x, plus, work, out);
    case 2:
      return detail::convolve_tiles<2>(c, x, plus, work, out);
    default:
      return detail::convolve_taps(c, x, plus, work, out);
  }
}

/// The same into a new feature.
inline feature convolve(const convolution& c, const input& x, const addend& plus, workspace& work)
{
  feature out = work.make(x.from.first->count(), c.out, output_length(c, x.height), output_length(c, x.width));
  convolve(c, x, plus, work, out);
  return out;
}

}  // namespace fewstep::nn
