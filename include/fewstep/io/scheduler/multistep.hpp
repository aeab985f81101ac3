/// @file
/// The levels of diffusers' multistep schedulers, DPM-Solver and UniPC.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/table.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/schedule/sigma_grids.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
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

namespace detail {

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

}  // namespace detail

}  // namespace fewstep
