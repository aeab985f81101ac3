#include "support/unet2d_torch.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/load.hpp"
#include "fewstep/nn/unet2d.hpp"
#include "fewstep/nn/unet2d_config.hpp"
#include "fewstep/nn/weights.hpp"
#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/unet/refresh.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"
#include "support/torch_difference.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

using namespace fewstep;

namespace {

/// The tensor of that name, its elements as S.
template <class S>
at::Tensor tensor_at(const safetensors_file& file, const std::string& name, at::ScalarType type)
{
  const tensor_view& view = file.at(name);
  const std::vector<std::int64_t> shape(view.shape.begin(), view.shape.end());
  std::vector<S> elements;
  if constexpr (std::is_same_v<S, float>)
    elements = to_float(view);
  else
    elements = to_int64(view);
  return at::from_blob(elements.data(), shape, type).clone();
}

at::Tensor tensor_of(const nn::images& x)
{
  const std::vector<std::int64_t> shape{std::int64_t(x.count), std::int64_t(x.channels), std::int64_t(x.height),
                                        std::int64_t(x.width)};
  return at::from_blob(const_cast<float*>(x.data()), shape, at::kFloat).clone();
}

}  // namespace

TEST_CASE("the module gives the outputs of a checkpoint trained in PyTorch", "[torch]")
{
  const c10::InferenceMode no_gradients;
  const auto folder = test::in_repository("models/fontdigits-ddpm");
  const auto config = folder / "unet" / "config.json";
  examples::unet2d_torch net(nn::read_blueprint(json::read_file(config), config.string()).design);
  load(net, safetensors_file::open(folder / "unet" / "diffusion_pytorch_model.safetensors"));
  const auto reference = safetensors_file::open(folder / "reference.safetensors");
  const at::Tensor y = net.forward(tensor_at<float>(reference, "call.sample", at::kFloat),
                                   tensor_at<std::int64_t>(reference, "call.timestep", at::kLong),
                                   tensor_at<std::int64_t>(reference, "call.class_labels", at::kLong));
  // both are float32 networks of about 40 layers
  REQUIRE(test::largest_difference(y, tensor_at<float>(reference, "call.output", at::kFloat)) < 1e-5);
}

TEST_CASE("module and engine are one network, with and without hooks", "[torch]")
{
  const c10::InferenceMode no_gradients;
  nn::blueprint design{.sample_size = {16, 16}, .norm_groups = 8, .norm_eps = 1e-6};
  design.down = {{}, {true}};
  design.up = {{true}, {}};
  design.channels = {16, 32};
  SECTION("as most are") {}
  SECTION("with all that can be different")
  {
    design.in_channels = 2, design.out_channels = 1;
    design.center_input = true, design.cosines_first = false, design.frequency_shift = 1;
    design.layers_per_block = 1, design.downsample_padding = 0, design.mid_scale = 1.5;
    design.act = nn::activation::gelu, design.head_width = std::nullopt;
    design.mid_attention_groups = 4, design.classes = 3;
  }
  examples::unet2d_torch module(design);
  const std::string text = safetensors_text(module);
  nn::weights tensors(read_safetensors(std::as_bytes(std::span(text)), "made here"));
  const nn::network net = nn::build_unet2d(design, tensors);
  tensors.require_empty();

  nn::images x{2, design.in_channels, 16, 16};
  for (std::size_t k = 0; k < x.size(); ++k) x.values[k] = float(std::sin(double(k)));
  const evaluation at{{437.25, 1, 0}, 0, 0};
  nn::workspace work;
  const nn::lane engine(net, work, design.classes ? nn::conditioning{.class_labels = {2, 0}} : nn::conditioning{});
  const at::Tensor labels = at::tensor(std::vector<std::int64_t>{2, 0});
  const examples::unet2d_torch_lane peer{&module, labels};
  const at::Tensor input = tensor_of(x);

  // sums of at most 600 products of size one, over about twenty layers that keep their sizes
  const double close = 2e-5;
  REQUIRE(test::largest_difference(evaluate(peer, input, at), tensor_of(evaluate(engine, x, at))) < close);
  const std::vector<double> rho(net.connections.size(), 0.5);
  REQUIRE(test::largest_difference(evaluate(peer, input, at, skip_tuning(rho)),
                                   tensor_of(evaluate(engine, x, at, skip_tuning(rho)))) < close);
  deep_cache<at::Tensor> cache({.branch = 1, .refresh = every(2)});
  const at::Tensor plain = evaluate(peer, input, at, plain_join{}, cache);
  REQUIRE(at::equal(evaluate(peer, input, evaluation{at, 1, 0}, plain_join{}, cache), plain));
}

TEST_CASE("the module trains, and what it writes it reads again", "[torch]")
{
  nn::blueprint design{.norm_groups = 4};
  design.down = {{true}}, design.up = {{true}}, design.channels = {8};
  examples::unet2d_torch net(design), again(design);
  const at::Tensor x = at::sin(at::arange(2 * 3 * 8 * 8).to(at::kFloat)).reshape({2, 3, 8, 8});
  const at::Tensor times = at::tensor(std::vector<double>{3, 700});
  net.forward(x, times).square().sum().backward();
  for (const auto& named : net.named_parameters()) {
    CAPTURE(named.key());
    REQUIRE(named.value().grad().defined());
  }
  const std::string text = safetensors_text(net);
  load(again, read_safetensors(std::as_bytes(std::span(text)), "made here"));
  REQUIRE(at::equal(net.forward(x, times), again.forward(x, times)));
}
