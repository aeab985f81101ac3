/// @file
/// What a network is asked for besides the noise level, and the checks of it.
#pragma once

#include "fewstep/nn/images.hpp"
#include "fewstep/nn/network.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::nn {

/// What the images of a batch are to be, besides the noise level.
struct conditioning {
  std::vector<int> class_labels{};  ///< one for each image, or one for all; empty if the network knows no classes
  std::vector<double> timesteps{};  ///< one for each image, instead of the level's own t; mostly empty
};

/// Throws std::invalid_argument for class labels that are missing, not expected or out of range, and for times that are
/// not finite.
inline void require_condition(const network& net, const conditioning& c)
{
  const std::size_t classes = net.conditions.classes;
  if (classes == 0 && !c.class_labels.empty())
    throw std::invalid_argument("the network knows no classes, but was given " + std::to_string(c.class_labels.size()) +
                                " class labels");
  if (classes > 0 && c.class_labels.empty())
    throw std::invalid_argument("the network needs a class label, 0 to " + std::to_string(classes - 1) +
                                ", but was given none");
  for (const int label : c.class_labels)
    if (label < 0 || static_cast<std::size_t>(label) >= classes)
      throw std::invalid_argument("a class label must be 0 to " + std::to_string(classes - 1) + ", but is " +
                                  std::to_string(label));
  for (const double t : c.timesteps)
    if (!std::isfinite(t)) throw std::invalid_argument("a time must be finite, but is " + std::to_string(t));
}

/// Throws std::invalid_argument unless the network takes images of the shape of x and the condition is one for them.
inline void require_images(const network& net, const conditioning& c, const images& x)
{
  if (x.channels != net.in_channels || x.count == 0 || x.height == 0 || x.width == 0 ||
      x.height % net.size_multiple != 0 || x.width % net.size_multiple != 0)
    throw std::invalid_argument("the network takes images with " + std::to_string(net.in_channels) +
                                " channels and a height and width that are multiples of " +
                                std::to_string(net.size_multiple) + ", but was given " + shape_of(x));
  if (x.size() != x.count * x.channels * x.height * x.width)
    throw std::invalid_argument("images of shape " + shape_of(x) + " must hold " +
                                std::to_string(x.count * x.channels * x.height * x.width) + " numbers, but hold " +
                                std::to_string(x.size()));
  if (c.class_labels.size() > 1 && c.class_labels.size() != x.count)
    throw std::invalid_argument("there must be a class label for each of " + std::to_string(x.count) +
                                " images, or one for all, but there are " + std::to_string(c.class_labels.size()));
  if (!c.timesteps.empty() && c.timesteps.size() != x.count)
    throw std::invalid_argument("there must be a time for each of " + std::to_string(x.count) +
                                " images, but there are " + std::to_string(c.timesteps.size()));
}

}  // namespace fewstep::nn
