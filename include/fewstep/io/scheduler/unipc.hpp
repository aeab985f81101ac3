/// @file
/// UniPCMultistepScheduler of diffusers.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/multistep.hpp"
#include "fewstep/io/scheduler/table.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/unipc.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace fewstep {

/// UniPCMultistepScheduler.
struct unipc_scheduler {
  multistep_times grid;
  unipc_options options{};
};

namespace detail {

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

}  // namespace detail

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
