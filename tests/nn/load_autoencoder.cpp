#include "fewstep/nn/load_autoencoder.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

const char* const autoencoder = "c3_autoencoder_kl_small_signal";

/// What loading says of the golden autoencoder with one key of its configuration changed, after the path.
std::string refusal(const std::string& key, const std::string& value)
{
  const fs::path golden = test::in_repository("tests/golden/unets") / autoencoder;
  std::string config = test::content_of(golden / "config.json");
  const auto place = config.find("\"" + key + "\"");
  if (place != config.npos) {
    const auto end = config.find('\n', place);
    config.replace(place, end - place, "\"" + key + "\": " + value + (config[end - 1] == ',' ? "," : ""));
  } else {
    config.insert(config.find('{') + 1, "\"" + key + "\": " + value + ",");
  }
  const fs::path path = test::put(test::empty_folder("nn_load_autoencoder") / "config.json", config);
  const std::string sentence = test::refusal<std::runtime_error>([&] {
    nn::load_autoencoder(model_files{path, golden / "model.safetensors"});
  });
  return sentence.starts_with(path.string() + ": ") ? sentence.substr(path.string().size() + 2) : sentence;
}

}  // namespace

TEST_CASE("an autoencoder of a pipeline loads with one call, as it does alone", "[nn]")
{
  const fs::path golden = test::in_repository("tests/golden/unets") / autoencoder;
  const fs::path folder = test::empty_folder("nn_load_autoencoder_pipeline");
  test::put(folder / "model_index.json", R"({"_class_name": "StableDiffusionPipeline"})");
  fs::create_directories(folder / "vae");
  fs::copy_file(golden / "config.json", folder / "vae" / "config.json");
  fs::copy_file(golden / "model.safetensors", folder / "vae" / "diffusion_pytorch_model.safetensors");
  for (const fs::path& place : {folder, folder / "vae"}) {
    const auto [net, unused] = nn::load_autoencoder(place);
    REQUIRE(unused.empty());
    // convolution, one layer and a halving, one layer, three in the middle, two at the end
    REQUIRE(net.encoder.size() == 9);
    // two convolutions, three in the middle, two layers and an enlargement, two layers, the end
    REQUIRE(net.decoder.size() == 11);
  }
}

TEST_CASE("what an autoencoder's configuration asks for in vain is named", "[nn]")
{
  REQUIRE(refusal("down_block_types", R"(["DownEncoderBlock2D", "AttnDownEncoderBlock2D"])") ==
          R"("down_block_types" must be a list of "DownEncoderBlock2D", but is an array of 2)");
  REQUIRE(refusal("up_block_types", R"(["UpDecoderBlock2D"])") ==
          R"("up_block_types" must be as long as "block_out_channels", 2, but is an array of 1)");
  REQUIRE(refusal("norm_num_groups", "3") ==
          R"("norm_num_groups" must be a divisor of every number of channels, but is 3)");
  REQUIRE(refusal("_class_name", R"("AutoencoderDC")") ==
          R"("_class_name" must be "AutoencoderKL", but is "AutoencoderDC")");
  REQUIRE(refusal("latents_mean", "[0.5]") == R"("latents_mean" must be null, but is an array of 1)");
  REQUIRE(refusal("scaling_factor", "0") == R"("scaling_factor" must be positive, but is 0)");
  REQUIRE(
      test::contains(refusal("mid_block_add_attention", "false"), "the network has no place for 20 of the tensors"));
  REQUIRE(test::contains(refusal("use_quant_conv", "false"), "\"quant_conv.bias\""));
}
