/// @file
/// The steps that a student is distilled on over a table of times: those of LCM (Luo et al. 2023, arXiv:2310.04378),
/// and with the edges of phases those of PCM (Wang et al. 2024, arXiv:2405.18407).
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/phased.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::train {

struct distillation_grid {
  std::size_t times = 50;  ///< N times k - 1, 2k - 1, ... with k = floor(T / N)
  std::size_t skip = 0;  ///< how far the solver steps, in times of the table: LCM's k; 0 is the spacing of the N times
};

/// The steps from each training time t down to max(t - skip, 0), noisiest first: the official code's index i is number
/// size - 1 - i. The lowest level is time 0, which holds a trace of noise. Of as many times as the table has, time 0
/// starts no step. Throws std::invalid_argument unless 1 <= times <= T, and if the skip is T or more.
inline std::vector<jump> distillation_steps(const vp_table& table, const distillation_grid& grid = {})
{
  if (grid.times == 0 || grid.times > table.steps())
    throw std::invalid_argument("the training grid must have between 1 and " + std::to_string(table.steps()) +
                                " times, the size of the schedule, but has " + std::to_string(grid.times));
  if (grid.skip >= table.steps())
    throw std::invalid_argument("the skip must be below " + std::to_string(table.steps()) +
                                ", the size of the schedule, but is " + std::to_string(grid.skip));
  const std::size_t stride = table.steps() / grid.times, skip = grid.skip == 0 ? stride : grid.skip;
  std::vector<jump> steps;
  for (std::size_t i = grid.times; i > 0; --i) {
    const std::size_t t = i * stride - 1;
    if (t > 0) steps.push_back({table(static_cast<double>(t)), table(static_cast<double>(t - std::min(t, skip)))});
  }
  return steps;
}

/// A step of the solver within a phase, and the phase's lower edge.
struct phased_step {
  noise_level from;
  noise_level to;
  noise_level end;
};

/// Each step with the highest edge below its start: where its phase ends. Throws std::invalid_argument if a step starts
/// at or below the last edge, or steps over its end.
inline std::vector<phased_step> phased_steps(const std::vector<jump>& steps, const std::vector<noise_level>& edges)
{
  std::vector<phased_step> phased;
  for (const auto& [from, to] : steps) {
    const noise_level end = phase_path(edges, from)[1];
    if (!(to.sigma * end.alpha >= end.sigma * to.alpha))
      throw std::invalid_argument("a step must stay in its phase, but the one from (" + to_string(from) + ") to (" +
                                  to_string(to) + ") leaves it at (" + to_string(end) + ")");
    phased.push_back({from, to, end});
  }
  return phased;
}

struct phase_options {
  std::size_t times = 50;  ///< training times
  bool even = false;       ///< refuse phases that differ in length, which networks sampled at other lists of edges need
};

/// The steps of `phases` phases over a table, noisiest first, on the edges of `phases(table, phases, times)`.
/// Throws std::invalid_argument as those do, and if `even` is asked for and the phases do not divide the grid.
inline std::vector<phased_step> phased_steps(const vp_table& table, std::size_t phases,
                                             const phase_options& options = {})
{
  const std::vector<noise_level> edges = fewstep::phases(table, phases, options.times);
  if (options.even && options.times % phases != 0)
    throw std::invalid_argument("phases of one length must divide the training grid, but " +
                                std::to_string(options.times) + " times are not a multiple of " +
                                std::to_string(phases) + " phases");
  return phased_steps(distillation_steps(table, {.times = options.times}), edges);
}

}  // namespace fewstep::train
