/// @file
/// A network at work: one network, one workspace, one condition.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/condition.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/image_layout.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/normalisation.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/unet/identity.hpp"
#include "fewstep/unet/unet.hpp"

#include <cstddef>
#include <utility>

namespace fewstep::nn {

namespace detail {

/// Divides each image by its own number.
inline void divide(images& x, const feature& by)
{
  const std::size_t size = x.size() / x.count;
  for (std::size_t k = 0; k < x.size(); ++k) x.values[k] /= by.data()[k / size];
}

}  // namespace detail

/// Models `fewstep::unet`, so `fewstep::evaluate(lane, x, at, join, cache)` is the network, and is a denoiser itself.
/// Network and workspace must outlive it; the two halves of a guided denoiser share both. One thread may use the lanes
/// of a workspace at a time.
class lane {
public:
  using feature = nn::feature;
  using embedding = nn::embedding;

  /// Throws std::invalid_argument for class labels or values that are missing, not expected or out of range, and for
  /// times that the network cannot be told.
  lane(const network& net, workspace& work, conditioning condition = {}) :
      net_(&net),
      work_(&work),
      condition_(std::move(condition))
  {
    require_condition(net, condition_);
  }

  std::size_t connections() const { return net_->connections.size(); }

  /// Throws std::invalid_argument, before any work, if the shape of x does not fit the network or the condition, or if
  /// the network cannot be told the time.
  embedding embed(const images& x, const evaluation& at) const
  {
    require_images(*net_, condition_, x);
    if (condition_.timesteps.empty()) require_time(*net_, at.t);
    return nn::embed(net_->conditions, condition_, x.count, at.t, *work_);
  }

  feature enter(const images& x, const embedding&) const
  {
    return detail::channels_last(x, net_->center_input, *work_);
  }

  feature down(std::size_t i, const feature& h, const embedding& e) const
  {
    return run(net_->connections[i].down, {&h}, e, *work_);
  }

  feature middle(const feature& h, const embedding& e) const { return run(net_->middle, {&h}, e, *work_); }

  feature up(std::size_t i, const feature& deep, const feature& skip, const embedding& e) const
  {
    return run(net_->connections[i].up, {&deep, &skip}, e, *work_);
  }

  images leave(const feature& h, const embedding& e) const
  {
    images out;
    leave(h, e, out);
    return out;
  }

  /// The same into images that exist.
  void leave(const feature& h, const embedding& e, images& out) const
  {
    const feature scales = normalise(net_->last_norm, {&h}, *work_);
    const input activated{{&h}, h.height(), h.width(), &scales, net_->last_act};
    detail::channels_first(convolve(net_->last, activated, {}, *work_), out);
    if (net_->divides_by_time) detail::divide(out, e.timesteps);
  }

  /// The network, and a number for the classes.
  network_identity identity() const
  {
    bit_hash code;
    for (const int label : condition_.class_labels) code.add(label);
    for (const double value : condition_.class_values) code.add(value);
    return {net_, static_cast<std::size_t>(code.code)};
  }

  /// Writes the network's prediction at x into `out`: `evaluate` with the same hooks, without an allocation.
  template <class J = plain_join, class C = no_cache>
  void operator()(const images& x, const evaluation& at, images& out, J&& join = {}, C&& cache = {}) const
  {
    evaluate_into(*this, x, at, out, join, cache);
  }

private:
  const network* net_;
  workspace* work_;
  conditioning condition_;
};

}  // namespace fewstep::nn
