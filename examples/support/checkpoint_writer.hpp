/// @file
/// A trained network as a folder in diffusers' layout, with the plan that it is sampled by and a card that says how it
/// came about.
#pragma once

#include "fewstep/io/file.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/plans.hpp"
#include "fewstep/plan/plan.hpp"
#include "tensor_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace examples {

namespace detail {

inline void write_text(const std::filesystem::path& path, std::string_view text)
{
  const std::array pieces{text};
  fewstep::write_file(path, pieces);
}

/// The members of a JSON object in a file. Throws std::runtime_error if it holds none.
inline fewstep::json::object members_of(const std::filesystem::path& path)
{
  const fewstep::json::value document = fewstep::json::read_file(path);
  if (const auto* members = document.get_if<fewstep::json::object>()) return *members;
  throw std::runtime_error(path.string() + ": must hold a JSON object");
}

}  // namespace detail

/// The scheduler's file of a student: its class, the options of that class, and the noise schedule and prediction of
/// the file that its teacher has.
inline fewstep::json::object scheduler_file(std::string_view class_name, const std::filesystem::path& of_teacher,
                                            fewstep::prediction predicts, fewstep::json::object options)
{
  constexpr std::array<std::string_view, 5> kept{"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
                                                 "trained_betas"};
  fewstep::json::object out{{"_class_name", class_name}, {"_diffusers_version", "0.27.2"}};
  for (auto& [key, value] : detail::members_of(of_teacher))
    if (std::find(kept.begin(), kept.end(), key) != kept.end()) out.emplace_back(key, std::move(value));
  using fewstep::prediction;
  out.emplace_back("prediction_type", predicts == prediction::velocity ? "v_prediction"
                                      : predicts == prediction::data   ? "sample"
                                                                       : "epsilon");
  for (auto& member : options) out.push_back(std::move(member));
  return out;
}

struct checkpoint_parts {
  std::filesystem::path unet_config;  ///< copied as it is
  fewstep::json::object scheduler;    ///< with "_class_name" first
  fewstep::sampling_plan plan;
  named_tensors weights;
  named_tensors reference;  ///< what the network computes
  std::string card;         ///< Markdown
};

/// Writes model_index.json, unet/, scheduler/, plan.json, reference.safetensors and README.md, each file in one step,
/// the weights first. Throws std::runtime_error, with the path first, for what cannot be written; files from before
/// then stay whole.
inline void write_checkpoint(const std::filesystem::path& folder, const checkpoint_parts& parts)
{
  for (const char* name : {"unet", "scheduler"}) std::filesystem::create_directories(folder / name);
  write_tensors(folder / "unet" / "diffusion_pytorch_model.safetensors", parts.weights, {{"format", "pt"}});
  detail::write_text(folder / "unet" / "config.json", fewstep::read_text(parts.unet_config));
  fewstep::json::write_file(folder / "scheduler" / "scheduler_config.json", parts.scheduler);
  fewstep::json::write_file(
      folder / "model_index.json",
      fewstep::json::object{{"_class_name", "DDPMPipeline"},
                            {"_diffusers_version", "0.27.2"},
                            {"scheduler", fewstep::json::array{"diffusers", parts.scheduler.front().second}},
                            {"unet", fewstep::json::array{"diffusers", "UNet2DModel"}}});
  fewstep::write_plan(folder / "plan.json", parts.plan);
  write_tensors(folder / "reference.safetensors", parts.reference);
  detail::write_text(folder / "README.md", parts.card);
}

}  // namespace examples
