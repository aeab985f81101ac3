#include "fewstep/nn/load_tiny_autoencoder.hpp"

#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/io/tensor_view.hpp"
#include "fewstep/nn/tiny_autoencoder.hpp"
#include "fewstep/nn/workspace.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <list>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
namespace fs = std::filesystem;

namespace {

/// The smallest autoencoder of two levels: one channel throughout, filters that pass their middle pixel times a number.
class smallest {
public:
  void pass(const std::string& name, float factor, float bias)
  {
    passing(name, factor);
    add(name + ".bias", {1}, {bias});
  }

  /// Without bias.
  void passing(const std::string& name, float factor)
  {
    add(name + ".weight", {1, 1, 3, 3}, {0, 0, 0, 0, factor, 0, 0, 0, 0});
  }

  void block(const std::string& name)
  {
    for (const char* layer : {".conv.0", ".conv.2", ".conv.4"}) pass(name + layer, 1, 0.5f);
  }

  model_files save(const fs::path& folder, const std::string& config) const
  {
    write_safetensors(folder / "diffusion_pytorch_model.safetensors", views_);
    return {test::put(folder / "config.json", config), folder / "diffusion_pytorch_model.safetensors"};
  }

private:
  void add(const std::string& name, std::vector<std::size_t> shape, std::vector<float> values)
  {
    views_.push_back(view_of(name, numbers_.emplace_back(std::move(values)), std::move(shape)));
  }

  std::list<std::vector<float>> numbers_;
  std::vector<tensor_view> views_;
};

smallest two_levels()
{
  smallest file;
  file.pass("encoder.layers.0", 2, 0);
  file.block("encoder.layers.1");
  file.passing("encoder.layers.2", 3);
  file.block("encoder.layers.3");
  file.pass("encoder.layers.4", 1, 0.25f);
  file.pass("decoder.layers.0", 2, 1);
  file.block("decoder.layers.2");
  file.passing("decoder.layers.4", 3);
  file.block("decoder.layers.5");
  file.pass("decoder.layers.6", 1, 0.25f);
  return file;
}

const std::string config = R"({"_class_name": "AutoencoderTiny", "in_channels": 1, "out_channels": 1,
    "latent_channels": 1, "encoder_block_out_channels": [1, 1], "decoder_block_out_channels": [1, 1],
    "num_encoder_blocks": [1, 1], "num_decoder_blocks": [1, 1], "act_fn": "relu", "scaling_factor": 0.5})";

/// relu(conv(relu(conv(relu(conv(x))))) + x), where every convolution adds a half.
double block(double x)
{
  const auto layer = [](double y) { return std::max(0.0, y + 0.5); };
  return std::max(0.0, layer(layer(x)) + 0.5 + x);
}

}  // namespace

TEST_CASE("a tiny autoencoder is its layers by their positions", "[nn]")
{
  const auto folder = test::empty_folder("nn_load_tiny");
  two_levels().save(folder, config);
  const auto [net, unused] = nn::load_tiny_autoencoder(folder);
  REQUIRE(unused.empty());
  REQUIRE(net.scale.factor == 0.5);

  nn::workspace work;
  const nn::images z{1, 1, 1, 2, {-1.25f, 4}};
  const nn::images picture = nn::decode(net, z, work);
  REQUIRE((picture.height == 2 && picture.width == 4));
  for (std::size_t k = 0; k < 8; ++k) {
    const double bounded = 3 * std::tanh(double(z.values[k % 4 / 2]) / 3);
    const double y = block(3 * block(std::max(0.0, 2 * bounded + 1))) + 0.25;
    REQUIRE_THAT(double(picture.values[k]), WithinAbs(2 * y - 1, 1e-4));
  }

  const nn::images found = nn::encode(net, picture, work);
  REQUIRE((found.height == 1 && found.width == 2));
  for (std::size_t k = 0; k < 2; ++k) {
    const double x = double(picture.values[2 * k]);
    REQUIRE_THAT(double(found.values[k]), WithinAbs(block(3 * block(x + 1)) + 0.25, 1e-3));
  }
}

TEST_CASE("what a tiny autoencoder's configuration asks for in vain is named", "[nn]")
{
  const auto folder = test::empty_folder("nn_load_tiny_refused");
  const auto refusal = [&](const std::string& what, const std::string& by) {
    std::string changed = config;
    changed.replace(changed.find(what), what.size(), by);
    const model_files files = two_levels().save(folder, changed);
    const std::string sentence = test::refusal<std::runtime_error>([&] { nn::load_tiny_autoencoder(files); });
    return sentence.substr(sentence.find("json") + 6);
  };
  REQUIRE(refusal("relu", "silu") == R"("act_fn" must be "relu", but is "silu")");
  REQUIRE(
      refusal(R"("encoder_block_out_channels": [1, 1])", R"("encoder_block_out_channels": [1, 2])") ==
      R"("encoder_block_out_channels" must be the same positive number for each of 2 levels, but is an array of 2)");
  REQUIRE(refusal(R"("decoder_block_out_channels": [1, 1])", R"("decoder_block_out_channels": [2, 2])") ==
          R"("decoder_block_out_channels" must be the same as "encoder_block_out_channels", but is an array of 2)");
}
