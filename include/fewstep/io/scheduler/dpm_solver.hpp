/// @file
/// DPMSolverMultistepScheduler of diffusers.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/multistep.hpp"
#include "fewstep/io/scheduler/table.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

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

inline dpm_solver_scheduler read_dpm_solver(json::object_reader& file)
{
  dpm_solver_scheduler scheduler{read_multistep_times(file, grid_end::data), read_dpm_solver_rule(file)};
  if (file.find<std::string>("variance_type")) file.refuse("variance_type", "null");
  if (scheduler.rule.on == prediction::noise && scheduler.grid.end == grid_end::data)
    throw std::runtime_error(file.place("algorithm_type") +
                             " works on predicted noise, for which \"final_sigmas_type\" must be \"sigma_min\"");
  return scheduler;
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

}  // namespace fewstep
