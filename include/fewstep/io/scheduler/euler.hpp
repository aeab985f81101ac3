/// @file
/// EulerDiscreteScheduler, EulerAncestralDiscreteScheduler and HeunDiscreteScheduler of diffusers. Their x is in VE
/// coordinates: alpha is 1 and sigma the table's sigma / alpha; t is what the network is told.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/table.hpp"
#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/diffusers_euler.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/schedule/sigma_grids.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace fewstep {

enum class sigma_spacing { by_time, log_linear, karras };

/// The levels of the Euler family: at even times, or at sigmas of their own.
struct sigma_times {
  table_times times;
  sigma_spacing spacing = sigma_spacing::by_time;
  std::optional<double> sigma_min{}, sigma_max{};  ///< ends of Karras' grid, in the place of the times' own
  bool continuous = false;                         ///< the network is told ln(sigma) / 4, not the table's time
};

enum class euler_rule { euler, ancestral, heun };

/// EulerDiscreteScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler.
struct euler_scheduler {
  sigma_times grid;
  euler_rule rule = euler_rule::euler;
};

namespace detail {

/// A table in VE coordinates: alpha = 1, t the table's. Churn asks it for levels.
struct ve_table {
  const vp_table* table;
  bool continuous;

  static noise_level data_level() { return vp_table::data_level(); }
  noise_level operator()(double t) const { return {t, 1, noise_to_signal(at_linear_sigma(*table, t))}; }
  noise_level at_noise_to_signal(double ratio) const
  {
    return {continuous ? std::log(ratio) / 4 : table->at_noise_to_signal(ratio).t, 1, ratio};
  }
};

inline ve_table ve_table_of(const sigma_times& grid)
{
  return {&grid.times.table, grid.continuous};
}

/// The keys of a table in VE coordinates; times are even from end to end unless the file says otherwise.
inline table_times read_ve_times(json::object_reader& file, table_defaults defaults = {})
{
  defaults.spacing = time_spacing::linspace;
  table_times times = read_table_times(file, defaults);
  times.table = with_trace_of_signal(times.table);
  require_off(file, {"use_exponential_sigmas", "use_beta_sigmas"});
  return times;
}

inline euler_scheduler read_euler(json::object_reader& file, prediction predicts)
{
  sigma_times grid{read_ve_times(file)};
  enum class interpolation { linear, log_linear };
  const auto kind = file.one_of_or<interpolation>(
      "interpolation_type", {{"linear", interpolation::linear}, {"log_linear", interpolation::log_linear}},
      interpolation::linear);
  if (kind == interpolation::log_linear) grid.spacing = sigma_spacing::log_linear;
  if (file.get_or("use_karras_sigmas", false)) grid.spacing = sigma_spacing::karras;
  grid.sigma_min = file.find<double>("sigma_min");
  grid.sigma_max = file.find<double>("sigma_max");
  if (grid.sigma_min) file.require(*grid.sigma_min > 0, "sigma_min", "positive");
  if (grid.sigma_max) file.require(*grid.sigma_max > grid.sigma_min.value_or(0), "sigma_max", "above sigma_min");
  const bool continuous = file.one_of_or<bool>("timestep_type", {{"discrete", false}, {"continuous", true}}, false);
  grid.continuous = continuous && predicts == prediction::velocity;
  if (file.has("final_sigmas_type")) file.one_of<bool>("final_sigmas_type", {{"zero", true}});
  return {std::move(grid)};
}

inline euler_scheduler read_euler_ancestral(json::object_reader& file)
{
  return {{read_ve_times(file)}, euler_rule::ancestral};
}

inline euler_scheduler read_heun(json::object_reader& file)
{
  sigma_times grid{read_ve_times(file, {.first_beta = 0.00085, .last_beta = 0.012})};
  if (file.get_or("use_karras_sigmas", false)) grid.spacing = sigma_spacing::karras;
  return {std::move(grid), euler_rule::heun};
}

inline std::vector<double> ve_times(const table_times& times, std::size_t steps, bool diffusers_compatible)
{
  if (times.spacing == time_spacing::linspace) return fractional_linspace_times(times.table.steps(), steps);
  return even_times(times, steps, diffusers_compatible);
}

/// The levels at `times`; the network is told the time, or the logarithm of sigma. A time of -1, one too many in the
/// list of diffusers, has the sigma of time 0.
inline std::vector<noise_level> ve_levels(const sigma_times& grid, const std::vector<double>& times)
{
  const ve_table schedule = ve_table_of(grid);
  std::vector<noise_level> levels;
  for (double t : times) {
    noise_level at = schedule(std::max(t, 0.0));
    at.t = grid.continuous ? std::log(at.sigma) / 4 : t;
    levels.push_back(at);
  }
  return levels;
}

/// Karras' sigmas between the ends that the file names, or those of `levels`.
inline std::vector<double> karras_between(const sigma_times& grid, const std::vector<noise_level>& levels)
{
  const double most = grid.sigma_max.value_or(levels.front().sigma);
  if (levels.size() == 1) return {most};
  return karras_sigmas(levels.size(), {grid.sigma_min.value_or(levels.back().sigma), most});
}

/// The grid of n steps. diffusers' log-linear sigmas are one more, so that the last step goes to the smallest and not
/// to 0, and the network is told times that are not theirs.
inline std::vector<noise_level> ve_grid(const sigma_times& grid, std::size_t steps, bool diffusers_compatible)
{
  const ve_table schedule = ve_table_of(grid);
  std::vector<noise_level> levels = ve_levels(grid, ve_times(grid.times, steps, diffusers_compatible));
  const auto at_sigmas = [&](const std::vector<double>& sigmas) {
    levels.clear();
    for (double sigma : sigmas) levels.push_back(schedule.at_noise_to_signal(sigma));
  };
  noise_level end = ve_table::data_level();
  if (grid.spacing == sigma_spacing::karras) at_sigmas(karras_between(grid, levels));
  if (grid.spacing == sigma_spacing::log_linear && !diffusers_compatible)
    at_sigmas(exponential_sigmas(steps, range_of(grid.times.table)));
  if (grid.spacing == sigma_spacing::log_linear && diffusers_compatible) {
    const std::vector<double> sigmas = exponential_sigmas(levels.size() + 1, range_of(grid.times.table));
    for (std::size_t i = 0; i < levels.size(); ++i)
      levels[i] = {grid.continuous ? std::log(sigmas[i]) / 4 : levels[i].t, 1, sigmas[i]};
    end = {0, 1, sigmas.back()};
  }
  levels.push_back(end);
  return levels;
}

inline std::vector<noise_level> ve_grid_at(const sigma_times& grid, const std::vector<double>& times)
{
  std::vector<noise_level> levels = ve_levels(grid, times);
  levels.push_back(ve_table::data_level());
  return levels;
}

inline sampling_plan plan_along(const euler_scheduler& scheduler, const std::vector<noise_level>& grid,
                                const plan_request& request)
{
  if (scheduler.rule == euler_rule::heun) return heun(grid);
  if (scheduler.rule == euler_rule::ancestral) return ddim(grid, 1);
  if (request.churn.churn == 0) return ddim(grid);
  if (request.diffusers_compatible) return diffusers_euler(grid, request.churn, request.predicts);
  return euler(ve_table_of(scheduler.grid), grid, request.churn);
}

}  // namespace detail

inline sampling_plan plan_at(const euler_scheduler& scheduler, const std::vector<double>& times,
                             const plan_request& request)
{
  return detail::plan_along(scheduler, detail::ve_grid_at(scheduler.grid, times), request);
}

inline sampling_plan plan_of(const euler_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  return detail::plan_along(scheduler, detail::ve_grid(scheduler.grid, steps, request.diffusers_compatible), request);
}

}  // namespace fewstep
