/// @file
/// What the residual blocks are told about time and class: one vector per image.
#pragma once

#include "fewstep/nn/conditioning.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/waves.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cstddef>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace fewstep::nn {

/// The conditions of an evaluation as the layers see them.
struct embedding {
  feature time{};                     ///< (1, width, 1, images): as the residual blocks get it, before their activation
  feature timesteps{};                ///< (1, 1, 1, images): the times themselves
  std::size_t height = 0, width = 0;  ///< of the images
  /// Of the text, for each attention to it: keys, then values (texts, 2 * channels, 1, length).
  std::span<const feature> texts{};
};

/// linear_2(act(linear_1(x))).
struct perceptron {
  convolution linear_1{}, linear_2{};
  activation act = activation::silu;
};

/// A row for the label of each class, added to the embedding or to the waves before its layers.
struct class_table {
  std::size_t classes = 0;
  bool has_none = false;  ///< whether there is one more row, for images of no class in particular
  bool before_layers = false;
  std::vector<float> rows{};  ///< (classes, or one more, width)
};

/// The class is a number, and embedded as a time is: waves, then layers of its own.
struct class_numbers {
  perceptron layers{};
};

/// The class is a vector that is added as it is.
struct class_vectors {};

/// How a network is told what to show, if it is.
using class_kind = std::variant<std::monostate, class_table, class_numbers, class_vectors>;

/// layers(waves of t) + what the class adds.
struct embedder {
  time_waves time{};
  perceptron layers{};
  class_kind classes{};

  std::size_t width() const { return layers.linear_2.out; }
};

/// How many classes the labels tell apart, 0 if the network takes no labels.
inline std::size_t class_count(const embedder& e)
{
  const auto* table = std::get_if<class_table>(&e.classes);
  return table ? table->classes : 0;
}

namespace detail {

inline feature run(const perceptron& p, const feature& x, workspace& work)
{
  const feature hidden = convolve(p.linear_1, plain(x), {}, work);
  return convolve(p.linear_2, {{&hidden}, 1, x.width(), nullptr, p.act}, {}, work);
}

/// The waves of the number that `of(image)` is.
template <class F>
feature waves(const time_waves& kind, std::size_t count, F&& of, workspace& work)
{
  feature out = work.make(1, width_of(kind), 1, count);
  for (std::size_t image = 0; image < count; ++image) embed_time(kind, of(image), out.pixel(0, 0, image));
  return out;
}

/// Adds the vector of each image, `row(image)`, to those in `to`.
template <class F>
void add_rows(feature& to, F&& row)
{
  for (std::size_t image = 0; image < to.width(); ++image) {
    const auto* numbers = row(image);
    for (std::size_t c = 0; c < to.channels(); ++c) to.pixel(0, 0, image)[c] += static_cast<float>(numbers[c]);
  }
}

/// Of a list with one entry for each image or one for all, that of an image.
inline std::size_t entry(std::size_t entries, std::size_t image)
{
  return entries == 1 ? 0 : image;
}

inline void add_class(const class_table& table, const conditioning& c, feature& to)
{
  if (c.class_labels.empty() && !table.has_none) return;
  add_rows(to, [&](std::size_t image) {
    const std::size_t label = c.class_labels.empty()
                                  ? table.classes
                                  : static_cast<std::size_t>(c.class_labels[entry(c.class_labels.size(), image)]);
    return table.rows.data() + label * to.channels();
  });
}

inline void add_class(const embedder& e, const conditioning& c, feature& to, workspace& work)
{
  const std::size_t width = to.channels(), count = to.width();
  if (const auto* table = std::get_if<class_table>(&e.classes); table && !table->before_layers) {
    add_class(*table, c, to);
  } else if (const auto* numbers = std::get_if<class_numbers>(&e.classes)) {
    const auto value = [&](std::size_t image) { return c.class_values[entry(c.class_values.size(), image)]; };
    const feature own = run(numbers->layers, waves(e.time, count, value, work), work);
    add_rows(to, [&](std::size_t image) { return own.pixel(0, 0, image); });
  } else if (std::holds_alternative<class_vectors>(e.classes)) {
    const std::size_t entries = c.class_values.size() / width;
    add_rows(to, [&](std::size_t image) { return c.class_values.data() + entry(entries, image) * width; });
  }
}

}  // namespace detail

/// The embedding of `count` images, at their own times or all at t. The condition must be one for the network
/// (`require_condition`).
inline embedding embed(const embedder& e, const conditioning& c, std::size_t count, double t, workspace& work)
{
  embedding out{.timesteps = work.make(1, 1, 1, count)};
  const auto time = [&](std::size_t image) { return c.timesteps.empty() ? t : c.timesteps[image]; };
  for (std::size_t image = 0; image < count; ++image) out.timesteps.data()[image] = static_cast<float>(time(image));

  feature waves = detail::waves(e.time, count, time, work);
  if (const auto* table = std::get_if<class_table>(&e.classes); table && table->before_layers)
    detail::add_class(*table, c, waves);
  out.time = detail::run(e.layers, waves, work);
  detail::add_class(e, c, out.time, work);
  return out;
}

}  // namespace fewstep::nn
