/// @file
/// Whether a network can be asked for what it is asked for.
#pragma once

#include "fewstep/nn/conditioning.hpp"
#include "fewstep/nn/embedding.hpp"
#include "fewstep/nn/encoded_text.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/waves.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace fewstep::nn {

namespace detail {

inline void require_labels(const class_table& table, const conditioning& c)
{
  const std::string range = "0 to " + std::to_string(table.classes - 1);
  if (c.class_labels.empty() && !table.has_none)
    throw std::invalid_argument("the network needs a class label, " + range + ", but was given none");
  for (const int label : c.class_labels)
    if (label < 0 || static_cast<std::size_t>(label) >= table.classes)
      throw std::invalid_argument("a class label must be " + range + ", but is " + std::to_string(label));
}

/// How many of the condition's values an image needs.
inline std::size_t values_per_image(const embedder& e)
{
  if (std::holds_alternative<class_vectors>(e.classes)) return e.width();
  return std::holds_alternative<class_numbers>(e.classes) ? 1 : 0;
}

/// A time, or a class that is embedded as one.
inline void require_time(const time_waves& waves, double t, const char* what)
{
  if (!std::isfinite(t))
    throw std::invalid_argument(std::string(what) + " must be finite, but is " + std::to_string(t));
  if (takes_logarithm(waves) && !(t > 0))
    throw std::invalid_argument("the network takes the logarithm of " + std::string(what) +
                                ", which must be positive, but is " + std::to_string(t));
}

/// Throws unless there are `each` numbers for every one of `count` images, or for one.
inline void require_count(std::size_t numbers, std::size_t each, std::size_t count)
{
  if (numbers != each && numbers != each * count)
    throw std::invalid_argument("there must be " + std::to_string(each) + " class values for each of " +
                                std::to_string(count) + " images, or for all of them, but there are " +
                                std::to_string(numbers));
}

/// A text that the network attends to.
inline void require_text(const network& net, const encoded_text& text)
{
  const std::size_t width = net.text_width();
  if (width == 0 && !text.empty())
    throw std::invalid_argument("the network reads no text, but was given one of shape " + shape_of(text));
  if (width == 0) return;
  if (text.empty())
    throw std::invalid_argument("the network reads a text of width " + std::to_string(width) + ", but was given none");
  if (text.width != width)
    throw std::invalid_argument("the network reads a text of width " + std::to_string(width) +
                                ", but was given one of shape " + shape_of(text));
  require_filled(text);
}

/// A text as one vector, and the sizes of the picture.
inline void require_added(const embedder& e, const conditioning& c)
{
  if (!e.added && c.pooled.empty() && c.picture_sizes.empty()) return;
  if (!e.added) throw std::invalid_argument("the network takes neither a pooled text nor sizes of the picture");
  const std::size_t inputs = e.added->layers.linear_1.in, width = e.added->numbers.width;
  const std::size_t each = sizes_per_image(*e.added, c.pooled), sizes = c.picture_sizes.size();
  if (c.pooled.empty() || each == 0 || c.pooled.width + each * width != inputs || sizes == 0 || sizes % each != 0)
    throw std::invalid_argument("a pooled text and sizes of the picture, " + std::to_string(width) +
                                " numbers for each, must make " + std::to_string(inputs) +
                                " numbers for an image, but there are a text of shape " + shape_of(c.pooled) + " and " +
                                std::to_string(sizes) + " sizes");
  require_filled(c.pooled);
  if (c.pooled.length != 1)
    throw std::invalid_argument("a pooled text is one vector, but was given with shape " + shape_of(c.pooled));
  for (const double size : c.picture_sizes)
    if (!std::isfinite(size))
      throw std::invalid_argument("a size of the picture must be finite, but is " + std::to_string(size));
}

inline void require_guidance(const embedder& e, const std::vector<double>& guidance)
{
  if (!e.guidance && !guidance.empty())
    throw std::invalid_argument("the network was not distilled with a guidance, but was told " +
                                std::to_string(guidance.front()));
  if (e.guidance && guidance.empty())
    throw std::invalid_argument("the network needs the weight of the guidance, but was told none");
  for (const double w : guidance)
    if (!std::isfinite(w))
      throw std::invalid_argument("the weight of the guidance must be finite, but is " + std::to_string(w));
}

/// Throws unless there is one of `what` for each image, or one for all.
inline void require_entries(std::size_t entries, std::size_t images, const char* what)
{
  if (entries > 1 && entries != images)
    throw std::invalid_argument("there must be " + std::string(what) + " for each of " + std::to_string(images) +
                                " images, or one for all, but there are " + std::to_string(entries));
}

}  // namespace detail

/// Throws std::invalid_argument for class labels or values, texts and what belongs to them that are missing, not
/// expected or out of range, and for times that the network cannot be told.
inline void require_condition(const network& net, const conditioning& c)
{
  const embedder& e = net.conditions;
  if (const auto* table = std::get_if<class_table>(&e.classes))
    detail::require_labels(*table, c);
  else if (!c.class_labels.empty())
    throw std::invalid_argument("the network knows no classes, but was given " + std::to_string(c.class_labels.size()) +
                                " class labels");
  const std::size_t values = detail::values_per_image(e);
  if (values == 0 ? !c.class_values.empty() : c.class_values.empty() || c.class_values.size() % values != 0)
    throw std::invalid_argument("the network takes " + std::to_string(values) +
                                " class values for an image, but was given " + std::to_string(c.class_values.size()));
  for (const double value : c.class_values)
    if (values == 1)
      detail::require_time(e.time, value, "a class value");
    else if (!std::isfinite(value))
      throw std::invalid_argument("a class value must be finite, but is " + std::to_string(value));
  for (const double t : c.timesteps) detail::require_time(e.time, t, "a time");
  detail::require_text(net, c.text);
  detail::require_added(e, c);
  detail::require_guidance(e, c.guidance);
}

/// Throws std::invalid_argument unless the network can be told the time t.
inline void require_time(const network& net, double t)
{
  detail::require_time(net.conditions.time, t, "a time");
}

/// Throws std::invalid_argument unless the network takes images of the shape of x and the condition is one for them.
inline void require_images(const network& net, const conditioning& c, const images& x)
{
  if (x.channels != net.in_channels || x.count == 0 || x.height == 0 || x.width == 0 ||
      x.height % net.size_multiple != 0 || x.width % net.size_multiple != 0)
    throw std::invalid_argument("the network takes images with " + std::to_string(net.in_channels) +
                                " channels and a height and width that are multiples of " +
                                std::to_string(net.size_multiple) + ", but was given " + shape_of(x));
  require_filled(x);
  detail::require_entries(c.class_labels.size(), x.count, "a class label");
  detail::require_entries(c.text.count, x.count, "a text");
  detail::require_entries(c.pooled.count, x.count, "a pooled text");
  detail::require_entries(c.guidance.size(), x.count, "a weight of the guidance");
  if (const auto& added = net.conditions.added)
    detail::require_entries(c.picture_sizes.size() / detail::sizes_per_image(*added, c.pooled), x.count,
                            "a list of sizes");
  if (const std::size_t each = detail::values_per_image(net.conditions); each > 0)
    detail::require_count(c.class_values.size(), each, x.count);
  if (!c.timesteps.empty() && c.timesteps.size() != x.count)
    throw std::invalid_argument("there must be a time for each of " + std::to_string(x.count) +
                                " images, but there are " + std::to_string(c.timesteps.size()));
}

}  // namespace fewstep::nn
