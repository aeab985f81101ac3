/// @file
/// Consistency sampling: Song et al. 2023 (arXiv:2303.01469). The network maps any level to one clean level; a step
/// forgets x and adds fresh noise to what was predicted.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

struct consistency_options {
  /// The level that the network was trained to land on; the end of the steps where nothing is said.
  std::optional<noise_level> lands_on{};
  double noise_scale = 1;  ///< multiplies the fresh noise; diffusers' s_noise
};

/// Multistep consistency sampling, Algorithm 1 of the paper, for any alpha:
///
///     x_to = r * f + sqrt(sigma_to^2 - (r * sigma_e)^2) * z,    r = alpha_to / alpha_e,
///
/// where f is what the network predicts and e the level that it lands on; for EDM levels the noise is
/// sqrt(t^2 - epsilon^2). At `to` = e the row returns f. A run that ends above e returns x with the noise of its last
/// level, as the official code does with a `ts` list that ends early.
///
/// f carries the noise of e, so the plan is exempt from the law of levels unless e is the data: the variance of a row
/// misses sigma_to^2 by (r * sigma_e)^2. One step is the consistency function itself.
/// Throws std::invalid_argument if there is no step, a step's noise rises, or a step goes below e.
inline sampling_plan consistency(const std::vector<jump>& steps, const consistency_options& options = {})
{
  sampling_plan plan = ddim(steps);
  const noise_level clean = options.lands_on.value_or(plan.end);
  require_level(clean);
  if (!(options.noise_scale >= 0 && std::isfinite(options.noise_scale)))
    throw std::invalid_argument("a noise scale must be finite and >= 0, but is " + std::to_string(options.noise_scale));
  if (!(clean.alpha > 0 && clean.sigma * plan.end.alpha <= plan.end.sigma * clean.alpha))
    throw std::invalid_argument("the steps must end at or above the level that the network lands on (" +
                                to_string(clean) + "), but end at (" + to_string(plan.end) + ")");
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const noise_level& to = steps[k].to;
    const double kept = to.alpha / clean.alpha, left = kept * clean.sigma;
    const double fresh = detail::root_of_difference(to.sigma, left);
    plan.steps[k] = {.at = steps[k].from, .model = {kept}, .noise = options.noise_scale * fresh};
  }
  return plan;
}

inline sampling_plan consistency(const std::vector<noise_level>& grid, const consistency_options& options = {})
{
  return consistency(jumps(grid), options);
}

/// The levels of EDM's grid of `scales` levels at the indices `ts`: the official code's `ts`, 0 being the noisiest.
/// Throws std::invalid_argument unless there are at least two, they rise, and the last is scales - 1. (The official
/// code takes a list that ends earlier and leaves the noise of its last level in the image; to have that, hand the
/// levels to `consistency` with `lands_on`.)
inline std::vector<noise_level> consistency_grid(std::size_t scales, const std::vector<std::size_t>& ts,
                                                 const sigma_range& range = {}, double rho = 7)
{
  if (ts.size() < 2 || ts.back() + 1 != scales)
    throw std::invalid_argument(
        "consistency sampling on " + std::to_string(scales) + " scales needs at least two indices, the last of them " +
        std::to_string(scales - 1) + ", but got " +
        (ts.size() < 2 ? std::to_string(ts.size()) : "one that ends at " + std::to_string(ts.back())));
  for (std::size_t k = 0; k + 1 < ts.size(); ++k)
    if (ts[k] >= ts[k + 1])
      throw std::invalid_argument("the indices of consistency sampling must rise, noisiest level first, but " +
                                  std::to_string(ts[k]) + " is followed by " + std::to_string(ts[k + 1]));
  const std::vector<double> sigmas = karras_sigmas(scales, range, rho);
  std::vector<noise_level> grid;
  for (std::size_t index : ts) grid.push_back(edm_schedule{}(sigmas[index]));
  return grid;
}

/// A published two-step run: the number of scales of the grid and the indices on it.
struct consistency_times {
  std::size_t scales;
  std::array<std::size_t, 3> ts;
};

inline std::vector<noise_level> consistency_grid(const consistency_times& times)
{
  return consistency_grid(times.scales, {times.ts.begin(), times.ts.end()});
}

/// The settings of the official code (scripts/launch.sh), which a greedy ternary search found. Their middle times are
/// 1.382, 1.913, 4.366, 3.520, 3.991, 5.249; SDEdit (stroke-guided generation, Algorithm 4) starts at 5.380 and goes on
/// at 2.240.
namespace published {
inline constexpr consistency_times cd_imagenet64{40, {0, 22, 39}};
inline constexpr consistency_times ct_imagenet64{201, {0, 106, 200}};
inline constexpr consistency_times cd_bedroom{40, {0, 17, 39}};
inline constexpr consistency_times cd_bedroom_l2{40, {0, 18, 39}};
inline constexpr consistency_times ct_bedroom{151, {0, 67, 150}};
inline constexpr consistency_times ct_cat{151, {0, 62, 150}};
inline constexpr consistency_times sdedit_bedroom{40, {16, 20, 39}};
}  // namespace published

}  // namespace fewstep
