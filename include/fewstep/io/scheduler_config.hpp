/// @file
/// diffusers' scheduler_config.json as a schedule, what the network predicts, and the plan of n steps.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fewstep {

enum class time_spacing { leading, trailing, linspace };

/// How predicted data is held in range: at +-limit, or by dynamic thresholding.
struct data_bounds {
  double limit = 1;
  std::optional<double> quantile{};  ///< dynamic thresholding's ratio; `limit` is then the largest threshold
};

/// DDIMScheduler: the data is clipped, the noise of the step is not.
struct ddim_scheduler {};

/// DDPMScheduler.
struct ddpm_scheduler {
  ddpm_variance variance = ddpm_variance::posterior;
};

/// What a scheduler's file says.
struct scheduler_config {
  vp_table schedule;
  prediction predicts = prediction::noise;  ///< by the network
  time_spacing spacing = time_spacing::leading;
  std::size_t offset = 0;               ///< added to leading times
  grid_end end = grid_end::data;        ///< where the last step goes
  std::optional<data_bounds> bounds{};  ///< of the predicted data
  std::variant<ddim_scheduler, ddpm_scheduler> method{};
  std::vector<std::string> unused{};  ///< keys of the file that mean nothing here
};

namespace detail {

/// num_train_timesteps, beta_start, beta_end, beta_schedule, trained_betas, rescale_betas_zero_snr.
inline vp_table read_table(json::object_reader& file)
{
  const auto steps = file.get_or<std::size_t>("num_train_timesteps", 1000);
  file.require(steps > 0, "num_train_timesteps", "at least 1");
  const beta_range range{steps, file.get_or("beta_start", 1e-4), file.get_or("beta_end", 2e-2)};
  enum class shape { linear, scaled_linear, cosine };
  const auto kind = file.one_of_or<shape>(
      "beta_schedule",
      {{"linear", shape::linear}, {"scaled_linear", shape::scaled_linear}, {"squaredcos_cap_v2", shape::cosine}},
      shape::linear);
  const auto trained = file.find<std::vector<double>>("trained_betas");
  const bool rescale = file.get_or("rescale_betas_zero_snr", false);
  const auto table = [&] {
    if (trained) return vp_table(*trained);
    if (kind == shape::cosine) return cosine_vp(steps);
    return kind == shape::linear ? linear_vp(range) : scaled_linear_vp(range);
  }();
  return rescale ? rescale_zero_terminal_snr(table) : table;
}

inline std::optional<data_bounds> read_bounds(json::object_reader& file)
{
  const bool threshold = file.get_or("thresholding", false), clip = file.get_or("clip_sample", true);
  const double quantile = file.get_or("dynamic_thresholding_ratio", 0.995), most = file.get_or("sample_max_value", 1.0);
  const double limit = file.get_or("clip_sample_range", 1.0);
  if (threshold) return data_bounds{.limit = most, .quantile = quantile};
  if (clip) return data_bounds{.limit = limit};
  return std::nullopt;
}

inline ddpm_variance read_variance(json::object_reader& file)
{
  return file.one_of_or<ddpm_variance>("variance_type",
                                       {{"fixed_small", ddpm_variance::posterior},
                                        {"fixed_small_log", ddpm_variance::posterior},
                                        {"fixed_large", ddpm_variance::interval},
                                        {"fixed_large_log", ddpm_variance::interval}},
                                       ddpm_variance::posterior);
}

}  // namespace detail

/// Reads what `_class_name` DDIMScheduler or DDPMScheduler needs; defaults are diffusers'. Throws std::runtime_error,
/// naming the key, on a value that is unknown or no value, and on a schedule that is none.
inline scheduler_config read_scheduler_config(json::object_reader file)
{
  enum class name { ddim, ddpm };
  const auto kind = file.one_of<name>("_class_name", {{"DDIMScheduler", name::ddim}, {"DDPMScheduler", name::ddpm}});
  file.ignore("_diffusers_version");
  const auto table = [&] {
    try {
      return detail::read_table(file);
    } catch (const std::invalid_argument& error) {
      throw std::runtime_error(file.place("beta_schedule") + " gives no schedule: " + error.what());
    }
  };
  scheduler_config config{.schedule = table()};
  config.predicts = file.one_of_or<prediction>(
      "prediction_type",
      {{"epsilon", prediction::noise}, {"sample", prediction::data}, {"v_prediction", prediction::velocity}},
      prediction::noise);
  config.spacing = file.one_of_or<time_spacing>(
      "timestep_spacing",
      {{"leading", time_spacing::leading}, {"trailing", time_spacing::trailing}, {"linspace", time_spacing::linspace}},
      time_spacing::leading);
  config.offset = file.get_or<std::size_t>("steps_offset", 0);
  config.bounds = detail::read_bounds(file);
  if (kind == name::ddpm) {
    config.method = ddpm_scheduler{.variance = detail::read_variance(file)};
  } else {
    config.end = file.get_or("set_alpha_to_one", true) ? grid_end::data : grid_end::first_level;
    config.method = ddim_scheduler{};
  }
  config.unused = file.unused();
  return config;
}

inline scheduler_config read_scheduler_config(const std::filesystem::path& path)
{
  return read_scheduler_config(json::read_object(path));
}

/// The times at which the scheduler evaluates the network in n steps.
inline std::vector<double> times_of(const scheduler_config& config, std::size_t steps)
{
  const std::size_t table = config.schedule.steps();
  switch (config.spacing) {
    case time_spacing::trailing:
      return trailing_times(table, steps);
    case time_spacing::linspace:
      return linspace_times(table, steps);
    case time_spacing::leading:
      break;
  }
  return leading_times(table, steps, config.offset);
}

struct scheduler_options {
  double eta = 0;  ///< of DDIM; diffusers passes it to the step
  bool diffusers_compatible =
      false;  ///< what diffusers computes, to the last digit, where a better answer is the default
};

namespace detail {

inline sampling_plan plan_along(const scheduler_config& config, std::span<const jump> steps,
                                const scheduler_options& options)
{
  if (const auto* method = std::get_if<ddpm_scheduler>(&config.method))
    return ddpm(steps, {.variance = method->variance, .diffusers_compatible = options.diffusers_compatible});
  return ddim(steps, options.eta);
}

}  // namespace detail

/// The plan along times of one's own; each step goes to the next. Throws std::invalid_argument if they do not fall or
/// lie outside of the table.
inline sampling_plan plan_of(const scheduler_config& config, std::span<const double> times,
                             const scheduler_options& options = {})
{
  return detail::plan_along(config, jumps(grid_at(config.schedule, times, config.end)), options);
}

/// The plan that the scheduler runs for n steps. By default each goes to the next time; with `diffusers_compatible` to
/// t - floor(T / n), as diffusers does whatever the spacing. Throws std::invalid_argument unless 1 <= steps <= the
/// table's size.
inline sampling_plan plan_of(const scheduler_config& config, std::size_t steps, const scheduler_options& options = {})
{
  const std::vector<double> times = times_of(config, steps);
  if (!options.diffusers_compatible) return plan_of(config, times, options);
  const noise_level end = config.end == grid_end::data ? vp_table::data_level() : config.schedule(0);
  return detail::plan_along(config, diffusers_compatible(config.schedule, times, end), options);
}

}  // namespace fewstep
