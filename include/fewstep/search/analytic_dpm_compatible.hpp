/// @file
/// The trajectory that the official Analytic-DPM code chooses ("dp_seg"), its treatment of bad moments included.
#pragma once

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/search/path_cost.hpp"
#include "fewstep/search/spacing.hpp"
#include "fewstep/search/trajectory.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// Where the official code cuts a trajectory: `trusted` nodes are searched for `searched` stops, the rest is spaced
/// evenly.
struct trajectory_split {
  std::size_t trusted = 0;
  std::size_t searched = 0;
};

/// From the first "ms_eps" above 1, which exact moments never have, at node n of N counted from 1, the official code
/// distrusts the last 2 (N - n + 1) nodes and gives them 0.8 of their share of the stops. Throws std::invalid_argument
/// if that leaves fewer than two nodes or stops, where the official code fails, too.
inline trajectory_split distrust(const moment_table& moments, std::size_t stops)
{
  const std::size_t nodes = moments.levels.size();
  const auto bad = std::find_if(moments.levels.begin(), moments.levels.end(),
                                [](const moment_level& level) { return level.second_moment.mean > 1; });
  const std::size_t tail = 2 * static_cast<std::size_t>(moments.levels.end() - bad);
  if (tail >= nodes)
    throw std::invalid_argument("the second moment exceeds 1 from level " +
                                std::to_string(bad - moments.levels.begin()) + " of " + std::to_string(nodes) +
                                ", which leaves no trajectory to be searched");
  const double share = 1 - 0.8 * (static_cast<double>(tail) / static_cast<double>(nodes));
  trajectory_split split{nodes - tail, static_cast<std::size_t>(std::ceil(share * static_cast<double>(stops)))};
  split.searched = std::min(split.searched, split.trusted);
  split.searched = std::max(split.searched, stops - std::min(stops, tail));
  if (tail > 0 && split.searched == stops) --split.searched;
  if (split.searched < 2 || split.searched > split.trusted)
    throw std::invalid_argument("of " + std::to_string(stops) + " stops, " + std::to_string(split.searched) +
                                " would be left for " + std::to_string(split.trusted) + " levels that can be trusted");
  return split;
}

/// The official path over the levels of a table of second moments ("ms_eps"). Without values above 1 it is the optimal
/// path. Those that want the best path from bad moments should repair them instead. Throws std::invalid_argument unless
/// 2 <= stops <= number of levels.
inline std::vector<std::size_t> analytic_dpm_compatible_path(const moment_table& moments, std::size_t stops)
{
  detail::require_path_size(moments.levels.size(), stops);
  const auto [trusted, searched] = distrust(moments, stops);
  std::vector<noise_level> levels;
  for (std::size_t k = 0; k < trusted; ++k) levels.push_back(moments.levels[k].at);
  std::vector<std::size_t> path = optimal_path(path_nodes(moments, levels, error_estimator::second_moment), searched);
  const double nodes = static_cast<double>(moments.levels.size());
  const double stride = (nodes - static_cast<double>(trusted)) / static_cast<double>(stops - searched);
  for (std::size_t k = stops - searched; k-- > 0;)  // rounded half to even, counted from 1
    path.push_back(static_cast<std::size_t>(std::nearbyint(nodes - stride * static_cast<double>(k))) - 1);
  return path;
}

}  // namespace fewstep
