/// @file
/// The trajectory of a given number of steps that costs least in likelihood, from the moments of a network
/// (Bao et al. 2022, arXiv:2201.06503, section 4).
#pragma once

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/least_cost_path.hpp"
#include "fewstep/search/lower_envelope.hpp"
#include "fewstep/search/path_cost.hpp"
#include "fewstep/search/spacing.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// The best paths of 2 .. `most` stops, all at once. With eta = 1 they minimise `telescoped_cost`, which has the same
/// best paths as J; otherwise J itself, which takes longer. Throws std::invalid_argument at eta = 0, where there are
/// none, and unless 2 <= most <= number of nodes.
inline path_table optimal_paths(const std::vector<path_node>& nodes, std::size_t most, double eta = 1)
{
  require_path_eta(eta);
  if (eta == 1) return ddpm_paths(nodes, most);
  return least_cost_paths(nodes.size(), most,
                          [=](std::size_t s, std::size_t t) { return path_cost(nodes[s], nodes[t], eta); });
}

/// The sum of J along the best path of 2, 3, ... `most` stops: 2 / d times the divergence, but for what all paths
/// share. For exact moments and eta = 1 it falls and is convex.
inline std::vector<double> cost_curve(const std::vector<path_node>& nodes, std::size_t most, double eta = 1)
{
  std::vector<double> costs = optimal_paths(nodes, most, eta).costs();
  if (eta == 1)
    for (double& cost : costs) cost += telescoped_part(nodes.front(), nodes.back());
  return costs;
}

/// The best path of so many stops, from the first node to the last. One stop is the last node. Throws
/// std::invalid_argument at eta = 0, and unless 1 <= stops <= number of nodes.
inline std::vector<std::size_t> optimal_path(const std::vector<path_node>& nodes, std::size_t stops, double eta = 1)
{
  require_path_eta(eta);
  detail::require_stops(nodes.size(), stops);
  if (stops == 1) return {nodes.size() - 1};
  return optimal_paths(nodes, stops, eta).path(stops);
}

/// The stops of a path, noisiest first, then `end`: the grid for as many steps as the path has stops.
inline std::vector<noise_level> grid_of_path(const std::vector<noise_level>& levels,
                                             const std::vector<std::size_t>& path, const noise_level& end)
{
  std::vector<noise_level> grid;
  for (std::size_t k = path.size(); k-- > 0;) {
    if (path[k] >= levels.size())
      throw std::invalid_argument("a path over " + std::to_string(levels.size()) + " levels cannot visit number " +
                                  std::to_string(path[k]));
    grid.push_back(levels[path[k]]);
  }
  grid.push_back(end);
  require_denoising(grid);
  return grid;
}

/// The even grid of the official code over a table: times 0 and steps() - 1 and evenly between (see `even_path`), then
/// the data.
inline std::vector<noise_level> even_grid(const vp_table& table, std::size_t steps)
{
  return grid_of_path(levels_of(table), even_path(table.steps(), steps), table.data_level());
}

/// For which sampler a grid shall be best.
struct trajectory_options {
  double eta = 1;                                     ///< above 0
  error_estimator estimator = error_estimator::best;  ///< whose errors count: that of the plan
};

/// The best grid of so many steps over all times of a table, then the data. Throws std::invalid_argument at eta = 0,
/// and unless 1 <= steps <= times of the table.
inline std::vector<noise_level> optimal_grid(const vp_table& table, const moment_table& moments, std::size_t steps,
                                             const trajectory_options& options = {})
{
  const std::vector<noise_level> levels = levels_of(table);
  const auto nodes = path_nodes(moments, levels, options.estimator);
  return grid_of_path(levels, optimal_path(nodes, steps, options.eta), table.data_level());
}

/// `share` of the way, in times, from the even grid to the best: see `blended_path`.
inline std::vector<noise_level> blended_grid(const vp_table& table, const moment_table& moments, std::size_t steps,
                                             double share, const trajectory_options& options = {})
{
  const std::vector<noise_level> levels = levels_of(table);
  const auto best = optimal_path(path_nodes(moments, levels, options.estimator), steps, options.eta);
  return grid_of_path(levels, blended_path(even_path(levels.size(), steps), best, share), table.data_level());
}

/// How finely a continuous schedule is searched.
struct refinement {
  sigma_range range{};            ///< of sigma / alpha: the first and the last stop
  double tolerance = 1e-4;        ///< the cost may move by less than this when the nodes double
  std::size_t most_nodes = 8193;  ///< the search ends there, whatever the tolerance
  trajectory_options goal{};
};

struct refined_trajectory {
  std::vector<noise_level> grid{};  ///< noisiest first, then the data
  double cost = 0;                  ///< the sum of J
  double change = 0;                ///< by which the last doubling of the nodes lowered it
  std::size_t nodes = 0;            ///< in the last search
};

/// The best grid of so many steps over a continuous schedule: searched among nodes evenly spaced in ln(sigma / alpha),
/// 65 at first, whose number doubles until the cost moves by less than the tolerance. Each search includes the nodes of
/// the one before, so that the cost falls. Throws std::invalid_argument unless the range is one, 2 <= steps <=
/// most_nodes, and eta is not 0.
template <invertible_schedule S>
refined_trajectory refined_grid(const S& schedule, const moment_table& moments, std::size_t steps,
                                const refinement& options)
{
  require_range(options.range), require_path_eta(options.goal.eta);
  detail::require_path_size(options.most_nodes, steps);
  const auto level = [&](std::size_t k, std::size_t nodes) {
    const double part = static_cast<double>(k) / static_cast<double>(nodes - 1);
    return schedule.at_noise_to_signal(options.range.sigma_min *
                                       std::pow(options.range.sigma_max / options.range.sigma_min, part));
  };
  refined_trajectory found{.cost = std::numeric_limits<double>::infinity()};
  for (std::size_t count = 65; found.nodes == 0 || count <= options.most_nodes; count = 2 * count - 1) {
    if (count < steps) continue;
    std::vector<noise_level> levels;
    for (std::size_t k = 0; k < count; ++k) levels.push_back(level(k, count));
    const std::vector<path_node> nodes = path_nodes(moments, levels, options.goal.estimator);
    const std::vector<std::size_t> path = optimal_path(nodes, steps, options.goal.eta);
    const double cost = path_cost(nodes, path, options.goal.eta);
    found = {grid_of_path(levels, path, schedule.data_level()), cost, found.cost - cost, count};
    if (found.change < options.tolerance) break;
  }
  return found;
}

}  // namespace fewstep
