/// @file
/// What the scheduler files of diffusers share: tables, spacings, kinds of prediction, bounds of the predicted data.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace fewstep {

enum class time_spacing { leading, trailing, linspace };

/// A VP table and how times are picked from it.
struct table_times {
  vp_table table;
  time_spacing spacing = time_spacing::leading;
  std::size_t offset = 0;  ///< added to leading times
};

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

/// What a class takes for the keys of a table that its file leaves out.
struct table_defaults {
  double first_beta = 1e-4;
  double last_beta = 2e-2;
  bool scaled = false;  ///< beta_schedule "scaled_linear"
  time_spacing spacing = time_spacing::leading;
};

/// num_train_timesteps, beta_start, beta_end, beta_schedule, trained_betas, rescale_betas_zero_snr.
inline vp_table read_table(json::object_reader& file, const table_defaults& defaults = {})
{
  const auto steps = file.get_or<std::size_t>("num_train_timesteps", 1000);
  file.require(steps > 0, "num_train_timesteps", "at least 1");
  const beta_range range{steps, file.get_or("beta_start", defaults.first_beta),
                         file.get_or("beta_end", defaults.last_beta)};
  enum class shape { linear, scaled_linear, cosine };
  const auto kind = file.one_of_or<shape>(
      "beta_schedule",
      {{"linear", shape::linear}, {"scaled_linear", shape::scaled_linear}, {"squaredcos_cap_v2", shape::cosine}},
      defaults.scaled ? shape::scaled_linear : shape::linear);
  const auto trained = file.find<std::vector<double>>("trained_betas");
  const bool rescale = file.get_or("rescale_betas_zero_snr", false);
  try {
    const vp_table table = trained                 ? vp_table(*trained)
                           : kind == shape::cosine ? cosine_vp(steps)
                           : kind == shape::linear ? linear_vp(range)
                                                   : scaled_linear_vp(range);
    return rescale ? rescale_zero_terminal_snr(table) : table;
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(file.place("beta_schedule") + " gives no schedule: " + error.what());
  }
}

/// The table with alpha^2 = 2^-24 at a last time that holds no signal: what diffusers puts there for methods that
/// divide by alpha. Where the time before holds even less, as much as that; diffusers' noise falls there.
inline vp_table with_trace_of_signal(const vp_table& table)
{
  const std::size_t last = table.steps() - 1;
  if (table(static_cast<double>(last)).alpha > 0) return table;
  std::vector<double> betas;
  double before = 1;
  for (std::size_t t = 0; t <= last; ++t) {
    const double alpha = table(static_cast<double>(t)).alpha;
    const double signal = t < last ? alpha * alpha : std::min(before, std::ldexp(1.0, -24));
    betas.push_back(1 - signal / before);
    before = signal;
  }
  return vp_table(betas);
}

inline time_spacing read_spacing(json::object_reader& file, time_spacing fallback)
{
  return file.one_of_or<time_spacing>(
      "timestep_spacing",
      {{"leading", time_spacing::leading}, {"trailing", time_spacing::trailing}, {"linspace", time_spacing::linspace}},
      fallback);
}

inline table_times read_table_times(json::object_reader& file, const table_defaults& defaults = {})
{
  return {read_table(file, defaults), read_spacing(file, defaults.spacing),
          file.get_or<std::size_t>("steps_offset", 0)};
}

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

/// T, T - T / n, ..., minus 1 and rounded, as NumPy's arange lists them: for 62 values of n up to 1000 rounding makes
/// it one time more, which is -1. With `last` below T a piece of that list.
inline std::vector<double> official_trailing_times(std::size_t last, std::size_t table, std::size_t steps)
{
  require_steps(steps, table);
  const double from = static_cast<double>(last), stride = static_cast<double>(table) / static_cast<double>(steps);
  std::vector<double> times(static_cast<std::size_t>(std::ceil(from / stride)));
  for (std::size_t i = 0; i < times.size(); ++i) times[i] = std::nearbyint(from - static_cast<double>(i) * stride) - 1;
  return times;
}

/// The times of DDIM, DDPM and PNDM.
inline std::vector<double> even_times(const table_times& grid, std::size_t steps, bool diffusers_compatible)
{
  const std::size_t table = grid.table.steps();
  switch (grid.spacing) {
    case time_spacing::trailing:
      return diffusers_compatible ? official_trailing_times(table, table, steps) : trailing_times(table, steps);
    case time_spacing::linspace:
      return linspace_times(table, steps);
    case time_spacing::leading:
      break;
  }
  return leading_times(table, steps, grid.offset);
}

/// The levels at `times` and where the last step goes. A last time that is the end already is not there twice: a step
/// from it would go nowhere.
inline std::vector<noise_level> levels_to_end(const vp_table& table, std::vector<double> times, grid_end end)
{
  if (end == grid_end::first_level && times.size() > 1 && times.back() == 0) times.pop_back();
  return grid_at(table, times, end);
}

}  // namespace detail

}  // namespace fewstep
