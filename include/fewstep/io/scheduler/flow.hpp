/// @file
/// FlowMatchEulerDiscreteScheduler of diffusers.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/plan/flow.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <vector>

namespace fewstep {

/// FlowMatchEulerDiscreteScheduler.
struct flow_scheduler {
  std::size_t table = 1000;  ///< the network's time is this times s
  double shift = 1;
  std::optional<dynamic_shift_options> dynamic{};  ///< the shift follows from the length of the image's sequence
};

namespace detail {

inline flow_scheduler read_flow(json::object_reader& file)
{
  flow_scheduler scheduler{.table = file.get_or<std::size_t>("num_train_timesteps", 1000),
                           .shift = read_positive(file, "shift", 1)};
  file.require(scheduler.table >= 2, "num_train_timesteps", "at least 2");
  const dynamic_shift_options dynamic{read_positive(file, "base_image_seq_len", 256), file.get_or("base_shift", 0.5),
                                      read_positive(file, "max_image_seq_len", 4096), file.get_or("max_shift", 1.15)};
  file.require(dynamic.max_length > dynamic.base_length, "max_image_seq_len", "above \"base_image_seq_len\"");
  if (file.get_or("use_dynamic_shifting", false)) scheduler.dynamic = dynamic;
  if (file.has("time_shift_type")) file.one_of<bool>("time_shift_type", {{"exponential", true}});
  if (file.find<double>("shift_terminal")) file.refuse("shift_terminal", "null");
  require_off(
      file, {"invert_sigmas", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "stochastic_sampling"});
  return scheduler;
}

inline double shift_of(const flow_scheduler& scheduler, const plan_request& request)
{
  if (!scheduler.dynamic) return scheduler.shift;
  if (!request.sequence_length)
    throw std::invalid_argument("the scheduler's shift depends on the image: the length of its sequence must be given");
  return dynamic_shift(*request.sequence_length, *scheduler.dynamic);
}

}  // namespace detail

/// The times are s in (0, 1], already shifted.
inline sampling_plan plan_at(const flow_scheduler&, const std::vector<double>& times, const plan_request&)
{
  std::vector<noise_level> grid;
  for (double s : times) grid.push_back(flow_schedule{}(s));
  grid.push_back(flow_schedule::data_level());
  return flow_euler(grid);
}

/// By default the last step is as long as the others, before the shift; in diffusers it starts at the table's first
/// time, which a fixed shift moves twice.
inline sampling_plan plan_of(const flow_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  const double shift = detail::shift_of(scheduler, request), first = 1 / static_cast<double>(scheduler.table);
  flow_spacing spacing{.shift = shift};
  if (request.diffusers_compatible) spacing.last = scheduler.dynamic ? first : shifted(first, shift);
  return flow_euler(flow_grid(steps, spacing));
}

}  // namespace fewstep
