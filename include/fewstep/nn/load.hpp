/// @file
/// A network from the files of a checkpoint.
#pragma once

#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/nn/blueprint.hpp"
#include "fewstep/nn/condition_blueprint.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/unet2d.hpp"
#include "fewstep/nn/unet2d_condition.hpp"
#include "fewstep/nn/weights.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// A network and the keys of its configuration that say nothing to this engine.
struct loaded_network {
  network net;
  std::vector<std::string> unused{};
};

/// Loads a UNet2DModel or a UNet2DConditionModel, as the configuration says. Throws std::runtime_error, with the path
/// first, for files that are missing or damaged, layers that this engine has not, and tensors that are missing, of
/// another shape or without a place in the network.
inline loaded_network load_unet(const model_files& files, filtering filters = filtering::minimal)
{
  const std::string where = files.config.string();
  const json::value document = json::read_file(files.config);
  const bool conditional =
      json::object_reader(document, where)
          .one_of_or("_class_name", {{"UNet2DModel", false}, {"UNet2DConditionModel", true}}, false);
  const auto load = [&](auto architecture, const auto& build) -> loaded_network {
    weights tensors = weights::open(files.weights, filters);
    loaded_network out{build(architecture.design, tensors), std::move(architecture.unused)};
    tensors.require_empty();
    return out;
  };
  return conditional ? load(read_condition_blueprint(document, where), build_unet2d_condition)
                     : load(read_blueprint(document, where), build_unet2d);
}

/// The same from a folder that diffusers saved: a pipeline or a U-Net alone.
inline loaded_network load_unet(const std::filesystem::path& folder, filtering filters = filtering::minimal)
{
  const diffusers_folder found = open_diffusers(folder);
  return load_unet(model_files{found.unet_config, found.unet_weights}, filters);
}

}  // namespace fewstep::nn
