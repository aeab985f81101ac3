/// @file
/// A network at work: one network, one workspace, one condition.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/condition.hpp"
#include "fewstep/nn/conditioning.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/encoded_text.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/image_layout.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/unet/identity.hpp"
#include "fewstep/unet/unet.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace fewstep::nn {

namespace detail {

/// Divides each image by its own number.
inline void divide(images& x, const feature& by)
{
  const std::size_t size = x.size() / x.count;
  for (std::size_t k = 0; k < x.size(); ++k) x.values[k] /= by.data()[k / size];
}

/// Keys and values of a text for each attention to it.
inline std::vector<feature> keys_values(const network& net, const encoded_text& text, workspace& work)
{
  std::vector<feature> out;
  if (net.keys_values.empty()) return out;
  feature tokens = work.make(text.count, text.width, 1, text.length);
  std::ranges::copy(text.values, tokens.data());
  for (const convolution& layer : net.keys_values) out.push_back(convolve(layer, plain(tokens), {}, work));
  return out;
}

/// Tells one condition from another.
inline std::size_t code_of(const conditioning& c)
{
  bit_hash sum;
  const auto add = [&](const auto& numbers) {
    sum.add(static_cast<double>(numbers.size()));
    for (const auto number : numbers) sum.add(static_cast<double>(number));
  };
  add(c.class_labels), add(c.class_values), add(c.picture_sizes), add(c.guidance);
  for (const encoded_text* text : {&c.text, &c.pooled}) sum.add(static_cast<double>(text->length)), add(text->values);
  return static_cast<std::size_t>(sum.code);
}

}  // namespace detail

/// Models `fewstep::unet`, so `fewstep::evaluate(lane, x, at, join, cache)` is the network, and is a denoiser itself.
/// Network and workspace must outlive it; the two halves of a guided denoiser share both. One thread may use the lanes
/// of a workspace at a time.
class lane {
public:
  using feature = nn::feature;
  using embedding = nn::embedding;

  /// Reads the text, if there is one: its keys and values stay the same over all evaluations. Throws
  /// std::invalid_argument for class labels or values, texts and what belongs to them that are missing, not expected or
  /// out of range, and for times that the network cannot be told.
  lane(const network& net, workspace& work, conditioning condition = {}) :
      net_(&net),
      work_(&work),
      condition_(std::move(condition))
  {
    require_condition(net, condition_);
    texts_ = detail::keys_values(net, condition_.text, work);
    code_ = detail::code_of(condition_);
  }

  std::size_t connections() const { return net_->connections.size(); }

  /// Throws std::invalid_argument, before any work, if the shape of x does not fit the network or the condition, or if
  /// the network cannot be told the time.
  embedding embed(const images& x, const evaluation& at) const
  {
    require_images(*net_, condition_, x);
    if (condition_.timesteps.empty()) require_time(*net_, at.t);
    embedding e = nn::embed(net_->conditions, condition_, x.count, at.t, *work_);
    e.height = x.height, e.width = x.width;
    e.texts = texts_;
    return e;
  }

  feature enter(const images& x, const embedding&) const
  {
    if (net_->center_input) return detail::channels_last(x, *work_, [](float number) { return 2 * number - 1; });
    return detail::channels_last(x, *work_);
  }

  feature down(std::size_t i, const feature& h, const embedding& e) const
  {
    return run_down(net_->connections[i], h, e, *work_);
  }

  feature middle(const feature& h, const embedding& e) const
  {
    return net_->middle.empty() ? h : run(net_->middle, {&h}, e, *work_);
  }

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
    detail::channels_first(run(net_->last, {&h}, e, *work_), out);
    if (net_->divides_by_time) detail::divide(out, e.timesteps);
  }

  /// The network, and a number for the condition.
  network_identity identity() const { return {net_, code_}; }

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
  std::vector<feature> texts_{};
  std::size_t code_ = 0;
};

}  // namespace fewstep::nn
