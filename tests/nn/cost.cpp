#include "fewstep/nn/cost.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/unet/cost.hpp"
#include "support/catch.hpp"
#include "support/golden_network.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

/// The level of resolution of a tensor of a network with three levels, by its name.
std::size_t level_of(const std::string& name)
{
  const auto number = [&](const char* prefix) { return std::size_t(name.at(std::string(prefix).size()) - '0'); };
  const bool sampler = name.find("samplers") != name.npos;
  if (name.starts_with("down_blocks.")) return number("down_blocks.") + (sampler ? 1 : 0);
  if (name.starts_with("up_blocks.")) return 2 - number("up_blocks.") - (sampler ? 1 : 0);
  return name.starts_with("mid_block") ? 2 : 0;
}

/// The architecture of google/ddpm-cifar10-32 without its weights: 128, 256, 256, 256 channels, two layers a block,
/// attention at 16 x 16 and in the middle.
nn::network ddpm_cifar10()
{
  const std::array<std::size_t, 4> channels{128, 256, 256, 256};
  const auto conv = [](std::size_t in, std::size_t out) {
    return nn::convolution{.in = in, .out = out, .size = 3, .pad = 1, .pad_behind = 1};
  };
  const auto residual = [&](std::size_t in, std::size_t out) {
    nn::residual_block b{
        .conv_1 = conv(in, out), .time = nn::convolution{.in = 512, .out = out}, .conv_2 = conv(out, out)};
    if (in != out) b.shortcut = nn::convolution{.in = in, .out = out};
    return b;
  };
  const auto attention = [](std::size_t c) {
    return nn::attention_block{.queries_keys_values = {.in = c, .out = 3 * c}, .out = {.in = c, .out = c}};
  };
  nn::network net{.last = {.conv = conv(128, 3)}};
  net.conditions.layers = {{.in = 128, .out = 512}, {.in = 512, .out = 512}};
  std::vector<std::size_t> skips{128};
  net.connections.push_back({{nn::sampling_block{conv(3, 128)}}, {}});
  for (std::size_t level = 0; level < 4; ++level) {
    for (int layer = 0; layer < 2; ++layer) {
      net.connections.push_back({{residual(skips.back(), channels[level])}, {}});
      if (level == 1) net.connections.back().down.push_back(attention(256));
      skips.push_back(channels[level]);
    }
    if (level == 3) break;
    nn::convolution halving{.in = channels[level], .out = channels[level], .size = 3, .stride = 2, .pad_behind = 1};
    net.connections.push_back({{nn::sampling_block{halving}}, {}});
    skips.push_back(channels[level]);
  }
  net.middle = {residual(256, 256), attention(256), residual(256, 256)};
  std::size_t in = 256;
  for (std::size_t i = 12; i-- > 0; in = channels[i / 3]) {
    auto& up = net.connections[i].up;
    up.push_back(residual(in + skips[i], channels[i / 3]));
    if (i / 3 == 1) up.push_back(attention(256));
    if (i % 3 == 0 && i > 0) up.push_back(nn::sampling_block{conv(channels[i / 3], channels[i / 3]), 2});
  }
  return net;
}

}  // namespace

TEST_CASE("a network costs each weight once for every pixel that it is applied to, and the products of attention",
          "[nn]")
{
  const test::golden_network golden("a3_class_cond_mnist");
  const auto file = safetensors_file::open(golden.folder / "model.safetensors");
  double expected = 0;
  for (const tensor_view& tensor : file.tensors()) {
    if (tensor.shape.size() < 2 || tensor.name == "class_embedding.weight") continue;
    double products = tensor.name.find("time_emb") == std::string::npos ? std::pow(32 >> level_of(tensor.name), 2) : 1;
    for (const std::size_t length : tensor.shape) products *= double(length);
    expected += products;
    // one output projection an attention: scores and values, both pixels x pixels x channels
    if (tensor.name.ends_with("to_out.0.weight"))
      expected += 2 * std::pow(32 >> level_of(tensor.name), 4) * double(tensor.shape[0]);
  }
  REQUIRE_THAT(full_cost(nn::multiply_adds(golden.net, 32, 32)), WithinRel(expected, 1e-12));
  REQUIRE_THAT(full_cost(nn::multiply_adds(golden.net, 32, 32, 5)), WithinRel(5 * expected, 1e-12));
}

TEST_CASE("a transformer costs its layers, what pixels say to each other, and what they ask of the text", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  const auto file = safetensors_file::open(golden.folder / "model.safetensors");
  // two levels: pixels of the outer and the inner one
  const auto pixels_of = [](const std::string& name) {
    const bool inner = name.starts_with("down_blocks.1") || name.starts_with("mid_block") ||
                       name.starts_with("down_blocks.0.down") || name.starts_with("up_blocks.0.resnets") ||
                       name.starts_with("up_blocks.0.attentions");
    return inner ? 8.0 * 12 : 16.0 * 24;
  };
  const double tokens = 7;
  double expected = 0;
  for (const tensor_view& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    const auto has = [&](const char* part) { return name.find(part) != name.npos; };
    // keys and values of the text are made once for all evaluations
    if (tensor.shape.size() < 2 || has("attn2.to_k") || has("attn2.to_v")) continue;
    double products = has("time_emb") ? 1 : pixels_of(name);
    for (const std::size_t length : tensor.shape) products *= double(length);
    expected += products;
    const double channels = double(tensor.shape[0]);
    if (has("attn1.to_out")) expected += 2 * pixels_of(name) * pixels_of(name) * channels;
    if (has("attn2.to_out")) expected += 2 * pixels_of(name) * tokens * channels;
  }
  REQUIRE_THAT(full_cost(nn::multiply_adds(golden.net, 16, 24, 1, 7)), WithinRel(expected, 1e-12));
  REQUIRE(full_cost(nn::multiply_adds(golden.net, 16, 24, 2)) > 2 * expected);
}

TEST_CASE("odd sizes cost what they are", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  // 9 x 5 pixels, 5 x 3 after halving and 9 x 5 again: the last convolution sees 45 pixels, the upsampler too
  const unet_cost odd = nn::multiply_adds(golden.net, 9, 5), even = nn::multiply_adds(golden.net, 10, 6);
  const double last = 9.0 * 8 * 4;
  REQUIRE_THAT(even.ends - odd.ends, WithinRel(last * (60 - 45), 1e-12));
  REQUIRE(even.middle == odd.middle);
}

TEST_CASE("cached evaluations of the DDPM network for CIFAR-10 cost what DeepCache's authors count", "[nn]")
{
  const unet_cost cost = nn::multiply_adds(ddpm_cifar10(), 32, 32);
  // they leave out the products of attention: in connections 4 and 5, down and up, in 3, up, and in the middle
  const double at_16 = 2 * std::pow(16, 4) * 256, at_4 = 2 * std::pow(4, 4) * 256;
  unet_cost counted = cost;
  for (const auto& [connection, attentions] : std::vector<std::pair<std::size_t, double>>{{3, 1}, {4, 2}, {5, 2}})
    counted.connections[connection] -= attentions * at_16;
  counted.middle -= at_4;
  REQUIRE_THAT(full_cost(counted) / 1e9, WithinAbs(6.054, 0.0005));
  // average over a full and four cached steps at the paper's branches 2 to 6
  const std::vector<double> averages{2.237, 3.002, 3.891, 4.576, 5.314};
  for (std::size_t k = 0; k < averages.size(); ++k) {
    const double average = (full_cost(counted) + 4 * shallow_cost(counted, k + 1)) / 5;
    REQUIRE_THAT(average / 1e9, WithinAbs(averages[k], 0.0006));
  }
}

TEST_CASE("a residual block that changes the size of its input costs what it computes at the new size", "[nn]")
{
  const nn::convolution conv{.in = 3, .out = 3, .size = 3, .pad = 1, .pad_behind = 1}, one{.in = 3, .out = 3};
  const auto cost = [&](nn::size_change change) {
    const nn::residual_block b{.resample = {change},
                               .conv_1 = conv,
                               .time = nn::convolution{.in = 5, .out = 6},
                               .conv_2 = conv,
                               .shortcut = one};
    nn::network net;
    net.connections.push_back({{b, nn::sampling_block{one}}, {}});
    return nn::multiply_adds(net, 8, 4);
  };
  // two of 3 x 3 and two of 1 x 1, and the time's layer
  REQUIRE(cost(nn::size_change::none).connections[0] == 32 * (2 * 81 + 2 * 9) + 30);
  REQUIRE(cost(nn::size_change::halved).connections[0] == 8 * (2 * 81 + 2 * 9) + 30);
  REQUIRE(cost(nn::size_change::doubled).connections[0] == 128 * (2 * 81 + 2 * 9) + 30);
}

TEST_CASE("layers that embed a class as a number cost once for an image", "[nn]")
{
  nn::network net;
  net.conditions.layers = {{.in = 4, .out = 6}, {.in = 6, .out = 6}};
  const double plain = nn::multiply_adds(net, 2, 2).ends;
  net.conditions.classes = nn::class_numbers{net.conditions.layers};
  REQUIRE(nn::multiply_adds(net, 2, 2).ends - plain == 4 * 6 + 6 * 6);
}

TEST_CASE("the end of a second path costs what its convolution costs", "[nn]")
{
  nn::network net;
  net.connections.push_back({{nn::sampling_block{{.in = 1, .out = 1}}}, {}});
  const double plain = nn::multiply_adds(net, 4, 4).connections[0];
  net.connections[0].merges = nn::path_end{{.in = 3, .out = 2, .size = 6}};
  REQUIRE(nn::multiply_adds(net, 4, 4).connections[0] - plain == 16 * 3 * 2 * 36);
}
