/// @file
/// PNDMScheduler of diffusers, without the Runge-Kutta start: what Stable Diffusion's files ask for.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/ddim.hpp"
#include "fewstep/io/scheduler/table.hpp"
#include "fewstep/plan/adams.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// PNDMScheduler with skip_prk_steps.
struct pndm_scheduler {
  table_times times;
  grid_end end = grid_end::first_level;
};

namespace detail {

inline pndm_scheduler read_pndm(json::object_reader& file)
{
  if (!file.get_or("skip_prk_steps", false)) file.refuse("skip_prk_steps", "true (the Runge-Kutta start is no plan)");
  return {read_table_times(file), read_end(file, false)};
}

/// x_to = of_x * x + of_output * m, m being the mean of what the network predicted. For velocities diffusers takes the
/// noise from the mean and the latest x.
struct pndm_step {
  double of_x, of_output;
};

inline pndm_step pndm_step_of(const jump& step, prediction predicts)
{
  const double keep = step.to.alpha / step.from.alpha, whole = step.to.sigma - keep * step.from.sigma;
  if (predicts == prediction::velocity) return {keep + whole * step.from.sigma, whole * step.from.alpha};
  return {keep, whole};
}

inline plan_step pndm_row(const noise_level& at, const pndm_step& step, const std::vector<double>& weights)
{
  plan_step row{.at = at, .keep = step.of_x};
  for (std::size_t j = 0; j < weights.size(); ++j) row.model[j] = step.of_output * weights[j];
  return row;
}

/// diffusers' rows: `plms` with steps of floor(T / n) from each time. The second step goes from a time that much above
/// the second time to it, with x taken back to the start: x = (x_1 - of_output m_0) / of_x of the first step.
inline sampling_plan official_plms(const pndm_scheduler& scheduler, std::size_t steps, prediction predicts)
{
  const vp_table& table = scheduler.times.table;
  const auto jumps = official_jumps(scheduler.times, steps, level_of(table, scheduler.end));
  sampling_plan plan{.predicts = predicts, .start = jumps.front().from, .end = jumps.back().to};
  const pndm_step first = pndm_step_of(jumps[0], predicts);
  plan.steps.push_back(pndm_row(jumps[0].from, first, even_adams(1)));
  if (jumps.size() == 1) return plan;
  const noise_level& second = jumps[1].from;
  const double above = second.t + static_cast<double>(table.steps() / steps);
  const pndm_step again = pndm_step_of({table(above), second}, predicts);
  const double back = again.of_x / first.of_x;
  plan.steps.push_back(
      {.at = second, .keep = back, .model = {again.of_output / 2, again.of_output / 2 - back * first.of_output}});
  for (std::size_t k = 1; k < jumps.size(); ++k) {
    std::vector<double> weights = even_adams(std::min<std::size_t>(k + 1, 4));
    if (k < 4) weights.insert(weights.begin() + static_cast<std::ptrdiff_t>(k), 0.0);
    plan.steps.push_back(pndm_row(jumps[k].from, pndm_step_of(jumps[k], predicts), weights));
  }
  return plan;
}

}  // namespace detail

inline sampling_plan plan_at(const pndm_scheduler& scheduler, const std::vector<double>& times, const plan_request&)
{
  return plms(detail::levels_to_end(scheduler.times.table, times, scheduler.end));
}

inline sampling_plan plan_of(const pndm_scheduler& scheduler, std::size_t steps, const plan_request& request)
{
  if (request.diffusers_compatible) return detail::official_plms(scheduler, steps, request.predicts);
  return plan_at(scheduler, detail::even_times(scheduler.times, steps, false), request);
}

}  // namespace fewstep
