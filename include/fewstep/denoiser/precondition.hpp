/// @file
/// Preconditioning: what stands between a network as it was trained and the data that it predicts. These wrappers, and
/// no others, turn a level's t into the network's own time.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <array>
#include <cmath>
#include <concepts>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

namespace detail {

/// Evaluates F at in * x into `out`, with `scratch` for the scaled x, and combines the two.
template <tensor X, class N>
void precondition(N& network, const X& x, const evaluation& at, const network_scaling& c, double target, X& out,
                  X& scratch)
{
  if (!std::isfinite(c.skip) || !std::isfinite(c.out) || !std::isfinite(c.in))
    throw std::invalid_argument("the network's prediction cannot be turned into data at (" + to_string(at) +
                                "): its scaling divides by a signal or noise of zero");
  const evaluation inner{{c.time, at.alpha, at.sigma}, at.row, target};
  if (c.in != 1) {
    scratch = x;
    tensor_traits<X>::combine(scratch, c.in, {});
  }
  predict(network, c.in != 1 ? std::as_const(scratch) : x, inner, out);
  tensor_traits<X>::combine(out, c.out, std::array{term<X>{c.skip, &x}});
}

}  // namespace detail

/// The data that `network` predicts. It is called with the scaled x and an evaluation whose t and target are the
/// network's own times. Copies x once an evaluation; the overload below does not. Throws std::invalid_argument at an
/// evaluation where the scaling is infinite: at alpha = 0, for all that divide by it.
template <class N, preconditioning S>
auto preconditioned(N network, S scaling)
{
  return [ network = detail::held<N>{std::move(network)}, scaling = std::move(scaling) ]<tensor X>(
      const X& x, const evaluation& at, X& out) requires single_denoiser<N, X>
  {
    X scratch = x;
    detail::precondition(network.call, x, at, scaling(at), scaling.time(at.target), out, scratch);
  };
}

/// The same with a buffer for the scaled x, of its shape. The wrapper belongs to one run at a time.
template <class N, preconditioning S, tensor X>
auto preconditioned(N network, S scaling, X scratch)
{
  return [
    network = detail::held<N>{std::move(network)}, scaling = std::move(scaling),
    scratch = detail::held<X>{std::move(scratch)}
  ](const X& x, const evaluation& at, X& out) requires single_denoiser<N, X>
  {
    detail::precondition(network.call, x, at, scaling(at), scaling.time(at.target), out, scratch.call);
  };
}

/// A denoiser that is told targets[row] in the place of the next row's time: for networks that jump elsewhere than to
/// the level that the row reaches (CTM). Throws std::out_of_range if a run has more rows.
template <class D>
auto with_targets(D denoise, std::vector<double> targets)
{
  return [ denoise = detail::held<D>{std::move(denoise)}, targets = std::move(targets) ]<tensor X>(
      const X& x, evaluation at, X& out) requires single_denoiser<D, X>
  {
    at.target = targets.at(at.row);
    predict(denoise.call, x, at, out);
  };
}

}  // namespace fewstep
