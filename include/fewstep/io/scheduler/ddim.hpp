/// @file
/// DDIMScheduler and DDPMScheduler of diffusers.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/table.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cstddef>
#include <vector>

namespace fewstep {

/// DDIMScheduler: the data is clipped, the noise of the step is not.
struct ddim_scheduler {
  table_times times;
  grid_end end = grid_end::data;  ///< where the last step goes
};

/// DDPMScheduler.
struct ddpm_scheduler {
  table_times times;
  ddpm_variance variance = ddpm_variance::posterior;
};

namespace detail {

inline noise_level level_of(const vp_table& table, grid_end end)
{
  return end == grid_end::data ? vp_table::data_level() : table(0);
}

inline grid_end read_end(json::object_reader& file, bool to_data)
{
  return file.get_or("set_alpha_to_one", to_data) ? grid_end::data : grid_end::first_level;
}

inline ddim_scheduler read_ddim(json::object_reader& file)
{
  return {read_table_times(file), read_end(file, true)};
}

inline ddpm_scheduler read_ddpm(json::object_reader& file)
{
  return {read_table_times(file), file.one_of_or<ddpm_variance>("variance_type",
                                                                {{"fixed_small", ddpm_variance::posterior},
                                                                 {"fixed_small_log", ddpm_variance::posterior},
                                                                 {"fixed_large", ddpm_variance::interval},
                                                                 {"fixed_large_log", ddpm_variance::interval}},
                                                                ddpm_variance::posterior)};
}

/// The steps of diffusers: each to t - floor(T / n), whatever the next time is. A time of -1, one too many in the list,
/// is the last of the table, as Python counts.
inline std::vector<jump> official_jumps(const table_times& grid, std::size_t steps, const noise_level& end)
{
  const vp_table& table = grid.table;
  std::vector<jump> out;
  for (double t : even_times(grid, steps, true)) {
    noise_level from = table(t < 0 ? static_cast<double>(table.steps() - 1) : t);
    from.t = t;
    const double next = t - static_cast<double>(table.steps() / steps);
    out.push_back({from, next < 0 ? end : table(next)});
  }
  return out;
}

inline ddpm_options ddpm_options_of(const ddpm_scheduler& scheduler, const plan_request& request)
{
  return {.variance = scheduler.variance, .diffusers_compatible = request.diffusers_compatible};
}

}  // namespace detail

inline sampling_plan plan_at(const ddim_scheduler& scheduler, const std::vector<double>& times,
                             const plan_request& request)
{
  return ddim(detail::levels_to_end(scheduler.times.table, times, scheduler.end), request.eta.value_or(0));
}

inline sampling_plan plan_of(const ddim_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  if (!request.diffusers_compatible)
    return plan_at(scheduler, detail::even_times(scheduler.times, steps, false), request);
  const noise_level end = detail::level_of(scheduler.times.table, scheduler.end);
  return ddim(detail::official_jumps(scheduler.times, steps, end), request.eta.value_or(0));
}

inline sampling_plan plan_at(const ddpm_scheduler& scheduler, const std::vector<double>& times,
                             const plan_request& request)
{
  return ddpm(grid_at(scheduler.times.table, times), detail::ddpm_options_of(scheduler, request));
}

inline sampling_plan plan_of(const ddpm_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  if (!request.diffusers_compatible)
    return plan_at(scheduler, detail::even_times(scheduler.times, steps, false), request);
  const auto steps_taken = detail::official_jumps(scheduler.times, steps, vp_table::data_level());
  return ddpm(steps_taken, detail::ddpm_options_of(scheduler, request));
}

}  // namespace fewstep
