/// @file
/// EDMEulerScheduler and EDMDPMSolverMultistepScheduler of diffusers.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/dpm_solver.hpp"
#include "fewstep/io/scheduler/multistep.hpp"
#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/diffusers_euler.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/schedule/sigma_grids.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace fewstep {

/// Sigmas of EDM and the network that they are for.
struct edm_sigmas {
  sigma_range range{};
  double rho = 7;
  bool exponential = false;  ///< even in ln(sigma), in the place of Karras'
  double sigma_data = 0.5;
};

/// EDMEulerScheduler.
struct edm_euler_scheduler {
  edm_sigmas sigmas{};
};

/// EDMDPMSolverMultistepScheduler.
struct edm_dpm_solver_scheduler {
  edm_sigmas sigmas{};
  dpm_solver_rule rule{};
  grid_end end = grid_end::data;  ///< or sigma_min
};

namespace detail {

inline edm_sigmas read_edm_sigmas(json::object_reader& file)
{
  file.ignore("num_train_timesteps");
  return {.range = read_range(file),
          .rho = read_positive(file, "rho", 7),
          .exponential = file.one_of_or<bool>("sigma_schedule", {{"karras", false}, {"exponential", true}}, false),
          .sigma_data = read_positive(file, "sigma_data", 0.5)};
}

inline edm_euler_scheduler read_edm_euler(json::object_reader& file)
{
  if (file.has("final_sigmas_type")) file.one_of<bool>("final_sigmas_type", {{"zero", true}});
  return {read_edm_sigmas(file)};
}

inline edm_dpm_solver_scheduler read_edm_dpm_solver(json::object_reader& file)
{
  edm_dpm_solver_scheduler scheduler{read_edm_sigmas(file), read_dpm_solver_rule(file),
                                     read_final_sigma(file, grid_end::data)};
  if (scheduler.rule.on != prediction::data) file.refuse("algorithm_type", "\"dpmsolver++\" or \"sde-dpmsolver++\"");
  return scheduler;
}

/// n levels from sigma_max to sigma_min.
inline std::vector<noise_level> edm_levels(const edm_sigmas& sigmas, std::size_t n)
{
  std::vector<noise_level> levels;
  for (double sigma :
       sigmas.exponential ? exponential_sigmas(n, sigmas.range) : karras_sigmas(n, sigmas.range, sigmas.rho))
    levels.push_back(edm_schedule{}(sigma));
  return levels;
}

inline std::vector<noise_level> edm_levels_at(const std::vector<double>& sigmas, const noise_level& end)
{
  std::vector<noise_level> levels;
  for (double sigma : sigmas) levels.push_back(edm_schedule{}(sigma));
  levels.push_back(end);
  return levels;
}

inline sampling_plan edm_euler_along(const edm_euler_scheduler& scheduler, const std::vector<noise_level>& grid,
                                     const plan_request& request)
{
  if (request.churn.churn == 0) return ddim(grid);
  if (!request.diffusers_compatible) return euler(edm_schedule{}, grid, request.churn);
  return diffusers_euler(grid, request.churn, request.predicts, scheduler.sigmas.sigma_data);
}

}  // namespace detail

/// A time is a sigma.
inline sampling_plan plan_at(const edm_euler_scheduler& scheduler, const std::vector<double>& sigmas,
                             const plan_request& request)
{
  return detail::edm_euler_along(scheduler, detail::edm_levels_at(sigmas, edm_schedule::data_level()), request);
}

inline sampling_plan plan_of(const edm_euler_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  std::vector<noise_level> grid = detail::edm_levels(scheduler.sigmas, steps);
  grid.push_back(edm_schedule::data_level());
  return detail::edm_euler_along(scheduler, grid, request);
}

inline sampling_plan plan_at(const edm_dpm_solver_scheduler& scheduler, const std::vector<double>& sigmas,
                             const plan_request&)
{
  const noise_level end =
      scheduler.end == grid_end::data ? edm_schedule::data_level() : edm_schedule{}(scheduler.sigmas.range.sigma_min);
  return detail::dpm_solver_along(detail::edm_levels_at(sigmas, end), scheduler.rule);
}

/// A run that ends at sigma_min gets there in n steps; diffusers is there after n - 1 and evaluates the network once
/// more for nothing.
inline sampling_plan plan_of(const edm_dpm_solver_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  const bool clean = scheduler.end == grid_end::data;
  const std::size_t levels = steps + (clean || request.diffusers_compatible ? 0 : 1);
  std::vector<noise_level> grid = detail::edm_levels(scheduler.sigmas, levels);
  if (clean) grid.push_back(edm_schedule::data_level());
  if (!request.diffusers_compatible) return detail::dpm_solver_along(grid, scheduler.rule);
  if (!clean) grid.push_back(grid.back());
  return detail::official_dpm_solver(std::move(grid), scheduler.rule);
}

}  // namespace fewstep
