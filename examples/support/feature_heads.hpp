/// @file
/// A discriminator over the features of a network that stays as it is: what meets the skips in its decoder, scored
/// place by place by small heads (Wang et al. 2024, arXiv:2405.18407, section 3.3).
#pragma once

#include "unet2d_torch.hpp"

#include "fewstep/adapt/torch_gradients.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/train/adversarial.hpp"
#include "fewstep/train/batch.hpp"
#include "fewstep/unet/unet.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace examples {

/// The features of a batch: what comes up from below each connection, from the deepest.
inline std::vector<at::Tensor> decoder_features(unet2d_torch& net, const at::Tensor& labels, const at::Tensor& x,
                                                fewstep::train::batch_levels at)
{
  std::vector<double> times;
  for (const fewstep::noise_level& level : at) times.push_back(level.t);
  std::vector<at::Tensor> seen;
  const auto look = [&](std::size_t, const at::Tensor& deep, at::Tensor&, const fewstep::evaluation&) {
    seen.push_back(deep);
  };
  fewstep::evaluate(unet2d_torch_lane{&net, labels, at::tensor(times)}, x, fewstep::evaluation{}, look);
  return seen;
}

/// One head for each feature: two convolutions of 1 x 1 with a leaky rectifier between them.
class feature_heads : public torch::nn::Module {
public:
  feature_heads(unet2d_torch& net, const at::Tensor& image, const at::Tensor& label)
  {
    const c10::NoGradGuard no_gradients;
    const fewstep::noise_level any;
    for (const at::Tensor& feature : decoder_features(net, label, image, fewstep::train::batch_levels(&any, 1))) {
      constexpr std::int64_t width = 32;
      const std::string name = std::to_string(heads_.size());
      const auto conv = [&](const char* of, std::int64_t in, std::int64_t out) {
        return register_module(of + name, torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 1)));
      };
      auto first = conv("first_", feature.size(1), width), second = conv("second_", width, 1);
      heads_.push_back([first, second](const at::Tensor& x) mutable {
        return second->forward(at::leaky_relu(first->forward(x), 0.2));
      });
    }
    to(image.device());
  }

  /// The discriminator of images under labels.
  auto judge(unet2d_torch& net, const at::Tensor& labels) const
  {
    const auto features = [&net, labels](const at::Tensor& x, fewstep::train::batch_levels at) {
      return decoder_features(net, labels, x, at);
    };
    return fewstep::train::feature_discriminator(features, heads_);
  }

private:
  std::vector<std::function<at::Tensor(const at::Tensor&)>> heads_;
};

}  // namespace examples
