#include "fewstep/nn/load.hpp"

#include "fewstep/io/half.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/lane.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

TEST_CASE("a checkpoint trained in PyTorch gives its outputs", "[nn]")
{
  const auto folder = test::in_repository("models/fontdigits-ddpm");
  const auto [net, unused] = nn::load_unet(folder);
  REQUIRE(unused.empty());
  const auto reference = safetensors_file::open(folder / "reference.safetensors");
  nn::conditioning condition{.timesteps = to_double(reference.at("call.timestep"))};
  for (const auto label : to_int64(reference.at("call.class_labels"))) condition.class_labels.push_back(int(label));

  nn::workspace work(2);
  const nn::images out =
      evaluate(nn::lane(net, work, condition), test::images_at(reference, "call.sample"), evaluation{});
  REQUIRE_THAT(test::largest_difference(out, test::images_at(reference, "call.output")), WithinAbs(0, 1e-4));
}

TEST_CASE("a network without Winograd's filtering is the same but for rounding, and smaller", "[nn]")
{
  const auto folder = test::in_repository("models/fontdigits-ddpm");
  const nn::network fast = nn::load_unet(folder).net, direct = nn::load_unet(folder, nn::filtering::direct).net;
  const nn::convolution &a = std::get<nn::residual_block>(fast.middle.front()).conv_1,
                        &b = std::get<nn::residual_block>(direct.middle.front()).conv_1;
  REQUIRE(a.tile == 4);
  REQUIRE(b.tile == 1);
  REQUIRE(a.weights.depth == 4 * b.weights.depth);
  const auto reference = safetensors_file::open(folder / "reference.safetensors");
  const nn::images x = test::images_at(reference, "call.sample");
  nn::workspace work;
  const auto run = [&](const nn::network& net) {
    return evaluate(nn::lane(net, work, {.class_labels = {3}}), x, evaluation{{500, 1, 0}, 0, 0});
  };
  const double difference = test::largest_difference(run(fast), run(direct));
  REQUIRE(difference > 0);
  // about 25 layers, each with an error of 1e-6 of numbers of size one
  REQUIRE_THAT(difference, WithinAbs(0, 25e-6));
}

TEST_CASE("a U-Net's folder alone loads as its pipeline does", "[nn]")
{
  const auto pipeline = nn::load_unet(test::in_repository("models/fontdigits-ddpm")).net;
  const auto alone = nn::load_unet(test::in_repository("models/fontdigits-ddpm/unet")).net;
  REQUIRE(pipeline.connections.size() == alone.connections.size());
  REQUIRE(pipeline.last.conv.weights.values == alone.last.conv.weights.values);
}

namespace {

const char* const small_unet = "a10_small_signal_eps";

/// What loading says of a copy of a golden network, changed by `change(config text, tensors)`, after the folder.
template <class F>
std::string refusal(F&& change)
{
  const auto golden = test::in_repository("tests/golden/unets") / small_unet;
  const auto file = safetensors_file::open(golden / "model.safetensors");
  std::string config = test::content_of(golden / "config.json");
  std::vector<tensor_view> tensors(file.tensors().begin(), file.tensors().end());
  change(config, tensors);
  const auto folder = test::empty_folder("nn_load");
  const model_files files{test::put(folder / "config.json", config), folder / "model.safetensors"};
  write_safetensors(files.weights, tensors);
  const std::string sentence = test::refusal<std::runtime_error>([&] { nn::load_unet(files); });
  const std::string place = folder.string() + "/";
  return sentence.starts_with(place) ? sentence.substr(place.size()) : sentence;
}

tensor_view& find(std::vector<tensor_view>& tensors, const std::string& wanted)
{
  for (tensor_view& tensor : tensors)
    if (tensor.name == wanted) return tensor;
  throw std::logic_error("the test names a tensor that is not there");
}

void replace(std::string& text, const std::string& what, const std::string& by)
{
  text.replace(text.find(what), what.size(), by);
}

}  // namespace

TEST_CASE("a network whose tensors do not fit its configuration is refused with the tensor's name", "[nn]")
{
  using tensors = std::vector<tensor_view>;
  REQUIRE(refusal([](std::string&, tensors&) {}) == "(nothing was thrown)");
  REQUIRE(refusal([](std::string&, tensors& all) { find(all, "conv_out.weight").name = "conv_end.weight"; }) ==
          "model.safetensors: there is no tensor \"conv_out.weight\"");
  REQUIRE(refusal([](std::string&, tensors& all) {
            find(all, "conv_in.weight").shape = {8, 3, 9};
          }) == "model.safetensors: tensor \"conv_in.weight\" must have shape [8, 3, 3, 3], but has [8, 3, 9]");
  REQUIRE(refusal([](std::string&, tensors& all) { find(all, "conv_in.bias").type = dtype::i32; }) ==
          "model.safetensors: tensor \"conv_in.bias\" must hold floating-point numbers, but has dtype I32");
  REQUIRE(refusal([](std::string&, tensors& all) {
            tensor_view more = find(all, "conv_in.bias");
            more.name = "conv_more.bias";
            all.push_back(more);
          }) == "model.safetensors: the network has no place for 1 of the tensors: \"conv_more.bias\"");
  REQUIRE(refusal([](std::string& config, tensors&) { replace(config, "[8, 16]", "[8, 24]"); }) ==
          "model.safetensors: tensor \"down_blocks.1.resnets.0.conv1.weight\" must have shape [24, 8, 3, 3], but has "
          "[16, 8, 3, 3]");
  REQUIRE(refusal([](std::string& config, tensors&) {
            replace(config, "\"add_attention\": true", "\"add_attention\": false");
          }) ==
          "model.safetensors: the network has no place for 10 of the tensors: "
          "\"mid_block.attentions.0.group_norm.bias\", \"mid_block.attentions.0.group_norm.weight\", "
          "\"mid_block.attentions.0.to_k.bias\", ...");
  REQUIRE(
      refusal([](std::string& config, tensors&) { replace(config, "\"AttnDownBlock2D\"", "\"SkipDownBlock2D\""); }) ==
      "config.json: \"down_block_types\"[1] must be one of DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D, but "
      "is "
      "\"SkipDownBlock2D\"");
}

TEST_CASE("weights saved in half precision load as the floats that they stand for", "[nn]")
{
  const test::golden_network golden(small_unet);
  const auto file = safetensors_file::open(golden.folder / "model.safetensors");
  std::vector<std::vector<std::uint16_t>> halves;
  std::vector<std::vector<float>> floats;
  std::vector<tensor_view> in_half, in_float;
  for (const tensor_view& tensor : file.tensors()) {
    halves.push_back(to_half(to_float(tensor)));
    in_half.push_back(view_of_half(tensor.name, halves.back(), tensor.shape));
    floats.push_back(to_float(in_half.back()));
    in_float.push_back(view_of(tensor.name, floats.back(), tensor.shape));
  }
  const auto folder = test::empty_folder("nn_load_half");
  const auto output = [&](const char* file_name, const std::vector<tensor_view>& tensors) {
    write_safetensors(folder / file_name, tensors);
    const auto net = nn::load_unet(model_files{golden.folder / "config.json", folder / file_name}).net;
    nn::workspace work;
    return evaluate(nn::lane(net, work), golden.x, golden.at);
  };
  REQUIRE(output("half.safetensors", in_half) == output("float.safetensors", in_float));
}

TEST_CASE("missing files are named", "[nn]")
{
  const auto folder = test::empty_folder("nn_load_missing");
  REQUIRE(test::refusal<std::runtime_error>([&] { nn::load_unet(folder / "nowhere"); }) ==
          (folder / "nowhere").string() + ": there is no such folder");
  test::put(folder / "config.json", "{}");
  REQUIRE(test::contains(test::refusal<std::runtime_error>([&] { nn::load_unet(folder); }),
                         "diffusion_pytorch_model.safetensors"));
}
