#include <ATen/core/ivalue.h>  // before ATen/ops: clang++ refuses LibTorch 1.13 otherwise

#include "support/classifier_torch.hpp"
#include "support/metric.hpp"
#include "support/tensor_file.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sin.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;

namespace {

const auto digits_classifier = test::in_repository("models/fontdigits-classifier");

/// Images within [-1, 1], which are no digits.
at::Tensor wavy_images(std::int64_t count, double phase)
{
  return at::sin(at::arange(count * 1024, at::kDouble) * 0.37 + phase).reshape({count, 1, 32, 32});
}

/// How far the numbers lie from those of a file.
double worst(const at::Tensor& x, const safetensors_file& file, const std::string& name)
{
  const std::vector<std::size_t> shape(x.sizes().begin(), x.sizes().end());
  const std::vector<float> wanted = to_float(file.at(name, shape));
  const at::Tensor numbers = x.contiguous();
  double most = 0;
  for (std::size_t k = 0; k < wanted.size(); ++k)
    most = std::max(most, std::abs(double(numbers.data_ptr<float>()[k]) - double(wanted[k])));
  return most;
}

}  // namespace

TEST_CASE("LibTorch's classifier and the engine's are one", "[torch]")
{
  // the engine is held to the same file by the test of fewstep/nn/classifier.hpp
  const auto reference = safetensors_file::open(digits_classifier / "reference.safetensors");
  at::Tensor x = at::empty({4, 1, 32, 32}, at::kFloat);
  examples::read_tensors(reference, {{"images", x}});
  const auto [features, logits] = examples::load_classifier_torch(digits_classifier).classify(x);
  // single precision: five layers of sums of up to 576 products, of which the logits sum 64
  REQUIRE(worst(features, reference, "features") < 1e-5);
  REQUIRE(worst(logits, reference, "logits") < 1e-4);
}

TEST_CASE("the distance of features is zero for equal images alone", "[torch]")
{
  const auto metric = examples::classifier_distance(examples::load_classifier_torch(digits_classifier));
  const at::Tensor a = wavy_images(3, 0.2).to(at::kFloat);
  at::Tensor b = a.clone();
  REQUIRE(metric(a, b, 3).eq(0).all().item<bool>());
  b[1][0][31][31] += 1e-3F;  // seen by no other image
  const at::Tensor distance = metric(a, b, 3);
  REQUIRE(distance[1].item<float>() >= 1e-6F / 1024 / 2);
  REQUIRE(distance[0].item<float>() == 0);
  REQUIRE(distance[2].item<float>() == 0);
}

TEST_CASE("the distance of features has the gradient of finite differences, and the weights have none", "[torch]")
{
  const auto net = examples::load_classifier_torch(digits_classifier).to(at::kDouble);
  const auto metric = examples::classifier_distance(net);
  const at::Tensor b = wavy_images(2, 1.9), direction = wavy_images(2, 0.7);
  at::Tensor a = wavy_images(2, 0.2).requires_grad_();
  metric(a, b, 2).sum().backward();
  const c10::NoGradGuard no_gradients;
  const double slope = (a.grad() * direction).sum().item<double>(), step = 1e-4;
  const auto at_step = [&](double by) { return metric(a + by * direction, b, 2).sum().item<double>(); };
  // central differences err by the square of the step, rounding by 1e-16 / step
  REQUIRE(std::abs((at_step(step) - at_step(-step)) / (2 * step) / slope - 1) < 1e-6);
  for (const auto& [name, weight] : net.tensors()) REQUIRE_FALSE(weight.requires_grad());
}

TEST_CASE("metrics are found by name, and others refused", "[torch]")
{
  const at::Tensor a = wavy_images(2, 0.2), b = wavy_images(2, 1.9), difference = (a - b).reshape({2, -1});
  const auto value = [&](const std::string& name) {
    return examples::metric_of(name, 1024, "none", at::kCPU)(a, b, 2);
  };
  const auto is = [](const at::Tensor& x, const at::Tensor& y) { return at::allclose(x, y, 1e-12, 0); };
  REQUIRE(is(value("l2"), difference.square().mean(1)));
  REQUIRE(is(value("l1"), difference.abs().mean(1)));
  REQUIRE(is(value("huber"), ((difference.square() + 1e-6).sqrt() - 1e-3).mean(1)));
  const double c = 0.00054 * 32;
  REQUIRE(is(value("pseudo-huber"), (difference.square().sum(1) + c * c).sqrt() - c));
  REQUIRE(test::refusal<std::invalid_argument>([&] { value("lpips"); }) ==
          "a metric is one of huber, l2, l1, pseudo-huber, features, but is lpips");
  REQUIRE(test::refusal<std::runtime_error>([&] { value("features"); }).starts_with("none/config.json: "));
}
