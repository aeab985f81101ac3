/// @file
/// DPMSolverMultistepScheduler and UniPCMultistepScheduler of diffusers.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/unipc.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/schedule/sigma_grids.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace fewstep {

enum class multistep_spacing { by_time, karras, even_lambda };

/// The levels of the multistep schedulers.
struct multistep_times {
  table_times times;
  multistep_spacing spacing = multistep_spacing::by_time;
  double lowest_lambda = -std::numeric_limits<double>::infinity();  ///< levels with less signal are left out
  grid_end end = grid_end::data;                                    ///< or the table's first level
};

/// DPM-Solver on predicted data or noise, and its options.
struct dpm_solver_rule {
  prediction on = prediction::data;
  dpm_solver_options options{};
};

/// DPMSolverMultistepScheduler.
struct dpm_solver_scheduler {
  multistep_times grid;
  dpm_solver_rule rule{};
};

/// UniPCMultistepScheduler.
struct unipc_scheduler {
  multistep_times grid;
  unipc_options options{};
};

namespace detail {

/// The keys that say which DPM-Solver. Names of other solvers mean diffusers' nearest, as they do there.
inline dpm_solver_rule read_dpm_solver_rule(json::object_reader& file)
{
  dpm_solver_rule rule;
  const auto kind = file.one_of_or<std::pair<prediction, double>>("algorithm_type",
                                                                  {{"dpmsolver++", {prediction::data, 0}},
                                                                   {"deis", {prediction::data, 0}},
                                                                   {"sde-dpmsolver++", {prediction::data, 1}},
                                                                   {"dpmsolver", {prediction::noise, 0}},
                                                                   {"sde-dpmsolver", {prediction::noise, 1}}},
                                                                  {prediction::data, 0});
  rule.on = kind.first;
  rule.options.eta = kind.second;
  rule.options.slope = file.one_of_or<slope_weight>("solver_type",
                                                    {{"midpoint", slope_weight::midpoint},
                                                     {"heun", slope_weight::heun},
                                                     {"logrho", slope_weight::midpoint},
                                                     {"bh1", slope_weight::midpoint},
                                                     {"bh2", slope_weight::midpoint}},
                                                    slope_weight::midpoint);
  rule.options.order = file.get_or<std::size_t>("solver_order", 2);
  file.require(rule.options.order >= 1 && rule.options.order <= 3, "solver_order", "1, 2 or 3");
  rule.options.lower_order_final = file.get_or("lower_order_final", true);
  rule.options.euler_at_final = file.get_or("euler_at_final", false);
  return rule;
}

inline grid_end read_final_sigma(json::object_reader& file, grid_end fallback)
{
  return file.one_of_or<grid_end>("final_sigmas_type", {{"zero", grid_end::data}, {"sigma_min", grid_end::first_level}},
                                  fallback);
}

inline multistep_times read_multistep_times(json::object_reader& file, grid_end end)
{
  multistep_times grid{read_table_times(file, {.spacing = time_spacing::linspace})};
  grid.times.table = with_trace_of_signal(grid.times.table);
  if (file.get_or("use_lu_lambdas", false)) grid.spacing = multistep_spacing::even_lambda;
  if (file.get_or("use_karras_sigmas", false)) grid.spacing = multistep_spacing::karras;
  grid.lowest_lambda = file.get_or("lambda_min_clipped", grid.lowest_lambda);
  grid.end = read_final_sigma(file, end);
  require_off(file, {"use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas"});
  return grid;
}

inline dpm_solver_scheduler read_dpm_solver(json::object_reader& file)
{
  dpm_solver_scheduler scheduler{read_multistep_times(file, grid_end::data), read_dpm_solver_rule(file)};
  if (file.find<std::string>("variance_type")) file.refuse("variance_type", "null");
  if (scheduler.rule.on == prediction::noise && scheduler.grid.end == grid_end::data)
    throw std::runtime_error(file.place("algorithm_type") +
                             " works on predicted noise, for which \"final_sigmas_type\" must be \"sigma_min\"");
  return scheduler;
}

inline unipc_scheduler read_unipc(json::object_reader& file)
{
  unipc_scheduler scheduler{read_multistep_times(file, grid_end::first_level)};
  unipc_options& options = scheduler.options;
  options.order = file.get_or<std::size_t>("solver_order", 2);
  file.require(options.order >= 1 && options.order <= 3, "solver_order", "1, 2 or 3");
  options.form = file.one_of_or<unipc_form>("solver_type",
                                            {{"bh1", unipc_form::bh1},
                                             {"bh2", unipc_form::bh2},
                                             {"midpoint", unipc_form::bh2},
                                             {"heun", unipc_form::bh2},
                                             {"logrho", unipc_form::bh2}},
                                            unipc_form::bh2);
  options.predicts = file.get_or("predict_x0", true) ? prediction::data : prediction::noise;
  options.uncorrected = file.get_or<std::vector<std::size_t>>("disable_corrector", {});
  options.lower_order_final = file.get_or("lower_order_final", true);
  if (file.find<std::string>("solver_p")) file.refuse("solver_p", "null");
  return scheduler;
}

/// The times of n steps: evenly over the part of the table that has enough signal, without the clean end.
inline std::vector<double> open_times(const multistep_times& grid, std::size_t steps, bool diffusers_compatible)
{
  const table_times& times = grid.times;
  const std::size_t last = times_above(times.table, grid.lowest_lambda);
  if (times.spacing == time_spacing::linspace) return open_linspace_times(last, steps);
  if (times.spacing == time_spacing::leading) return open_leading_times(last, steps, times.offset);
  if (diffusers_compatible) return official_trailing_times(last, times.table.steps(), steps);
  return trailing_times(last, steps);
}

/// Levels at sigmas of their own, from end to end of the table. diffusers rounds the times that it tells the network.
inline std::vector<noise_level> levels_at_sigmas(const multistep_times& grid, std::size_t steps,
                                                 bool diffusers_compatible)
{
  const vp_table& table = grid.times.table;
  const sigma_range range = range_of(table);
  std::vector<noise_level> levels;
  for (double sigma :
       grid.spacing == multistep_spacing::karras ? karras_sigmas(steps, range) : exponential_sigmas(steps, range)) {
    levels.push_back(table.at_noise_to_signal(sigma));
    if (diffusers_compatible) levels.back().t = std::nearbyint(levels.back().t);
  }
  return levels;
}

/// The levels of n steps and where the last one goes, which may be the last level once more.
inline std::vector<noise_level> multistep_grid(const multistep_times& grid, std::size_t steps,
                                               bool diffusers_compatible)
{
  const vp_table& table = grid.times.table;
  std::vector<noise_level> levels;
  if (grid.spacing != multistep_spacing::by_time) {
    levels = levels_at_sigmas(grid, steps, diffusers_compatible);
  } else {
    for (double t : open_times(grid, steps, diffusers_compatible)) {
      levels.push_back(table(std::max(t, 0.0)));
      levels.back().t = t;
    }
  }
  levels.push_back(grid.end == grid_end::data ? vp_table::data_level() : table(0));
  return levels;
}

/// Takes the last level off where it is there twice; true if it was.
inline bool ends_twice(std::vector<noise_level>& grid)
{
  const double last = noise_to_signal(grid.back()), before = noise_to_signal(grid[grid.size() - 2]);
  const bool twice = grid.size() > 2 && std::abs(before - last) <= 1e-12 * last;
  if (twice) grid.pop_back();
  return twice;
}

inline sampling_plan dpm_solver_along(const std::vector<noise_level>& grid, const dpm_solver_rule& rule)
{
  return rule.on == prediction::data ? dpm_solver_pp(grid, rule.options) : dpm_solver(grid, rule.options);
}

/// diffusers' plan. A last level that is there twice costs an evaluation that changes nothing, and the rule of falling
/// orders counts that step.
inline sampling_plan official_dpm_solver(std::vector<noise_level> grid, dpm_solver_rule rule)
{
  rule.options.halved_curvature = true;
  if (!ends_twice(grid)) return dpm_solver_along(grid, rule);
  const bool few = rule.options.lower_order_final && grid.size() < 15;
  rule.options.lower_order_final = rule.options.euler_at_final = false;
  sampling_plan plan = dpm_solver_along(grid, rule);
  if (few && rule.options.order == 3) {
    rule.options.order = 2;
    plan.steps.back() = dpm_solver_along(grid, rule).steps.back();
  }
  plan.steps.push_back({.at = grid.back(), .keep = 1});
  return plan;
}

}  // namespace detail

inline sampling_plan plan_at(const dpm_solver_scheduler& scheduler, const std::vector<double>& times,
                             const plan_request&)
{
  return detail::dpm_solver_along(detail::levels_to_end(scheduler.grid.times.table, times, scheduler.grid.end),
                                  scheduler.rule);
}

inline sampling_plan plan_of(const dpm_solver_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  std::vector<noise_level> grid = detail::multistep_grid(scheduler.grid, steps, request.diffusers_compatible);
  if (request.diffusers_compatible) return detail::official_dpm_solver(std::move(grid), scheduler.rule);
  detail::ends_twice(grid);
  return detail::dpm_solver_along(grid, scheduler.rule);
}

inline sampling_plan plan_at(const unipc_scheduler& scheduler, const std::vector<double>& times, const plan_request&)
{
  return unipc(detail::levels_to_end(scheduler.grid.times.table, times, scheduler.grid.end), scheduler.options);
}

/// Where the last level is there twice, the last evaluation corrects the last step.
inline sampling_plan plan_of(const unipc_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  std::vector<noise_level> grid = detail::multistep_grid(scheduler.grid, steps, request.diffusers_compatible);
  unipc_options options = scheduler.options;
  options.correct_last = detail::ends_twice(grid);
  return unipc(grid, options);
}

}  // namespace fewstep
