/// @file
/// Phased consistency: Wang et al. 2024 (arXiv:2405.18407). The trajectory is cut at edges; the network takes x from
/// anywhere within a phase to the phase's lower edge, and a run steps from edge to edge.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/flow.hpp"
#include "fewstep/plan/lcm.hpp"
#include "fewstep/plan/partial.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// The edges s_M > ... > s_0 of `phases` phases, as times of a table of `table` times, for a network that was trained
/// on the `grid` times k - 1, 2k - 1, ... with k = floor(table / grid): the official code's rule. s_M is the last of
/// them; s_m for m < M is the time before place floor(m * grid / phases), and s_0 is time 0.
/// 50 training times and 4 phases: 999, 739, 499, 239, 0.
/// Throws std::invalid_argument unless 1 <= phases <= grid <= table.
inline std::vector<double> phase_times(std::size_t table, std::size_t phases, std::size_t grid)
{
  if (grid == 0 || grid > table)
    throw std::invalid_argument("the training grid must have between 1 and " + std::to_string(table) +
                                " times, the size of the schedule, but has " + std::to_string(grid));
  if (phases == 0 || phases > grid)
    throw std::invalid_argument("the number of phases must lie in [1, " + std::to_string(grid) +
                                "], the size of the training grid, but is " + std::to_string(phases));
  const std::size_t stride = table / grid;
  const std::vector<std::size_t> places = detail::even_places(grid, phases);
  std::vector<double> times{static_cast<double>(grid * stride - 1)};
  for (std::size_t m = phases; m-- > 1;) times.push_back(static_cast<double>(places[m] * stride - 1));
  times.push_back(0);
  return times;
}

/// The edges as levels of a table, noisiest first. The lowest is time 0, which holds a trace of noise, not the data.
inline std::vector<noise_level> phases(const vp_table& table, std::size_t count, std::size_t grid = 50)
{
  std::vector<noise_level> edges;
  for (double t : phase_times(table.steps(), count, grid)) edges.push_back(table(t));
  require_denoising(edges);
  return edges;
}

struct flow_phases_options {
  std::size_t grid = 100;  ///< training times: Stable Diffusion 3's script
  double shift = 1;
  std::size_t table = 1000;  ///< times of the training schedule; time t is s = shifted((t + 1) / table, shift)
};

/// The edges on a flow's levels.
inline std::vector<noise_level> flow_phases(std::size_t count, const flow_phases_options& options = {})
{
  require_shift(options.shift);
  std::vector<noise_level> edges;
  for (double t : phase_times(options.table, count, options.grid))
    edges.push_back(flow_schedule{}(shifted((t + 1) / static_cast<double>(options.table), options.shift)));
  require_denoising(edges);
  return edges;
}

/// The levels through which f^{m,m'} takes x (section 3.1): from `from`, anywhere on the trajectory, over each edge
/// below it, down to edge number `lowest`, counted from the clean end. (The paper prints s_{m'} as the time at which
/// the last function is evaluated; it is the upper edge, s_{m'+1}.) The steps are jumps, each the consistency function
/// of one phase. Throws std::invalid_argument if the edges do not fall or none below `from` is left.
inline std::vector<noise_level> phase_path(const std::vector<noise_level>& edges, const noise_level& from,
                                           std::size_t lowest = 0)
{
  if (lowest >= edges.size())
    throw std::invalid_argument("there are " + std::to_string(edges.size()) +
                                " edges, but the path is to end at edge " + std::to_string(lowest));
  return from_level({edges.begin(), edges.end() - static_cast<std::ptrdiff_t>(lowest)}, from);
}

/// Phased sampling along `edges`. With the predicted data D and noise eps of the network at the upper edge,
///
///     x_s = alpha_s * D + sigma_s * (sqrt(r) * eps + sqrt(1 - r) * z)                                   (eq. 44)
///
/// r = 1 is deterministic: the solution of the flow in DDIM's form, which a network whose eps is learned can make
/// exact for a jump of any length, and which is the identity at s itself, so that no boundary scaling is needed.
/// r = 0 forgets x as LCM does. The last step draws no noise, for no later one would take it away.
/// Throws std::invalid_argument if r is not in [0, 1] or the edges do not fall.
inline sampling_plan phased(const std::vector<noise_level>& edges, double r = 1)
{
  if (!(r >= 0 && r <= 1)) throw std::invalid_argument("r must lie in [0, 1], but is " + std::to_string(r));
  return first_order(jumps(edges), [&](const noise_level&, const noise_level& to) {
    return to == edges.back() ? 0 : std::sqrt(1 - r) * to.sigma;
  });
}

/// Times at which the published networks are run.
///
/// Only `trained` are the edges, and with them a network that learnt its task is exact. The others are what the
/// official material uses. They miss the edges, for SD 1.5 all of them: the network trained on 50 times maps 739 to
/// 499, but 759 to 739, where the target is one step of the teacher. Started at 759 to go to 499 it is plain DDIM on
/// that step. With an ideal network on a one-dimensional mixture the error of four steps is 0 (trained), 0.192
/// (validation) and 0.193 (demo), against 0.306 for DDIM without distillation. A network has its own number of phases:
/// with more or fewer steps than phases it is off as well.
enum class pcm_times {
  trained,     ///< the edges
  validation,  ///< DDIM with trailing spacing to time 0, as in the training scripts: 999, 749, 499, 249, 0
  demo,        ///< the list of LCM and TCD, as in the demo with gamma 0: 999, 759, 499, 259, 0
};

namespace detail {

inline std::vector<noise_level> pcm_grid(std::size_t phases, pcm_times times, std::size_t grid)
{
  const vp_table table = scaled_linear_vp();
  if (times == pcm_times::trained) return fewstep::phases(table, phases, grid);
  if (times == pcm_times::validation) return trailing(table, phases, grid_end::first_level);
  return grid_at(table, lcm_times(table.steps(), phases), grid_end::first_level);
}

}  // namespace detail

/// The published LoRAs for Stable Diffusion 1.5: 2, 4, 8 or 16 phases, one file for each, trained on 50 times of the
/// scaled linear schedule. "smallcfg" files take guidance 0 to 1.5, "normalcfg" files 7.5 and a negative prompt.
inline std::vector<noise_level> pcm_sd15(std::size_t phases, pcm_times times = pcm_times::trained)
{
  return detail::pcm_grid(phases, times, 50);
}

/// The same for SDXL, trained on 40 times: here `validation` meets the edges of 2, 4 and 8 phases.
inline std::vector<noise_level> pcm_sdxl(std::size_t phases, pcm_times times = pcm_times::trained)
{
  return detail::pcm_grid(phases, times, 40);
}

struct pcm_flow_spacing {
  std::size_t grid = 50;  ///< official name: pcm_timesteps
  double shift = 3;
  std::size_t table = 1000;
};

/// The levels of the official flow schedulers (PCMFMDeterministicScheduler, PCMFMStochasticScheduler): `steps` picked
/// evenly from the training times, then the data. Run them with `flow_euler` or `flow_stochastic`.
/// Throws std::invalid_argument unless 1 <= steps <= grid <= table.
inline std::vector<noise_level> pcm_flow_grid(std::size_t steps, const pcm_flow_spacing& spacing = {})
{
  require_shift(spacing.shift);
  if (spacing.grid > spacing.table || steps == 0 || steps > spacing.grid)
    throw std::invalid_argument("the steps must lie in [1, " + std::to_string(spacing.grid) +
                                "], the size of the training grid, and that be at most " +
                                std::to_string(spacing.table) + ", but " + std::to_string(steps) + " are asked for");
  const std::size_t stride = spacing.table / spacing.grid;
  std::vector<noise_level> grid;
  for (std::size_t place : detail::even_places(spacing.grid, steps)) {
    const double s = static_cast<double>((spacing.grid - place) * stride) / static_cast<double>(spacing.table);
    grid.push_back(flow_schedule{}(shifted(s, spacing.shift)));
  }
  grid.push_back(flow_schedule::data_level());
  return grid;
}

/// The published LoRAs for Stable Diffusion 3 (shift 1: 2 and 4 phases; shift 3: 4 phases; guidance 1.2), trained on
/// 100 times: 1000, 750, 500, 250, 1 of 1000 for shift 1. `validation` and `demo` are the official inference, which
/// picks from 50 times: 1000, 760, 500, 260 and the data.
inline std::vector<noise_level> pcm_sd3(std::size_t phases, double shift, pcm_times times = pcm_times::trained)
{
  if (times == pcm_times::trained) return flow_phases(phases, {.shift = shift});
  return pcm_flow_grid(phases, {.shift = shift});
}

}  // namespace fewstep
