/// @file
/// How a student is compared with its target: by pixels, or by what the digits' classifier sees.
#pragma once

#include "classifier_torch.hpp"

#include "fewstep/adapt/torch_gradients.hpp"
#include "fewstep/train/distance.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// metric(a, b, n) of two batches of n images: n numbers.
using metric = std::function<at::Tensor(const at::Tensor& a, const at::Tensor& b, std::size_t samples)>;

/// What is compared of images: the pixels, and what comes out of each of the classifier's convolutions. The numbers of
/// all are about as large. Activations alone could be equal for images that differ, for SiLU takes two numbers to one;
/// the pixels see to it that the distance is zero for equal images only.
inline std::vector<at::Tensor> compared_features(const classifier_torch& net, const at::Tensor& x)
{
  std::vector<at::Tensor> out{x};
  for (const at::Tensor& seen : net.activations(x)) out.push_back(seen.to(x.scalar_type()));
  return out;
}

/// The distance of those features: the sum of their mean squares.
inline metric classifier_distance(classifier_torch net)
{
  return fewstep::train::feature_distance(
      [net = std::move(net)](const at::Tensor& x) { return compared_features(net, x); });
}

/// The metric of a name for images of `size` numbers on a device: huber (the mean over elements), l2, l1, pseudo-huber
/// (of the whole image), or features, which is the distance by the classifier in a folder. Throws std::invalid_argument
/// for other names and for a classifier of images with more than one channel, and what loading it throws.
inline metric metric_of(const std::string& name, std::size_t size, const std::filesystem::path& classifier,
                        const at::Device& device)
{
  namespace train = fewstep::train;
  if (name == "huber") return train::element_huber();
  if (name == "l2") return train::l2();
  if (name == "l1") return train::l1();
  if (name == "pseudo-huber") return train::pseudo_huber(train::pseudo_huber_constant(size));
  if (name != "features")
    throw std::invalid_argument("a metric is one of huber, l2, l1, pseudo-huber, features, but is " + name);
  const classifier_torch net = load_classifier_torch(classifier);
  if (const std::int64_t channels = net.layers.front().weight.size(1); channels != 1)
    throw std::invalid_argument(classifier.string() + ": the digits' classifier sees one channel, but this one sees " +
                                std::to_string(channels));
  return classifier_distance(net.to(device));
}

}  // namespace examples
