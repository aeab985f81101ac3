/// @file
/// The VP tables of diffusers' scheduler files, and the times that are picked from them.
#pragma once

#include "fewstep/io/object_reader.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

enum class time_spacing { leading, trailing, linspace };

/// A VP table and how times are picked from it.
struct table_times {
  vp_table table;
  time_spacing spacing = time_spacing::leading;
  std::size_t offset = 0;  ///< added to leading times
};

namespace detail {

/// What a class takes for the keys of a table that its file leaves out.
struct table_defaults {
  double first_beta = 1e-4;
  double last_beta = 2e-2;
  bool scaled = false;  ///< beta_schedule "scaled_linear"
  time_spacing spacing = time_spacing::leading;
};

/// num_train_timesteps, beta_start, beta_end, beta_schedule, trained_betas, rescale_betas_zero_snr.
inline vp_table read_table(json::object_reader& file, const table_defaults& defaults = {})
{
  const auto steps = file.get_or<std::size_t>("num_train_timesteps", 1000);
  file.require(steps > 0, "num_train_timesteps", "at least 1");
  const beta_range range{steps, file.get_or("beta_start", defaults.first_beta),
                         file.get_or("beta_end", defaults.last_beta)};
  enum class shape { linear, scaled_linear, cosine };
  const auto kind = file.one_of_or<shape>(
      "beta_schedule",
      {{"linear", shape::linear}, {"scaled_linear", shape::scaled_linear}, {"squaredcos_cap_v2", shape::cosine}},
      defaults.scaled ? shape::scaled_linear : shape::linear);
  const auto trained = file.find<std::vector<double>>("trained_betas");
  const bool rescale = file.get_or("rescale_betas_zero_snr", false);
  try {
    const vp_table table = trained                 ? vp_table(*trained)
                           : kind == shape::cosine ? cosine_vp(steps)
                           : kind == shape::linear ? linear_vp(range)
                                                   : scaled_linear_vp(range);
    return rescale ? rescale_zero_terminal_snr(table) : table;
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(file.place("beta_schedule") + " gives no schedule: " + error.what());
  }
}

/// The table with alpha^2 = 2^-24 at a last time that holds no signal: what diffusers puts there for methods that
/// divide by alpha. Where the time before holds even less, as much as that; diffusers' noise falls there.
inline vp_table with_trace_of_signal(const vp_table& table)
{
  const std::size_t last = table.steps() - 1;
  if (table(static_cast<double>(last)).alpha > 0) return table;
  std::vector<double> betas;
  double before = 1;
  for (std::size_t t = 0; t <= last; ++t) {
    const double alpha = table(static_cast<double>(t)).alpha;
    const double signal = t < last ? alpha * alpha : std::min(before, std::ldexp(1.0, -24));
    betas.push_back(1 - signal / before);
    before = signal;
  }
  return vp_table(betas);
}

inline time_spacing read_spacing(json::object_reader& file, time_spacing fallback)
{
  return file.one_of_or<time_spacing>(
      "timestep_spacing",
      {{"leading", time_spacing::leading}, {"trailing", time_spacing::trailing}, {"linspace", time_spacing::linspace}},
      fallback);
}

inline table_times read_table_times(json::object_reader& file, const table_defaults& defaults = {})
{
  return {read_table(file, defaults), read_spacing(file, defaults.spacing),
          file.get_or<std::size_t>("steps_offset", 0)};
}

/// T, T - T / n, ..., minus 1 and rounded, as NumPy's arange lists them: for 62 values of n up to 1000 rounding makes
/// it one time more, which is -1. With `last` below T a piece of that list.
inline std::vector<double> official_trailing_times(std::size_t last, std::size_t table, std::size_t steps)
{
  require_steps(steps, table);
  const double from = static_cast<double>(last), stride = static_cast<double>(table) / static_cast<double>(steps);
  std::vector<double> times(static_cast<std::size_t>(std::ceil(from / stride)));
  for (std::size_t i = 0; i < times.size(); ++i) times[i] = std::nearbyint(from - static_cast<double>(i) * stride) - 1;
  return times;
}

/// The times of DDIM, DDPM and PNDM.
inline std::vector<double> even_times(const table_times& grid, std::size_t steps, bool diffusers_compatible)
{
  const std::size_t table = grid.table.steps();
  switch (grid.spacing) {
    case time_spacing::trailing:
      return diffusers_compatible ? official_trailing_times(table, table, steps) : trailing_times(table, steps);
    case time_spacing::linspace:
      return linspace_times(table, steps);
    case time_spacing::leading:
      break;
  }
  return leading_times(table, steps, grid.offset);
}

/// The levels at `times` and where the last step goes. A last time that is the end already is not there twice: a step
/// from it would go nowhere.
inline std::vector<noise_level> levels_to_end(const vp_table& table, std::vector<double> times, grid_end end)
{
  if (end == grid_end::first_level && times.size() > 1 && times.back() == 0) times.pop_back();
  return grid_at(table, times, end);
}

}  // namespace detail

}  // namespace fewstep
