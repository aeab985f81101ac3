/// @file
/// The multiply-adds of a network, connection by connection, for images of a size.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/resample.hpp"
#include "fewstep/unet/cost.hpp"

#include <cstddef>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace fewstep::nn {

namespace detail {

/// Counts blocks as features of one image pass through them.
class cost_counter {
public:
  cost_counter(std::size_t height, std::size_t width, std::size_t text) :
      whole_height_(height),
      whole_width_(width),
      text_(static_cast<double>(text)),
      height_(height),
      width_(width)
  {
  }

  /// What was counted since the last call.
  double spent() { return std::exchange(total_, 0); }

  void operator()(const residual_block& b)
  {
    height_ = resampled_length(b.resample, height_), width_ = resampled_length(b.resample, width_);
    add(b.conv_1), add(b.conv_2);
    if (b.time) add(*b.time, 1);
    if (b.shortcut) add(*b.shortcut);
  }

  /// The products of queries with keys and of scores with values count as well.
  void operator()(const attention_block& b)
  {
    add(b.queries_keys_values), add(b.out);
    attend(pixels(), b.out);
  }

  /// Keys and values of the text are made once for all evaluations.
  void operator()(const transformer_block& b)
  {
    add(b.in), add(b.out);
    for (const transformer_layer& l : b.layers) {
      add(l.queries_keys_values), add(l.self_out), attend(pixels(), l.self_out);
      add(l.text_queries), add(l.text_out), attend(text_, l.text_out);
      add(l.forward), add(l.forward_out);
    }
  }

  void operator()(const sampling_block& b)
  {
    height_ = output_length(b.conv, enlarged(b, height_, whole_height_));
    width_ = output_length(b.conv, enlarged(b, width_, whole_width_));
    add(b.conv);
  }

  void operator()(const output_block& b) { add(b.conv); }
  void operator()(const plain_block& b) { add(b.conv_1), add(b.conv_2), add(b.conv_3); }

  void add(std::span<const block> blocks)
  {
    for (const block& b : blocks) std::visit(*this, b);
  }

  void add(const perceptron& p) { add(p.linear_1, 1), add(p.linear_2, 1); }
  void add(const convolution& c) { add(c, pixels()); }
  void add(const convolution& c, double positions)
  {
    total_ += positions * static_cast<double>(c.out * c.in * c.size * c.size);
  }

private:
  double pixels() const { return static_cast<double>(height_ * width_); }

  /// The products of every pixel's query with the keys, and of their scores with the values.
  void attend(double keys, const convolution& out) { total_ += 2 * pixels() * keys * static_cast<double>(out.in); }

  std::size_t whole_height_, whole_width_;
  double text_;
  std::size_t height_, width_;
  double total_ = 0;
};

}  // namespace detail

/// Multiply-adds of direct convolutions, linear layers and the products of attention, for `count` images. A network
/// that reads a text is taken to read one of `text` tokens.
inline unet_cost multiply_adds(const network& net, std::size_t height, std::size_t width, std::size_t count = 1,
                               std::size_t text = 77)
{
  const auto images = static_cast<double>(count);
  unet_cost cost{.connections = std::vector<double>(net.connections.size())};
  detail::cost_counter counter(height, width, text);
  const auto spend = [&](double& on) { on += images * counter.spent(); };
  for (std::size_t i = 0; i < net.connections.size(); ++i) {
    counter.add(net.connections[i].down);
    if (const auto& end = net.connections[i].merges) counter.add(end->conv);
    spend(cost.connections[i]);
  }
  counter.add(net.middle);
  spend(cost.middle);
  for (std::size_t i = net.connections.size(); i-- > 0;) {
    counter.add(net.connections[i].up);
    spend(cost.connections[i]);
  }
  counter.add(net.conditions.layers), counter(net.last);
  if (const auto* numbers = std::get_if<class_numbers>(&net.conditions.classes)) counter.add(numbers->layers);
  if (net.conditions.guidance) counter.add(*net.conditions.guidance, 1);
  if (net.conditions.added) counter.add(net.conditions.added->layers);
  spend(cost.ends);
  return cost;
}

}  // namespace fewstep::nn
