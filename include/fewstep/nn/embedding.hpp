/// @file
/// What the residual blocks are told about time and class: one vector per image.
#pragma once

#include "fewstep/nn/conditioning.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/waves.hpp"
#include "fewstep/nn/workspace.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
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

/// SDXL's embedding of the text as one vector, followed by the waves of some numbers (Podell et al. 2023,
/// arXiv:2307.01952).
struct added_layers {
  sinusoid numbers{};
  perceptron layers{};
};

/// layers(waves of t + guidance(waves of 1000 w)) + what the class and the text add.
struct embedder {
  time_waves time{};
  perceptron layers{};
  class_kind classes{};
  std::optional<convolution> guidance{};  ///< linear; w is the weight of the guidance (arXiv:2310.04378)
  std::optional<added_layers> added{};

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

/// Adds what the network is told of the guidance to the waves of the time.
inline void add_guidance(const convolution& layer, const conditioning& c, feature& to, workspace& work)
{
  const sinusoid kind{.width = layer.in, .cosines_first = false, .shift = 1};
  const auto thousandfold = [&](std::size_t entry) { return 1000 * c.guidance[entry]; };
  const feature own = convolve(layer, plain(waves(kind, c.guidance.size(), thousandfold, work)), {}, work);
  add_rows(to, [&](std::size_t image) { return own.pixel(0, 0, entry(own.width(), image)); });
}

/// How many of the picture's sizes an image needs, beside a pooled text of this width; 0 if that is too wide.
inline std::size_t sizes_per_image(const added_layers& a, const encoded_text& pooled)
{
  return pooled.width < a.layers.linear_1.in ? (a.layers.linear_1.in - pooled.width) / a.numbers.width : 0;
}

inline void add_text(const added_layers& a, const conditioning& c, feature& to, workspace& work)
{
  const std::size_t each = sizes_per_image(a, c.pooled), lists = c.picture_sizes.size() / each;
  feature row = work.make(1, a.layers.linear_1.in, 1, std::max(c.pooled.count, lists));
  for (std::size_t image = 0; image < row.width(); ++image) {
    float* numbers = row.pixel(0, 0, image);
    const auto text =
        c.pooled.values.begin() + static_cast<std::ptrdiff_t>(entry(c.pooled.count, image) * c.pooled.width);
    numbers = std::copy_n(text, c.pooled.width, numbers);
    for (std::size_t k = 0; k < each; ++k, numbers += a.numbers.width)
      embed_time(a.numbers, c.picture_sizes[entry(lists, image) * each + k], numbers);
  }
  const feature own = run(a.layers, row, work);
  add_rows(to, [&](std::size_t image) { return own.pixel(0, 0, entry(own.width(), image)); });
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
  if (e.guidance) detail::add_guidance(*e.guidance, c, waves, work);
  out.time = detail::run(e.layers, waves, work);
  detail::add_class(e, c, out.time, work);
  if (e.added) detail::add_text(*e.added, c, out.time, work);
  return out;
}

}  // namespace fewstep::nn
