/// @file
/// The digits' classifier with LibTorch's tensors: for its training, and for training by what it sees.
#pragma once

#include "tensor_file.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/nn/classifier_config.hpp"
#include "fewstep/nn/weights.hpp"

#include <ATen/core/Tensor.h>

#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// What `fewstep::nn::classifier` is: convolutions of 3x3 with SiLU behind each; the means over the last one's pixels
/// are the features, of which a linear layer makes the logits. Its weights are plain numbers: gradients reach the
/// images alone.
struct classifier_torch {
  struct layer {
    at::Tensor weight, bias;
    std::int64_t stride = 1;
  };

  std::vector<layer> layers{};
  at::Tensor head_weight{}, head_bias{};

  /// Handles to the weights, under the names that they have in files.
  named_tensors tensors() const
  {
    named_tensors all;
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const std::string name = "layers." + std::to_string(k);
      all.emplace_back(name + ".weight", layers[k].weight);
      all.emplace_back(name + ".bias", layers[k].bias);
    }
    all.emplace_back("head.weight", head_weight);
    all.emplace_back("head.bias", head_bias);
    return all;
  }

  /// The same on another device, or of other numbers.
  classifier_torch to(const at::TensorOptions& where) const
  {
    classifier_torch out{{}, head_weight.to(where), head_bias.to(where)};
    for (const layer& l : layers) out.layers.push_back({l.weight.to(where), l.bias.to(where), l.stride});
    return out;
  }

  /// What comes out of each convolution, behind its SiLU, for images (count, channels, height, width).
  std::vector<at::Tensor> activations(const at::Tensor& x) const
  {
    std::vector<at::Tensor> out;
    for (const layer& l : layers)
      out.push_back(at::silu(at::conv2d(out.empty() ? x : out.back(), l.weight, l.bias, l.stride, 1)));
    return out;
  }

  /// Features (count, features) and logits (count, classes).
  std::pair<at::Tensor, at::Tensor> classify(const at::Tensor& x) const
  {
    const at::Tensor features = activations(x).back().mean({2, 3});
    return {features, at::linear(features, head_weight, head_bias)};
  }
};

/// Loads what `fewstep::nn::load_classifier` does. Throws what it throws.
inline classifier_torch load_classifier_torch(const std::filesystem::path& folder)
{
  const auto config = fewstep::nn::read_classifier_config(folder / "config.json");
  fewstep::nn::weights from(fewstep::safetensors_file::open(folder / "weights.safetensors"));
  const auto taken = [&](const std::string& name, const std::vector<std::size_t>& shape) {
    const std::vector<float> numbers = from.take(name, shape);
    at::Tensor tensor = at::empty(std::vector<std::int64_t>(shape.begin(), shape.end()), at::kFloat);
    std::copy(numbers.begin(), numbers.end(), tensor.data_ptr<float>());
    return tensor;
  };
  classifier_torch net;
  std::size_t in = config.in_channels;
  for (std::size_t k = 0; k < config.channels.size(); ++k) {
    const std::string name = "layers." + std::to_string(k);
    const std::size_t out = config.channels[k];
    net.layers.push_back({taken(name + ".weight", {out, in, 3, 3}), taken(name + ".bias", {out}),
                          static_cast<std::int64_t>(config.strides[k])});
    in = out;
  }
  net.head_weight = taken("head.weight", {config.classes, in});
  net.head_bias = taken("head.bias", {config.classes});
  from.require_empty();
  return net;
}

}  // namespace examples
