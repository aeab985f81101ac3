/// @file
/// A U-Net seen through its skip connections: one recursion with two hooks.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <concepts>
#include <cstddef>
#include <utility>

namespace fewstep {

/// A network of nested skip connections, numbered from the outside: connection 0 is the first convolution.
/// `down(i, h, e)` runs one piece of the encoder; what it returns goes deeper and, as the skip, across.
/// `up(i, deep, skip, e)` joins both (deep channels first) and runs the piece of the decoder that answers
/// `down(i)`. `enter` turns the state x into the feature that connection 0 reads, `leave` turns what `up(0)`
/// returned into the prediction. `embed` is told x, so that it may note its shape and batch.
/// What lies inside is a `feature`, which may be more than one tensor (NCSN++ carries two tensors down).
// clang-format off
template <class N, class X>
concept unet = requires(const N& net, const X& x, const typename N::feature& h, const typename N::embedding& e,
                        const evaluation& at, std::size_t i) {
  { net.connections() } -> std::convertible_to<std::size_t>;
  { net.embed(x, at) } -> std::convertible_to<typename N::embedding>;
  { net.enter(x, e) } -> std::convertible_to<typename N::feature>;
  { net.down(i, h, e) } -> std::convertible_to<typename N::feature>;
  { net.middle(h, e) } -> std::convertible_to<typename N::feature>;
  { net.up(i, h, h, e) } -> std::convertible_to<typename N::feature>;
  { net.leave(h, e) } -> std::convertible_to<X>;
};
// clang-format on

/// The join hook that changes nothing.
struct plain_join {
  template <class H>
  void operator()(std::size_t, const H&, H&, const evaluation&) const
  {
  }
};

/// The cache hook that keeps nothing.
struct no_cache {
  template <class F>
  auto operator()(std::size_t, const evaluation&, F&& below) const
  {
    return below();
  }
};

/// Evaluates `net` from the outermost connection inwards and back.
///
/// `join(i, deep, skip, at)` is called where connection i meets the decoder and may change the skip that is
/// concatenated; what goes deeper inside the encoder is not touched by it. `cache(i, at, below)` returns
/// what lies below connection i, the decoder feature that meets skip i: by calling `below()`, or a
/// reference to an earlier value of it.
template <class X, unet<X> N, class J = plain_join, class C = no_cache>
X evaluate(const N& net, const X& x, const evaluation& at, J&& join = {}, C&& cache = {})
{
  using feature = typename N::feature;
  const auto embedding = net.embed(x, at);
  const auto level = [&](const auto& self, std::size_t i, const feature& h) -> feature {
    feature skip = net.down(i, h, embedding);
    const auto below = [&]() -> feature {
      return i + 1 < net.connections() ? self(self, i + 1, skip) : net.middle(skip, embedding);
    };
    const auto& deep = cache(i, at, below);
    join(i, deep, skip, at);
    return net.up(i, deep, skip, embedding);
  };
  return net.leave(level(level, 0, net.enter(x, embedding)), embedding);
}

}  // namespace fewstep
