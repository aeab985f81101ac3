/// @file
/// The multiply-adds of a network, connection by connection, for images of a size.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/unet/cost.hpp"

#include <cstddef>
#include <span>
#include <variant>
#include <vector>

namespace fewstep::nn {

namespace detail {

/// Counts blocks as features of one image pass through them.
class cost_counter {
public:
  std::size_t height, width;
  double total = 0;

  void operator()(const residual_block& b)
  {
    add(b.conv_1), add(b.conv_2);
    if (b.time) add(*b.time, 1);
    if (b.shortcut) add(*b.shortcut);
  }

  /// The products of queries with keys and of scores with values count as well.
  void operator()(const attention_block& b)
  {
    add(b.queries_keys_values), add(b.out);
    total += 2 * pixels() * pixels() * static_cast<double>(b.out.in);
  }

  void operator()(const sampling_block& b)
  {
    height = output_length(b.conv, height * b.enlarge), width = output_length(b.conv, width * b.enlarge);
    add(b.conv);
  }

  void operator()(const output_block& b) { add(b.conv); }

  void add(std::span<const block> blocks)
  {
    for (const block& b : blocks) std::visit(*this, b);
  }

  void add(const perceptron& p) { add(p.linear_1, 1), add(p.linear_2, 1); }
  void add(const convolution& c) { add(c, pixels()); }
  void add(const convolution& c, double positions)
  {
    total += positions * static_cast<double>(c.out * c.in * c.size * c.size);
  }

private:
  double pixels() const { return static_cast<double>(height * width); }
};

}  // namespace detail

/// Multiply-adds of direct convolutions, linear layers and the products of attention, for `count` images.
inline unet_cost multiply_adds(const network& net, std::size_t height, std::size_t width, std::size_t count = 1)
{
  const auto images = static_cast<double>(count);
  unet_cost cost{.connections = std::vector<double>(net.connections.size())};
  detail::cost_counter counter{height, width};
  const auto spend = [&](double& on) { on += images * counter.total, counter.total = 0; };
  for (std::size_t i = 0; i < net.connections.size(); ++i) {
    counter.add(net.connections[i].down);
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
  spend(cost.ends);
  return cost;
}

}  // namespace fewstep::nn
