/// @file
/// A network from the files of a checkpoint.
#pragma once

#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/nn/condition_config.hpp"
#include "fewstep/nn/edm_config.hpp"
#include "fewstep/nn/edm_unet.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/unet2d.hpp"
#include "fewstep/nn/unet2d_condition.hpp"
#include "fewstep/nn/unet2d_config.hpp"
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

namespace detail {

enum class architecture { unet2d, unet2d_condition, edm };

/// Builds the network of what was read from a configuration.
template <class R, class B>
loaded_network build(R read, const model_files& files, filtering filters, B&& build_network)
{
  weights tensors = weights::open(files.weights, filters);
  loaded_network out{build_network(read.design, tensors), std::move(read.unused)};
  tensors.require_empty();
  return out;
}

}  // namespace detail

/// Loads a UNet2DModel, a UNet2DConditionModel or an EDMPrecond, as the configuration says. Throws std::runtime_error,
/// with the path first, for files that are missing or damaged, layers that this engine has not, and tensors that are
/// missing, of another shape or without a place in the network.
inline loaded_network load_unet(const model_files& files, filtering filters = filtering::minimal)
{
  using detail::architecture;
  const std::string where = files.config.string();
  const json::value document = json::read_file(files.config);
  switch (json::object_reader(document, where)
              .one_of_or<architecture>("_class_name",
                                       {{"UNet2DModel", architecture::unet2d},
                                        {"UNet2DConditionModel", architecture::unet2d_condition},
                                        {"EDMPrecond", architecture::edm}},
                                       architecture::unet2d)) {
    case architecture::unet2d_condition:
      return detail::build(read_condition_blueprint(document, where), files, filters, build_unet2d_condition);
    case architecture::edm:
      return detail::build(read_edm_blueprint(document, where), files, filters, build_edm_unet);
    case architecture::unet2d:
      break;
  }
  return detail::build(read_blueprint(document, where), files, filters, build_unet2d);
}

/// The same from a folder that diffusers saved: a pipeline or a U-Net alone.
inline loaded_network load_unet(const std::filesystem::path& folder, filtering filters = filtering::minimal)
{
  const diffusers_folder found = open_diffusers(folder);
  return load_unet(model_files{found.unet_config, found.unet_weights}, filters);
}

}  // namespace fewstep::nn
