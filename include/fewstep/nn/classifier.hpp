/// @file
/// A small classifier of images, by whose features sets of images are compared.
#pragma once

#include "fewstep/io/safetensors.hpp"
#include "fewstep/nn/classifier_config.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/image_layout.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/weights.hpp"
#include "fewstep/nn/workspace.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// Convolutions of 3x3 with SiLU behind each; the means over the last one's pixels are the features, of which a linear
/// layer makes the logits. It never changes: any number of threads may read it, each with its own workspace.
struct classifier {
  std::size_t in_channels = 0, height = 0, width = 0;
  std::vector<convolution> layers{};
  convolution head{};

  std::size_t features() const { return head.in; }
  std::size_t classes() const { return head.out; }
};

/// What a classifier sees in images: a row for each.
struct classified {
  Eigen::MatrixXd features{};  ///< (count, features)
  Eigen::MatrixXd logits{};    ///< (count, classes)
};

/// Loads a classifier from a folder with config.json (in_channels, height, width, channels and strides of the
/// convolutions, classes) and weights.safetensors (layers.0.weight, layers.0.bias, ..., head.weight, head.bias). Throws
/// std::runtime_error, with the path first, for files that are missing or damaged, numbers that make no classifier, and
/// tensors that are missing, of another shape or without a place.
inline classifier load_classifier(const std::filesystem::path& folder)
{
  const classifier_config config = read_classifier_config(folder / "config.json");
  classifier net{.in_channels = config.in_channels, .height = config.height, .width = config.width};
  weights from(safetensors_file::open(folder / "weights.safetensors"));
  std::size_t in = config.in_channels;
  for (std::size_t k = 0; k < config.channels.size(); ++k) {
    convolution shape = detail::conv3x3(in, config.channels[k]);
    shape.stride = config.strides[k];
    net.layers.push_back(detail::load_convolution(from, "layers." + std::to_string(k), shape));
    in = config.channels[k];
  }
  net.head = detail::load_linear(from, "head", in, config.classes);
  from.require_empty();
  return net;
}

namespace detail {

/// How many images go through the layers at a time, so that the memory does not grow with the set.
inline constexpr std::size_t classified_at_once = 64;

/// The means over the pixels of silu(h), laid out for a linear layer: (1, channels, 1, count).
inline feature pooled(const feature& h, workspace& work)
{
  feature out = work.make(1, h.channels(), 1, h.count());
  feature line = work.make(1, h.channels(), 1, h.width());
  std::vector<double> sums(h.channels());
  for (std::size_t image = 0; image < h.count(); ++image) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t y = 0; y < h.height(); ++y) {
      const input activated{{&h}, h.height(), h.width(), nullptr, activation::silu};
      write_pixels(activated, image, y, h.width(), line.data());
      for (std::size_t k = 0; k < line.size(); ++k) sums[k % h.channels()] += static_cast<double>(line.data()[k]);
    }
    for (std::size_t c = 0; c < h.channels(); ++c)
      out.pixel(0, 0, image)[c] = static_cast<float>(sums[c] / static_cast<double>(h.height() * h.width()));
  }
  return out;
}

/// The rows of a matrix from a feature (1, channels, 1, count).
inline void copy_rows(const feature& h, std::size_t first, Eigen::MatrixXd& to)
{
  using rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto count = static_cast<Eigen::Index>(h.width()), channels = static_cast<Eigen::Index>(h.channels());
  to.middleRows(static_cast<Eigen::Index>(first), count) =
      Eigen::Map<const rows>(h.data(), count, channels).cast<double>();
}

}  // namespace detail

/// Features and logits of a batch of any size. An image's do not depend on the others, nor on the number of threads.
/// Throws std::invalid_argument, before any work, unless the images have the shape that the classifier takes.
inline classified classify(const classifier& net, const images& x, workspace& work)
{
  const std::size_t numbers = net.in_channels * net.height * net.width;
  if (x.channels != net.in_channels || x.height != net.height || x.width != net.width || x.size() != x.count * numbers)
    throw std::invalid_argument("the classifier takes images of shape " +
                                shape_of(images{x.count, net.in_channels, net.height, net.width, {}}) +
                                ", but was given " + std::to_string(x.size()) + " numbers as " + shape_of(x));
  const auto rows = static_cast<Eigen::Index>(x.count);
  classified out{{rows, static_cast<Eigen::Index>(net.features())}, {rows, static_cast<Eigen::Index>(net.classes())}};
  for (std::size_t first = 0; first < x.count; first += detail::classified_at_once) {
    images part{std::min(detail::classified_at_once, x.count - first), x.channels, x.height, x.width, {}};
    part.values.assign(x.data() + first * numbers, x.data() + (first + part.count) * numbers);
    feature h = detail::channels_last(part, work);
    activation act = activation::none;
    for (const convolution& layer : net.layers) {
      h = convolve(layer, {{&h}, h.height(), h.width(), nullptr, act}, {}, work);
      act = activation::silu;
    }
    const feature features = detail::pooled(h, work);
    detail::copy_rows(features, first, out.features);
    detail::copy_rows(convolve(net.head, plain(features), {}, work), first, out.logits);
  }
  return out;
}

/// The share of rows whose largest logit is that of their label. Throws std::invalid_argument unless there is a label
/// for each row.
inline double accuracy(const classified& images, std::span<const int> labels)
{
  if (labels.empty() || static_cast<Eigen::Index>(labels.size()) != images.logits.rows())
    throw std::invalid_argument("the accuracy of " + std::to_string(images.logits.rows()) +
                                " images needs as many labels and at least one, but there are " +
                                std::to_string(labels.size()));
  std::size_t right = 0;
  for (std::size_t k = 0; k < labels.size(); ++k) {
    Eigen::Index guess = 0;
    images.logits.row(static_cast<Eigen::Index>(k)).maxCoeff(&guess);
    right += guess == labels[k] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace fewstep::nn
