/// @file
/// Plans that go back up: RePaint (Lugmayr et al. 2022, arXiv:2201.09865) and Restart sampling (Xu et al. 2023,
/// arXiv:2306.14878). A grid never rises; the upward jumps fold into the noise of the row before them.
#pragma once

#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// A function that makes the plan of a grid: `[](const auto& grid) { return ddim(grid, 1); }`.
template <class B>
concept plan_builder = std::invocable < B&,
        const std::vector<noise_level>
& > &&std::same_as<std::invoke_result_t<B&, const std::vector<noise_level>&>, sampling_plan>;

/// `first`, and then `next` from where it ends or from a noisier level. The jump up is the forward process
///
///     x_start = u * x_end + sqrt(sigma_start^2 - (u * sigma_end)^2) * z,    u = alpha_start / alpha_end,
///
/// and, with the lift of `next`, is part of the last row of `first`: its weights times u, its noise in quadrature.
/// History does not cross the joint, for `next` weighs its own outputs only. Throws std::invalid_argument if a plan has
/// no rows, the two weigh different kinds of prediction, or `next` starts at less noise than `first` ends with.
inline sampling_plan joined(sampling_plan first, const sampling_plan& next)
{
  if (first.steps.empty() || next.steps.empty()) throw std::invalid_argument("a plan to be joined needs rows");
  if (first.predicts != next.predicts)
    throw std::invalid_argument("plans to be joined must weigh the same kind of prediction");
  const noise_level &low = first.end, &high = next.start;
  if (!(low.alpha > 0 && high.sigma * low.alpha >= low.sigma * high.alpha))
    throw std::invalid_argument("a plan that starts at (" + to_string(high) +
                                ") cannot go on from less signal than it has: the one before ends at (" +
                                to_string(low) + ")");
  if (!(low == high)) add_noise(first, high.alpha / low.alpha, forward_deviation(high, low));
  if (next.lift != 0) add_noise(first, 1, next.lift);
  first.steps.insert(first.steps.end(), next.steps.begin(), next.steps.end());
  first.end = next.end;
  return first;
}

/// Once a run has reached `grid.back()`, which is a level of its own grid, it goes up to `grid.front()` and down along
/// `grid` again, `times` times.
struct restart_interval {
  std::vector<noise_level> grid;
  std::size_t times = 1;
};

namespace detail {

/// The levels from index `first` to index `last`.
inline std::vector<noise_level> slice(const std::vector<noise_level>& grid, std::size_t first, std::size_t last)
{
  return {grid.begin() + static_cast<std::ptrdiff_t>(first), grid.begin() + static_cast<std::ptrdiff_t>(last) + 1};
}

}  // namespace detail

/// Restart sampling (section 3.1 of the paper): the plan of `grid`, with intervals that are gone through anew. `build`
/// makes the plan of each piece between jumps; the paper uses Heun. Throws std::invalid_argument if a grid does not
/// fall, an interval does not end at a level of `grid` other than its first, or two end at the same.
template <plan_builder B>
sampling_plan restart(const std::vector<noise_level>& grid, const std::vector<restart_interval>& intervals, B build)
{
  require_denoising(grid);
  for (const restart_interval& interval : intervals) {
    require_denoising(interval.grid);
    const noise_level& low = interval.grid.back();
    const auto same_end = [&](const restart_interval& other) { return other.grid.back() == low; };
    if (std::find(grid.begin() + 1, grid.end(), low) == grid.end() ||
        std::count_if(intervals.begin(), intervals.end(), same_end) != 1)
      throw std::invalid_argument("every restart must end at a level of the grid of its own, but (" + to_string(low) +
                                  ") is none or is another's");
  }
  sampling_plan plan;
  const auto append = [&](const std::vector<noise_level>& piece) {
    plan = plan.steps.empty() ? build(piece) : joined(std::move(plan), build(piece));
  };
  std::size_t from = 0;
  for (std::size_t k = 1; k < grid.size(); ++k) {
    const auto here = std::find_if(intervals.begin(), intervals.end(),
                                   [&](const restart_interval& interval) { return interval.grid.back() == grid[k]; });
    if (here == intervals.end() && k + 1 < grid.size()) continue;
    append(detail::slice(grid, from, k));
    for (std::size_t again = 0; here != intervals.end() && again < here->times; ++again) append(here->grid);
    from = k;
  }
  return plan;
}

struct repaint_options {
  std::size_t jump_length = 10;  ///< levels that a jump goes up
  std::size_t resamplings = 10;  ///< how often each stretch of that length is gone through
};

/// RePaint's resampling (section 4.2 and the official schedule of jumps): counting n levels above the data as
/// n - 1 .. 0, the run goes up by `jump_length` whenever it reaches one of 0, j, 2j, ... below n - j, until each has
/// been left `resamplings` times. `build` makes the plan of each piece, DDPM if none is given. The known part of the
/// image is put back by a denoiser wrapper (`keeping`) or by the observer.
/// Throws std::invalid_argument if the grid does not fall, an option is 0 or no jump fits.
template <plan_builder B>
sampling_plan repaint(const std::vector<noise_level>& grid, const repaint_options& options, B build)
{
  require_denoising(grid);
  const auto [length, resamplings] = options;
  const std::size_t levels = grid.size() - 1;
  if (length == 0 || length >= levels || resamplings == 0)
    throw std::invalid_argument("RePaint needs at least one sampling and a jump length between 1 and " +
                                std::to_string(levels - 1) + ", fewer than the levels of the grid, but has " +
                                std::to_string(resamplings) + " and " + std::to_string(length));
  std::vector<std::size_t> jumps_left(levels, 0);
  for (std::size_t t = 0; t < levels - length; t += length) jumps_left[t] = resamplings - 1;
  sampling_plan plan;
  std::size_t from = 0;  // index into the grid; level t of the count is at levels - 1 - t
  for (std::size_t k = 1; k <= levels; ++k) {
    const bool jump = k < levels && jumps_left[levels - 1 - k] > 0;
    if (!jump && k < levels) continue;
    sampling_plan piece = build(detail::slice(grid, from, k));
    plan = plan.steps.empty() ? std::move(piece) : joined(std::move(plan), piece);
    if (!jump) break;
    --jumps_left[levels - 1 - k];
    k = from = k - length;
  }
  return plan;
}

inline sampling_plan repaint(const std::vector<noise_level>& grid, const repaint_options& options = {})
{
  return repaint(grid, options, [](const std::vector<noise_level>& piece) { return ddim(piece, 1); });
}

}  // namespace fewstep
