#include "fewstep/io/diffusers.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace fewstep;
using fewstep::test::contains;
using fewstep::test::empty_folder;
using fewstep::test::in_repository;
using fewstep::test::put;
using fewstep::test::refusal;

namespace {

/// A pipeline in the form of real ones; the files of its parts are empty, since none of them is read.
fs::path pipeline(const std::string& name)
{
  const fs::path folder = empty_folder(name);
  put(folder / "model_index.json", R"({"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
      "scheduler": ["diffusers", "PNDMScheduler"], "unet": ["diffusers", "UNet2DConditionModel"],
      "vae": ["diffusers", "AutoencoderKL"]})");
  put(folder / "scheduler" / "scheduler_config.json");
  put(folder / "unet" / "config.json");
  put(folder / "unet" / "diffusion_pytorch_model.safetensors");
  return folder;
}

struct defect {
  std::string name;
  std::string gone;      ///< removed from a sound pipeline
  std::string added;     ///< an empty file put there
  std::string place;     ///< where the sentence must begin, within the pipeline
  std::string sentence;  ///< what it must contain
};

const std::vector<defect> defects{
    {"no_unet_config", "unet/config.json", "", "unet/config.json", "missing"},
    {"no_scheduler", "scheduler", "", "scheduler/scheduler_config.json", "missing"},
    {"no_unet", "unet", "", "unet/config.json", "missing"},
    {"no_weights", "unet/diffusion_pytorch_model.safetensors", "", "unet/diffusion_pytorch_model.safetensors",
     "missing"},
    {"pickle", "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.bin",
     "unet/diffusion_pytorch_model.bin", "convert them to safetensors"},
    {"neither", "model_index.json", "notes.txt", "", "neither model_index.json"},
    {"empty_index", "model_index.json", "model_index.json", "model_index.json", "line 1, column 1"},
};

}  // namespace

TEST_CASE("a pipeline folder tells its class, its files and what was not followed", "[io][diffusers]")
{
  const fs::path folder = pipeline("diffusers_pipeline");
  const diffusers_folder found = open_diffusers(folder);
  REQUIRE(found.pipeline_class == "StableDiffusionPipeline");
  REQUIRE(found.unet_config == folder / "unet" / "config.json");
  REQUIRE(found.unet_weights == folder / "unet" / "diffusion_pytorch_model.safetensors");
  REQUIRE(found.scheduler_config == folder / "scheduler" / "scheduler_config.json");
  REQUIRE(found.unused == std::vector<std::string>{"vae"});
}

TEST_CASE("weights in half precision are taken where there are no others", "[io][diffusers]")
{
  const fs::path folder = pipeline("diffusers_half");
  const fs::path half = put(folder / "unet" / "diffusion_pytorch_model.fp16.safetensors");
  REQUIRE(open_diffusers(folder).unet_weights == folder / "unet" / "diffusion_pytorch_model.safetensors");
  fs::remove(folder / "unet" / "diffusion_pytorch_model.safetensors");
  REQUIRE(open_diffusers(folder).unet_weights == half);
}

TEST_CASE("the index of weights in several files stands for them", "[io][diffusers]")
{
  const fs::path folder = pipeline("diffusers_sharded") / "unet";
  fs::remove(folder / "diffusion_pytorch_model.safetensors");
  const fs::path index = put(folder / "diffusion_pytorch_model.safetensors.index.json",
                             R"({"metadata": {"total_size": 8}, "weight_map": {"a": "2.safetensors",
                                 "b": "1.safetensors", "c": "2.safetensors"}})");
  REQUIRE(open_model(folder, "unet").weights == index);
  const std::vector<fs::path> files{put(folder / "2.safetensors"), put(folder / "1.safetensors")};
  REQUIRE(weight_files(index) == files);
  REQUIRE(weight_files(files[0]) == std::vector<fs::path>{files[0]});

  const auto refusal_of = [&](const std::string& text) {
    put(index, text);
    const std::string sentence = refusal<std::runtime_error>([&] { weight_files(index); });
    return sentence.substr(folder.string().size() + 1);
  };
  const std::string name = "diffusion_pytorch_model.safetensors.index.json: ";
  REQUIRE(refusal_of(R"({"weight_map": {}})") == name + R"("weight_map" must name the file of each tensor)");
  REQUIRE(refusal_of("{}") == name + R"("weight_map" must name the file of each tensor)");
  REQUIRE(refusal_of(R"({"weight_map": {"a": "../1.safetensors"}})") ==
          name + R"(the file of "a" must be one beside the index, but is "../1.safetensors")");
  REQUIRE(refusal_of(R"({"weight_map": {"a": 1}})") == name + R"("a" must be a string, but is 1)");
  REQUIRE(refusal_of(R"({"weight_map": {"a": "3.safetensors"}})") == "3.safetensors: the file is missing");
}

TEST_CASE("one network of a pipeline is found by its name, and alone in a folder of its own", "[io][diffusers]")
{
  const fs::path folder = pipeline("diffusers_part");
  const fs::path config = put(folder / "vae" / "config.json");
  const fs::path weights = put(folder / "vae" / "diffusion_pytorch_model.safetensors");
  for (const model_files& found : {open_model(folder, "vae"), open_model(folder / "vae", "vae")}) {
    REQUIRE(found.config == config);
    REQUIRE(found.weights == weights);
  }
  REQUIRE(refusal<std::runtime_error>([&] { open_model(folder, "text_encoder"); }) ==
          (folder / "text_encoder" / "config.json").string() + ": the file is missing");
}

TEST_CASE("a pipeline without a scheduler in its index has none", "[io][diffusers]")
{
  const fs::path folder = pipeline("diffusers_no_scheduler");
  put(folder / "model_index.json", R"({"_class_name": "P", "unet": ["diffusers", "UNet2DModel"]})");
  REQUIRE_FALSE(open_diffusers(folder).scheduler_config.has_value());
}

TEST_CASE("the folder of a U-Net stands for itself", "[io][diffusers]")
{
  const fs::path folder = pipeline("diffusers_bare") / "unet";
  const diffusers_folder found = open_diffusers(folder);
  REQUIRE(found.unet_config == folder / "config.json");
  REQUIRE(found.unet_weights == folder / "diffusion_pytorch_model.safetensors");
  REQUIRE_FALSE(found.scheduler_config.has_value());
  REQUIRE(found.pipeline_class.empty());
}

TEST_CASE("the committed checkpoint is found", "[io][diffusers]")
{
  const diffusers_folder found = open_diffusers(in_repository("models/fontdigits-ddpm"));
  REQUIRE(found.pipeline_class == "DDPMPipeline");
  REQUIRE(fs::exists(found.unet_weights));
  REQUIRE(found.unused.empty());
}

TEST_CASE("whatever a checkpoint lacks is named in one sentence", "[io][diffusers]")
{
  for (const defect& planted : defects) {
    const fs::path folder = pipeline("diffusers_" + planted.name);
    fs::remove_all(folder / planted.gone);
    if (!planted.added.empty()) put(folder / planted.added);

    const std::string sentence = refusal<std::runtime_error>([&] { open_diffusers(folder); });

    CAPTURE(planted.name, sentence);
    REQUIRE(sentence.starts_with((planted.place.empty() ? folder : folder / planted.place).string() + ": "));
    REQUIRE(contains(sentence, planted.sentence));
  }
}

TEST_CASE("a missing folder, a file and an index without a U-Net are refused", "[io][diffusers]")
{
  const fs::path folder = pipeline("diffusers_refused");
  const fs::path file = folder / "unet" / "config.json", missing = folder / "missing";
  REQUIRE(refusal<std::runtime_error>([&] { open_diffusers(missing); }) ==
          missing.string() + ": there is no such folder");
  REQUIRE(refusal<std::runtime_error>([&] { open_diffusers(file); }) ==
          file.string() + ": is a file, but must be the folder of a checkpoint");

  const fs::path index = put(folder / "model_index.json", R"({"_class_name": "FluxPipeline"})");
  REQUIRE(refusal<std::runtime_error>([&] { open_diffusers(folder); }) ==
          index.string() + ": \"unet\" must be the library and class of a U-Net, but is missing");
  put(index, R"({"unet": []})");
  REQUIRE(refusal<std::runtime_error>([&] { open_diffusers(folder); }) ==
          index.string() + ": \"_class_name\" is missing");
}
