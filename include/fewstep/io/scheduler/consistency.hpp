/// @file
/// LCMScheduler, TCDScheduler and CMStochasticIterativeScheduler of diffusers.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/table.hpp"
#include "fewstep/plan/consistency.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/lcm.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/tcd.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// LCMScheduler. The spacing and the offset that its files name mean nothing.
struct lcm_scheduler {
  vp_table table;
  std::size_t original_steps = 50;
  double timestep_scaling = 10;
};

/// TCDScheduler. So it is with spacing, offset, clipping, timestep_scaling and set_alpha_to_one.
struct tcd_scheduler {
  vp_table table;
  std::optional<std::size_t> original_steps = 50;  ///< nothing: any time of the table
};

/// CMStochasticIterativeScheduler: a grid of Karras' sigmas, numbered from the noisiest, and what runs on it.
struct consistency_scheduler {
  std::size_t scales = 40;
  sigma_range range{};
  double rho = 7;
  double sigma_data = 0.5;
  double noise_scale = 1;  ///< s_noise
};

namespace detail {

/// Keys that the classes take and do not read.
inline void ignore_spacing(json::object_reader& file)
{
  for (const char* key : {"timestep_spacing", "steps_offset", "set_alpha_to_one"}) file.ignore(key);
}

inline vp_table read_latent_table(json::object_reader& file)
{
  ignore_spacing(file);
  return read_table(file, {.first_beta = 0.00085, .last_beta = 0.012, .scaled = true});
}

inline std::optional<std::size_t> read_original_steps(json::object_reader& file, const vp_table& table)
{
  const auto steps = file.get_or<std::optional<std::size_t>>("original_inference_steps", 50);
  if (steps) file.require(*steps >= 1 && *steps <= table.steps(), "original_inference_steps", "in the table's range");
  return steps;
}

inline lcm_scheduler read_lcm(json::object_reader& file)
{
  lcm_scheduler scheduler{read_latent_table(file)};
  const auto original = read_original_steps(file, scheduler.table);
  file.require(original.has_value(), "original_inference_steps", "a number of steps");
  scheduler.original_steps = *original;
  scheduler.timestep_scaling = read_positive(file, "timestep_scaling", 10);
  return scheduler;
}

inline tcd_scheduler read_tcd(json::object_reader& file)
{
  for (const char* key : {"clip_sample", "clip_sample_range", "thresholding", "dynamic_thresholding_ratio",
                          "sample_max_value", "timestep_scaling"})
    file.ignore(key);
  tcd_scheduler scheduler{read_latent_table(file)};
  scheduler.original_steps = read_original_steps(file, scheduler.table);
  return scheduler;
}

inline consistency_scheduler read_consistency(json::object_reader& file)
{
  consistency_scheduler scheduler{.scales = file.get_or<std::size_t>("num_train_timesteps", 40),
                                  .range = read_range(file),
                                  .rho = read_positive(file, "rho", 7),
                                  .sigma_data = read_positive(file, "sigma_data", 0.5),
                                  .noise_scale = file.get_or("s_noise", 1.0)};
  file.require(scheduler.scales >= 2, "num_train_timesteps", "at least 2");
  file.require(scheduler.noise_scale >= 0 && std::isfinite(scheduler.noise_scale), "s_noise", "finite and >= 0");
  return scheduler;
}

/// The steps from each index of the grid to the next, the last to sigma_min. One that starts there goes nowhere, and
/// only diffusers does it.
inline sampling_plan consistency_along(const consistency_scheduler& scheduler, const std::vector<double>& indices,
                                       bool diffusers_compatible)
{
  const std::vector<double> sigmas = karras_sigmas(scheduler.scales, scheduler.range, scheduler.rho);
  std::vector<noise_level> grid;
  for (double index : indices) {
    if (!(index >= 0 && index < static_cast<double>(scheduler.scales) && index == std::floor(index)))
      throw std::invalid_argument("a time of this scheduler is an index of its " + std::to_string(scheduler.scales) +
                                  " levels, but is " + std::to_string(index));
    const double sigma = sigmas[static_cast<std::size_t>(index)];
    if (!grid.empty() && !(sigma < grid.back().sigma))
      throw std::invalid_argument("the indices of consistency sampling must lead from noise to less of it, but " +
                                  std::to_string(index) + " does not");
    grid.push_back(edm_schedule{}(sigma));
  }
  const noise_level end = edm_schedule{}(scheduler.range.sigma_min);
  if (!diffusers_compatible && grid.size() > 1 && grid.back() == end) grid.pop_back();
  grid.push_back(end);
  std::vector<jump> steps;
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) steps.push_back({grid[k], grid[k + 1]});
  return consistency(steps, {.noise_scale = scheduler.noise_scale});
}

}  // namespace detail

inline sampling_plan plan_at(const lcm_scheduler& scheduler, const std::vector<double>& times, const plan_request&)
{
  return lcm(scheduler.table, times);
}

inline sampling_plan plan_of(const lcm_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  return lcm(scheduler.table, lcm_times(scheduler.table.steps(), steps,
                                        {request.original_steps.value_or(scheduler.original_steps), request.strength}));
}

inline sampling_plan plan_at(const tcd_scheduler& scheduler, const std::vector<double>& times,
                             const plan_request& request)
{
  return tcd(scheduler.table, times, request.eta.value_or(0.3));
}

/// `original_steps` of the request, whatever it is, means any time of the table: TCDScheduler's rule.
inline sampling_plan plan_of(const tcd_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  const std::size_t table = scheduler.table.steps();
  const std::size_t original = request.original_steps ? table : scheduler.original_steps.value_or(table);
  return plan_at(scheduler, lcm_times(table, steps, {original, request.strength}), request);
}

/// Indices of the grid, 0 being the noisiest level, in the order of diffusers, which reads them from the end: 22, 0
/// visits level 0 and then level 22.
inline sampling_plan plan_at(const consistency_scheduler& scheduler, const std::vector<double>& indices,
                             const plan_request& request)
{
  const std::vector<double> rising(indices.rbegin(), indices.rend());
  return detail::consistency_along(scheduler, rising, request.diffusers_compatible);
}

inline sampling_plan plan_of(const consistency_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  require_steps(steps, scheduler.scales);
  std::vector<double> indices;
  for (std::size_t k = 0; k < steps; ++k) indices.push_back(static_cast<double>(k * (scheduler.scales / steps)));
  return detail::consistency_along(scheduler, indices, request.diffusers_compatible);
}

}  // namespace fewstep
