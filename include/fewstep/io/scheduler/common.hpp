/// @file
/// What the scheduler files of diffusers share: options, kinds of prediction, bounds of the predicted data.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace fewstep {

/// How predicted data is held in range: at +-limit, or by dynamic thresholding.
struct data_bounds {
  double limit = 1;
  std::optional<double> quantile{};  ///< dynamic thresholding's ratio; `limit` is then the largest threshold
};

/// What diffusers takes as arguments of set_timesteps and step.
struct scheduler_options {
  std::optional<double> eta{};                  ///< DDIM's, 0 if nothing is said; TCD's gamma, 0.3 if nothing is said
  churn_options churn{};                        ///< of Euler and EDM's Euler
  std::optional<std::size_t> original_steps{};  ///< of LCM, in the place of the file's; TCD then takes any time
  double strength = 1;                          ///< of LCM and TCD: image to image
  std::optional<double> sequence_length{};      ///< of flows whose shift depends on the image
  /// What diffusers computes, to the last digit, where a better answer is the default.
  bool diffusers_compatible = false;
};

/// The options, and what the network predicts.
struct plan_request : scheduler_options {
  prediction predicts = prediction::noise;
};

namespace detail {

/// prediction_type.
inline prediction read_prediction(json::object_reader& file)
{
  return file.one_of_or<prediction>(
      "prediction_type",
      {{"epsilon", prediction::noise}, {"sample", prediction::data}, {"v_prediction", prediction::velocity}},
      prediction::noise);
}

/// The same for classes that know no networks of data.
inline prediction read_noise_or_velocity(json::object_reader& file)
{
  return file.one_of_or<prediction>(
      "prediction_type", {{"epsilon", prediction::noise}, {"v_prediction", prediction::velocity}}, prediction::noise);
}

/// thresholding, dynamic_thresholding_ratio, sample_max_value.
inline std::optional<data_bounds> read_threshold(json::object_reader& file)
{
  const bool threshold = file.get_or("thresholding", false);
  const double quantile = file.get_or("dynamic_thresholding_ratio", 0.995), most = file.get_or("sample_max_value", 1.0);
  if (!threshold) return std::nullopt;
  file.require(quantile > 0 && quantile <= 1, "dynamic_thresholding_ratio", "in (0, 1]");
  file.require(most >= 1, "sample_max_value", "at least 1");
  return data_bounds{.limit = most, .quantile = quantile};
}

/// clip_sample, clip_sample_range.
inline std::optional<data_bounds> read_clip(json::object_reader& file, bool fallback)
{
  const bool clip = file.get_or("clip_sample", fallback);
  const double limit = file.get_or("clip_sample_range", 1.0);
  if (!clip) return std::nullopt;
  file.require(limit > 0, "clip_sample_range", "positive");
  return data_bounds{.limit = limit};
}

/// Thresholding, and clipping where there is none.
inline std::optional<data_bounds> read_bounds(json::object_reader& file, bool clips)
{
  const auto threshold = read_threshold(file), clip = read_clip(file, clips);
  return threshold ? threshold : clip;
}

/// clip_denoised, of consistency models.
inline std::optional<data_bounds> read_clip_denoised(json::object_reader& file)
{
  return file.get_or("clip_denoised", true) ? std::optional(data_bounds{}) : std::nullopt;
}

/// sigma_min, sigma_max.
inline sigma_range read_range(json::object_reader& file)
{
  const sigma_range range{file.get_or("sigma_min", 0.002), file.get_or("sigma_max", 80.0)};
  file.require(range.sigma_min > 0, "sigma_min", "positive");
  file.require(range.sigma_max > range.sigma_min && std::isfinite(range.sigma_max), "sigma_max", "above sigma_min");
  return range;
}

/// A number that must be positive and finite.
inline double read_positive(json::object_reader& file, std::string_view key, double fallback)
{
  const double number = file.get_or(key, fallback);
  file.require(number > 0 && std::isfinite(number), key, "a positive number");
  return number;
}

/// Refuses options that change the sampler and are not known here, where they are switched on.
inline void require_off(json::object_reader& file, std::initializer_list<std::string_view> keys)
{
  for (std::string_view key : keys)
    if (file.has(key)) file.require(!file.get<bool>(key), key, "false");
}

}  // namespace detail

}  // namespace fewstep
