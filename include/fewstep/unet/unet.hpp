/// @file
/// A U-Net seen through its skip connections: one recursion with two hooks.
#pragma once

#include "fewstep/schedule/noise_level.hpp"

#include <concepts>
#include <cstddef>
#include <optional>

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
  template <class H, class B>
  const H& operator()(std::size_t, const H&, const evaluation&, B&& below) const
  {
    return below();
  }
};

namespace detail {

/// A hook with a member `meet(net)` is told of the network before any work, and throws if it does not fit.
template <class K, class N>
void introduce(K& hook, const N& net)
{
  if constexpr (requires { hook.meet(net); }) hook.meet(net);
}

/// From what connection i reads on the way down to what it returns on the way up.
template <class N, class J, class C>
typename N::feature run_level(const N& net, std::size_t i, const typename N::feature& h, const typename N::embedding& e,
                              const evaluation& at, J& join, C& cache)
{
  using feature = typename N::feature;
  feature skip = net.down(i, h, e);
  std::optional<feature> made;
  const auto below = [&]() -> feature& {
    if (i + 1 < net.connections()) return made.emplace(run_level(net, i + 1, skip, e, at, join, cache));
    return made.emplace(net.middle(skip, e));
  };
  const feature& deep = cache(i, static_cast<const feature&>(skip), at, below);
  join(i, deep, skip, at);
  return net.up(i, deep, skip, e);
}

template <class X, unet<X> N, class J, class C>
typename N::feature run_levels(const N& net, const X& x, const typename N::embedding& e, const evaluation& at, J& join,
                               C& cache)
{
  return run_level(net, 0, net.enter(x, e), e, at, join, cache);
}

}  // namespace detail

/// Evaluates `net` from the outermost connection inwards and back.
///
/// `join(i, deep, skip, at)` is called where connection i meets the decoder and may change the skip that is
/// concatenated; what goes deeper inside the encoder is not touched by it. `cache(i, skip, at, below)` returns a
/// reference to what lies below connection i, the decoder feature that meets the skip: `below()`, which computes it and
/// may be moved from, or an earlier value of it. A hook may have a member `meet(net)`, which is called before any work.
template <class X, unet<X> N, class J = plain_join, class C = no_cache>
X evaluate(const N& net, const X& x, const evaluation& at, J&& join = {}, C&& cache = {})
{
  detail::introduce(join, net);
  detail::introduce(cache, net);
  const typename N::embedding e = net.embed(x, at);
  return net.leave(detail::run_levels(net, x, e, at, join, cache), e);
}

/// The same into `out`, for a network whose `leave(h, e, out)` writes into a prediction that exists.
template <class X, unet<X> N, class J = plain_join, class C = no_cache>
void evaluate_into(const N& net, const X& x, const evaluation& at, X& out, J&& join = {}, C&& cache = {})
{
  detail::introduce(join, net);
  detail::introduce(cache, net);
  const typename N::embedding e = net.embed(x, at);
  net.leave(detail::run_levels(net, x, e, at, join, cache), e, out);
}

/// Two join hooks, the first one first. Both must outlive it.
template <class A, class B>
class in_turn {
public:
  in_turn(A& first, B& second) : first_(first), second_(second) {}

  template <class N>
  void meet(const N& net)
  {
    detail::introduce(first_, net);
    detail::introduce(second_, net);
  }

  template <class H>
  void operator()(std::size_t i, const H& deep, H& skip, const evaluation& at)
  {
    first_(i, deep, skip, at);
    second_(i, deep, skip, at);
  }

private:
  A& first_;
  B& second_;
};

}  // namespace fewstep
