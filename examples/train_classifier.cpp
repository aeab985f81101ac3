// Trains the small classifier of digits whose features measure how good samples are, with LibTorch, and saves it:
//
//     train_classifier --data data/fontdigits --out models/fontdigits-classifier
//
// Convolutions, each with batch normalisation (folded into the weights in the end) and SiLU, a mean over the pixels,
// and a linear layer.
#include <ATen/core/ivalue.h>  // before ATen/ops: clang++ refuses LibTorch 1.13 otherwise

#include "fewstep/io/file.hpp"
#include "fewstep/io/json.hpp"
#include "support/classifier_torch.hpp"
#include "support/program.hpp"
#include "support/sprites.hpp"
#include "support/tensor_file.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <numbers>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using at::Tensor;

struct options {
  std::filesystem::path data = "data/fontdigits", out = "models/fontdigits-classifier";
  std::int64_t epochs = 4, batch = 128, shift = 2;
  double rate = 4e-3;
  std::uint64_t seed = 1;
  int threads = 1;
  std::size_t images = 0;
};

void declare(CLI::App& app, options& o)
{
  app.option_defaults()->always_capture_default();
  app.add_option("--data", o.data, "folder of the sheets");
  app.add_option("--out", o.out, "folder to write");
  app.add_option("--epochs", o.epochs, "times that every image is seen")->check(CLI::PositiveNumber);
  app.add_option("--batch", o.batch, "images in a step")->check(CLI::Range(2, 4096));
  app.add_option("--rate", o.rate, "the largest learning rate; it rises, then falls as a cosine")
      ->check(CLI::PositiveNumber);
  app.add_option("--shift", o.shift, "images are moved by up to so many pixels")->check(CLI::Range(0, 8));
  app.add_option("--images", o.images, "training images to use, 0 for all");
  app.add_option("--seed", o.seed, "of weights, order and shifts");
  app.add_option("--threads", o.threads, "cores to use")->check(CLI::PositiveNumber);
}

constexpr double norm_eps = 1e-5;
constexpr std::int64_t classes = 10;
constexpr std::array<std::int64_t, 5> channels{16, 32, 64, 64, 64}, strides{2, 1, 2, 1, 2};

/// A convolution of 3 x 3 and the normalisation behind it.
struct layer {
  Tensor weight, gamma, beta, mean, variance;
};

/// The network while it is trained.
struct trainee {
  std::vector<layer> layers;
  Tensor weight, bias;

  std::vector<Tensor> parameters() const
  {
    std::vector<Tensor> all{weight, bias};
    for (const layer& l : layers) all.insert(all.end(), {l.weight, l.gamma, l.beta});
    return all;
  }
};

/// Normal weights of variance 2 / inputs (He et al. 2015, arXiv:1502.01852).
trainee beginner()
{
  trainee net;
  std::int64_t in = 1;
  for (const std::int64_t out : channels) {
    const Tensor weight = at::randn({out, in, 3, 3}) * std::sqrt(2.0 / static_cast<double>(9 * in));
    net.layers.push_back({weight, at::ones({out}), at::zeros({out}), at::zeros({out}), at::ones({out})});
    in = out;
  }
  net.weight = at::randn({classes, in}) * std::sqrt(1.0 / static_cast<double>(in));
  net.bias = at::zeros({classes});
  for (Tensor& parameter : net.parameters()) parameter.requires_grad_();
  return net;
}

/// The logits; the running means and variances are moved.
Tensor logits_of(const trainee& net, Tensor x)
{
  for (std::size_t k = 0; k < net.layers.size(); ++k) {
    const layer& l = net.layers[k];
    const Tensor y = at::conv2d(x, l.weight, {}, strides[k], 1);
    x = at::silu(at::batch_norm(y, l.gamma, l.beta, l.mean, l.variance, true, 0.05, norm_eps, false));
  }
  return at::linear(x.mean({2, 3}), net.weight, net.bias);
}

/// The weights with the normalisation folded in, rounded to half precision:
/// gamma (w x - mean) / sqrt(variance + eps) + beta = (w s) x + (beta - mean s), s = gamma / sqrt(variance + eps).
examples::classifier_torch folded(const trainee& net)
{
  examples::classifier_torch out{{}, net.weight, net.bias};
  for (std::size_t k = 0; k < net.layers.size(); ++k) {
    const layer& l = net.layers[k];
    const Tensor scale = l.gamma * at::rsqrt(l.variance + norm_eps);
    out.layers.push_back({l.weight * scale.reshape({-1, 1, 1, 1}), l.beta - l.mean * scale, strides[k]});
  }
  return out.to(at::kHalf).to(at::kFloat);
}

/// Images and labels as tensors.
struct data_set {
  Tensor images, labels;

  std::int64_t size() const { return images.size(0); }
};

data_set read(const std::filesystem::path& folder, const examples::sprite_set& set, std::size_t count)
{
  examples::labelled_images sprites = examples::read_sprites(folder, set, count);
  const auto n = static_cast<std::int64_t>(sprites.labels.size());
  return {at::from_blob(sprites.images.data(), {n, 1, 32, 32}, at::kFloat).clone(),
          at::from_blob(sprites.labels.data(), {n}, at::kInt).to(at::kLong)};
}

/// The images of these numbers, each moved by up to `shift` pixels; black comes in at the edges.
Tensor moved(const Tensor& images, const Tensor& numbers, std::int64_t shift)
{
  const std::int64_t side = images.size(3), count = numbers.size(0);
  Tensor out = at::full({count, 1, side, side}, -1.0F);
  const Tensor by = at::randint(-shift, shift + 1, {count, 2});
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t y = by[k][0].item<std::int64_t>(), x = by[k][1].item<std::int64_t>();
    const auto overlap = [&](const Tensor& of, std::int64_t dy, std::int64_t dx) {
      return of.narrow(1, std::max<std::int64_t>(dy, 0), side - std::abs(dy))
          .narrow(2, std::max<std::int64_t>(dx, 0), side - std::abs(dx));
    };
    overlap(out[k], y, x).copy_(overlap(images[numbers[k].item<std::int64_t>()], -y, -x));
  }
  return out;
}

/// The share of images whose largest logit is that of their label.
double accuracy(const examples::classifier_torch& net, const data_set& data)
{
  std::int64_t right = 0;
  for (std::int64_t first = 0; first < data.size(); first += 256) {
    const std::int64_t count = std::min<std::int64_t>(256, data.size() - first);
    const Tensor guess = net.classify(data.images.narrow(0, first, count)).second.argmax(1);
    right += (guess == data.labels.narrow(0, first, count)).sum().item<std::int64_t>();
  }
  return static_cast<double>(right) / static_cast<double>(data.size());
}

examples::classifier_torch train(const options& o, const data_set& data)
{
  const trainee net = beginner();
  const std::int64_t steps_per_epoch = data.size() / o.batch, steps = steps_per_epoch * o.epochs;
  if (steps == 0)
    throw std::invalid_argument("--batch must be at most the number of images, " + std::to_string(data.size()) +
                                ", but is " + std::to_string(o.batch));
  torch::optim::AdamW optimizer(net.parameters(), torch::optim::AdamWOptions(o.rate).weight_decay(0.02));
  examples::progress_bar bar(static_cast<std::size_t>(steps), "steps");
  Tensor order;
  for (std::int64_t step = 0; step < steps; ++step) {
    if (step % steps_per_epoch == 0) order = at::randperm(data.size());
    const Tensor numbers = order.narrow(0, step % steps_per_epoch * o.batch, o.batch);
    const double done = (static_cast<double>(step) + 1) / static_cast<double>(steps);
    const double rate = o.rate * std::min(1.0, done / 0.1) * 0.5 * (1 + std::cos(std::numbers::pi * done));
    static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups().front().options()).lr(rate);
    optimizer.zero_grad();
    const Tensor logits = logits_of(net, moved(data.images, numbers, o.shift));
    at::cross_entropy_loss(logits, data.labels.index_select(0, numbers)).backward();
    optimizer.step();
    bar.show(static_cast<std::size_t>(step) + 1);
  }
  const c10::NoGradGuard no_gradients;
  return folded(net);
}

void save(const std::filesystem::path& folder, const examples::classifier_torch& net, const Tensor& some)
{
  const auto [features, logits] = net.classify(some);
  namespace json = fewstep::json;
  const json::value config = json::object{{"in_channels", std::size_t{1}},      {"height", std::size_t{32}},
                                          {"width", std::size_t{32}},           {"channels", json::array_of(channels)},
                                          {"strides", json::array_of(strides)}, {"classes", classes}};
  examples::write_tensors(folder / "weights.safetensors", net.to(at::kHalf).tensors());
  examples::write_tensors(folder / "reference.safetensors",
                          {{"images", some}, {"features", features}, {"logits", logits}});
  const std::string text = json::write(config) + "\n";
  fewstep::write_file(folder / "config.json", std::array{std::string_view(text)});
}

void run(const options& o)
{
  std::filesystem::create_directories(o.out);
  fewstep::require_writable(o.out / "weights.safetensors");
  at::manual_seed(o.seed);
  at::set_num_threads(o.threads);
  const data_set unseen = read(o.data, examples::eval_sprites, 0);
  const data_set data = read(o.data, examples::train_sprites, o.images);
  const examples::stopwatch watch;
  const examples::classifier_torch net = train(o, data);
  const double seconds = watch.seconds();
  const c10::NoGradGuard no_gradients;
  save(o.out, net, unseen.images.narrow(0, 0, 4));
  std::printf("%s: %.0f s; right are %.2f%% of %lld unseen images, %.2f%% of the training images\n",
              o.out.string().c_str(), seconds, 100 * accuracy(net, unseen), static_cast<long long>(unseen.size()),
              100 * accuracy(net, data));
}

}  // namespace

int main(int argc, char** argv)
{
  options o;
  const examples::program_title title{"train_classifier", "Trains a classifier of digits"};
  const auto options_of = [&](CLI::App& app) { declare(app, o); };
  return examples::run_program(title, argc, argv, options_of, [&] { run(o); });
}
