/// @file
/// Where the parts of a diffusers checkpoint lie: a pipeline's folder or that of one network.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/json/convert.hpp"
#include "fewstep/io/object_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace fewstep {

/// The files that a network is saved in.
struct model_files {
  std::filesystem::path config, weights;  ///< the weights may be an index (see `weight_files`)
};

/// The files of a checkpoint that was found; nothing in them is read but the index of the pipeline.
struct diffusers_folder {
  std::filesystem::path unet_config;
  std::filesystem::path unet_weights;
  std::optional<std::filesystem::path> scheduler_config{};  ///< a bare U-Net has none
  std::string pipeline_class{};                             ///< such as "DDPMPipeline"; empty for a bare U-Net
  std::vector<std::string> unused{};                        ///< entries of the pipeline that were not followed
};

namespace detail {

inline std::filesystem::path existing(const std::filesystem::path& file)
{
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored))
    throw std::runtime_error(file.string() + ": the file is missing");
  return file;
}

/// The weights in a network's folder, those in half precision if there are no others; throws with the reason if they
/// are there in another form only.
inline std::filesystem::path weights_in(const std::filesystem::path& folder)
{
  const auto has = [&](const char* name) {
    std::error_code ignored;
    return std::filesystem::exists(folder / name, ignored);
  };
  for (const char* name :
       {"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors.index.json",
        "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.fp16.safetensors.index.json"})
    if (has(name)) return existing(folder / name);
  for (const char* name : {"diffusion_pytorch_model.bin", "pytorch_model.bin", "diffusion_pytorch_model.ckpt"})
    if (has(name))
      throw std::runtime_error(
          (folder / name).string() +
          ": weights in a pickle are not read, because they can run code; convert them to safetensors");
  return existing(folder / "diffusion_pytorch_model.safetensors");
}

inline void require_folder(const std::filesystem::path& folder)
{
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(folder, error);
  if (!std::filesystem::exists(status)) throw std::runtime_error(folder.string() + ": there is no such folder");
  if (!std::filesystem::is_directory(status))
    throw std::runtime_error(folder.string() + ": is a file, but must be the folder of a checkpoint");
}

inline diffusers_folder open_pipeline(const std::filesystem::path& folder)
{
  json::object_reader index = json::read_object(folder / "model_index.json");
  diffusers_folder out;
  out.pipeline_class = index.get<std::string>("_class_name");
  index.ignore("_diffusers_version");
  if (!index.has("unet")) index.refuse("unet", "the library and class of a U-Net");
  index.ignore("unet");
  out.unet_config = existing(folder / "unet" / "config.json");
  out.unet_weights = weights_in(folder / "unet");
  if (index.has("scheduler")) {
    index.ignore("scheduler");
    out.scheduler_config = existing(folder / "scheduler" / "scheduler_config.json");
  }
  out.unused = index.unused();
  return out;
}

}  // namespace detail

/// Finds the parts of a checkpoint. `folder` holds model_index.json, unet/ and, if the index names it, scheduler/; or
/// it is a U-Net's folder itself, with config.json and diffusion_pytorch_model.safetensors. Throws std::runtime_error,
/// with a path first, for whatever is missing or has another form.
inline diffusers_folder open_diffusers(const std::filesystem::path& folder)
{
  detail::require_folder(folder);
  if (std::filesystem::exists(folder / "model_index.json")) return detail::open_pipeline(folder);
  if (std::filesystem::exists(folder / "config.json"))
    return {.unet_config = detail::existing(folder / "config.json"), .unet_weights = detail::weights_in(folder)};
  throw std::runtime_error(folder.string() +
                           ": is no checkpoint of diffusers: it has neither model_index.json (a "
                           "pipeline) nor config.json (a U-Net)");
}

/// The files of one network: of that part of a pipeline, "vae" say, or of the folder itself if it is no pipeline's.
/// Throws std::runtime_error, with a path first, for what is missing or has another form.
inline model_files open_model(const std::filesystem::path& folder, const std::string& part)
{
  detail::require_folder(folder);
  const std::filesystem::path own = std::filesystem::exists(folder / "model_index.json") ? folder / part : folder;
  return {detail::existing(own / "config.json"), detail::weights_in(own)};
}

/// The files that hold the tensors of a network: `weights` itself or, if it is an index ("NAME.index.json"), those that
/// its weight_map names, which lie beside it. Throws std::runtime_error, with the path first, if the index is damaged,
/// names no file, or one that is elsewhere or missing.
inline std::vector<std::filesystem::path> weight_files(const std::filesystem::path& weights)
{
  if (!weights.string().ends_with(".index.json")) return {weights};
  const json::value index = json::read_file(weights);
  const json::value* map = index.find("weight_map");
  const auto* entries = map ? map->get_if<json::object>() : nullptr;
  if (!entries || entries->empty())
    throw std::runtime_error(weights.string() + ": \"weight_map\" must name the file of each tensor");
  std::vector<std::filesystem::path> files;
  for (const auto& [tensor, file] : *entries) {
    const auto name = json::to<std::string>(file, weights.string() + ": " + json::detail::in_quotes(tensor));
    if (name.empty() || name.starts_with('.') || std::filesystem::path(name).filename() != name)
      throw std::runtime_error(weights.string() + ": the file of " + json::detail::in_quotes(tensor) +
                               " must be one beside the index, but is " + json::detail::in_quotes(name));
    const std::filesystem::path path = weights.parent_path() / name;
    if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(detail::existing(path));
  }
  return files;
}

}  // namespace fewstep
