#include "fewstep/search/trajectory.hpp"

#include "fewstep/schedule/continuous.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

using path = std::vector<std::size_t>;

std::vector<path_node> nodes_of(const vp_table& table, const test::spectrum& data)
{
  const auto levels = levels_of(table);
  return path_nodes(data.moments(levels), levels);
}

const test::spectrum toy_data{.variances = {.05, 2, 1}};

std::vector<path_node> toy_nodes()
{
  return nodes_of(vp_table(std::vector<double>{.1, .2, .3, .35, .4, .5, .6, .7}), toy_data);
}

/// The least sum of J over all paths of so many of the nodes.
double by_brute_force(const std::vector<path_node>& nodes, std::size_t stops, double eta)
{
  double best = std::numeric_limits<double>::infinity();
  for (std::uint32_t inner = 0; inner < (1u << (nodes.size() - 2)); ++inner) {
    path visited{0};
    for (std::size_t k = 1; k + 1 < nodes.size(); ++k)
      if (inner >> (k - 1) & 1) visited.push_back(k);
    visited.push_back(nodes.size() - 1);
    if (visited.size() == stops) best = std::min(best, path_cost(nodes, visited, eta));
  }
  return best;
}

}  // namespace

TEST_CASE("the toy's optimal trajectories and their costs are the reference's", "[search]")
{
  struct known {
    path stops;
    double telescoped, cost;
  };
  const known paths[] = {{{1, 8}, -4.3267054671, 2.2988536816},
                         {{1, 3, 8}, -4.4961800537, 2.1293790950},
                         {{1, 2, 4, 8}, -4.5746024837, 2.0509566650},
                         {{1, 2, 3, 4, 8}, -4.6137208871, 2.0118382616},
                         {{1, 2, 3, 4, 5, 8}, -4.6295483541, 1.9960107946},
                         {{1, 2, 3, 4, 5, 6, 8}, -4.6349593966, 1.9905997521},
                         {{1, 2, 3, 4, 5, 6, 7, 8}, -4.6359864542, 1.9895726945}};
  const path_table found = optimal_paths(toy_nodes(), 8);
  const std::vector<double> curve = cost_curve(toy_nodes(), 8);
  for (auto [stops, telescoped, cost] : paths) {
    const std::size_t count = stops.size();
    for (std::size_t& node : stops) --node;
    CAPTURE(count);
    REQUIRE(found.path(count) == stops);
    REQUIRE(optimal_path(toy_nodes(), count) == stops);
    REQUIRE_THAT(found.cost(count), WithinAbs(telescoped, 6e-11));
    REQUIRE_THAT(curve[count - 2], WithinAbs(cost, 1.1e-10));
    REQUIRE_THAT(path_cost(toy_nodes(), stops), WithinAbs(cost, 1.1e-10));
  }
}

TEST_CASE("on anisotropic normal data the path found is the best of all, at any eta", "[search]")
{
  for (const std::size_t steps : {2u, 5u, 9u, 11u}) {
    const double scale = 10 / static_cast<double>(steps);
    const auto nodes = nodes_of(
        linear_vp({.steps = steps, .first_beta = .01 * scale, .last_beta = .3 * scale / (1 + .3 * scale)}), {});
    for (const double eta : {1.0, .7, .2})
      for (std::size_t stops = 2; stops <= steps; ++stops) {
        CAPTURE(steps, eta, stops);
        const double best = by_brute_force(nodes, stops, eta);
        REQUIRE_THAT(path_cost(nodes, optimal_path(nodes, stops, eta), eta), WithinRel(best, 1e-12));
        REQUIRE_THAT(cost_curve(nodes, steps, eta)[stops - 2], WithinRel(best, 1e-11));
      }
  }
}

TEST_CASE("for exact moments the cost falls with the number of steps, ever more slowly", "[search]")
{
  for (const auto& table : {linear_vp(), cosine_vp()}) {
    const std::vector<double> curve = cost_curve(nodes_of(table, {}), 400);
    for (std::size_t k = 1; k < curve.size(); ++k) {
      REQUIRE(curve[k] < curve[k - 1]);
      if (k > 1) REQUIRE(curve[k - 1] - curve[k] < curve[k - 2] - curve[k - 1] + 1e-12);
    }
  }
}

TEST_CASE("the optimal path costs less than even steps", "[search]")
{
  for (const auto& table : {linear_vp(), cosine_vp()}) {
    const auto nodes = nodes_of(table, {});
    for (const std::size_t stops : {3u, 10u, 50u, 200u})
      REQUIRE(path_cost(nodes, optimal_path(nodes, stops)) < path_cost(nodes, even_path(1000, stops)));
  }
}

TEST_CASE("a grid is the path's levels, noisiest first, then the data", "[search]")
{
  const vp_table table = linear_vp();
  const moment_table moments = test::spectrum{}.moments(levels_of(table));
  const auto grid = optimal_grid(table, moments, 10);
  const path best = optimal_path(path_nodes(moments, levels_of(table)), 10);
  REQUIRE(grid.size() == 11);
  for (std::size_t k = 0; k < 10; ++k) REQUIRE(grid[k] == table(static_cast<double>(best[9 - k])));
  REQUIRE(grid.back() == table.data_level());
  REQUIRE(even_grid(table, 10)[1] == table(888));
  REQUIRE(blended_grid(table, moments, 10, 0) == even_grid(table, 10));
  REQUIRE(blended_grid(table, moments, 10, 1) == grid);
  for (const auto& one : {optimal_grid(table, moments, 1), even_grid(table, 1), blended_grid(table, moments, 1, .5)})
    REQUIRE(one == std::vector{table(999), table.data_level()});
}

TEST_CASE("the errors that a plan uses decide its grid", "[search]")
{
  const vp_table table = linear_vp();
  moment_table moments = test::spectrum{}.moments(levels_of(table));
  const auto before = optimal_grid(table, moments, 10);
  const test::spectrum held{.variances = {.3, .2}};
  for (moment_level& level : moments.levels) level.clipped = {.count = 1, .mean = held.error(level.at)};
  REQUIRE(optimal_grid(table, moments, 10) == before);
  REQUIRE(optimal_grid(table, moments, 10, {.estimator = error_estimator::clipped}) ==
          optimal_grid(table, held.moments(levels_of(table)), 10));
  REQUIRE(optimal_grid(table, moments, 10, {.eta = .3}) != before);
}

TEST_CASE("moments of one schedule give the same trajectory in another that has its levels", "[search]")
{
  const vp_table table = linear_vp();
  const auto levels = levels_of(table);
  const moment_table moments = test::spectrum{}.moments(levels);
  std::vector<noise_level> exploding;
  for (const noise_level& at : levels) exploding.push_back(edm_schedule{}(noise_to_signal(at)));
  for (const std::size_t stops : {3u, 20u})
    REQUIRE(optimal_path(path_nodes(moments, exploding), stops) == optimal_path(path_nodes(moments, levels), stops));
}

TEST_CASE("a continuous schedule is refined until the cost stays", "[search]")
{
  // normal data has one effective variance at each level, so the moments are known between the levels of the table only
  // to the interpolation: measure densely
  const edm_schedule schedule;
  std::vector<noise_level> dense;
  for (int k = 0; k <= 4096; ++k) dense.push_back(schedule(.002 * std::pow(40000, k / 4096.0)));
  const moment_table moments = test::spectrum{}.moments(dense);
  const refined_trajectory coarse = refined_grid(schedule, moments, 8, {.tolerance = 1e-2});
  const refined_trajectory fine = refined_grid(schedule, moments, 8, {.tolerance = 1e-5});
  REQUIRE(coarse.nodes < fine.nodes);
  REQUIRE(coarse.change < 1e-2);
  REQUIRE(fine.change < 1e-5);
  REQUIRE(fine.change >= 0);
  REQUIRE(fine.cost <= coarse.cost);
  REQUIRE(fine.grid.size() == 9);
  REQUIRE(fine.grid.front().sigma == 80);
  REQUIRE(fine.grid[7].sigma == .002);
  REQUIRE(fine.grid.back() == schedule.data_level());

  // at the best path the cost does not change to first order if one stop moves: compare with both sides
  const auto cost_of = [&](std::vector<noise_level> grid) {
    std::reverse(grid.begin(), grid.end() - 1);
    grid.pop_back();
    const auto nodes = path_nodes(moments, grid);
    return path_cost(nodes, even_path(8, 8));
  };
  for (std::size_t k = 1; k < 7; ++k)
    for (const double factor : {.97, 1.03}) {
      auto moved = fine.grid;
      moved[k] = schedule(moved[k].sigma * factor);
      REQUIRE(cost_of(moved) > fine.cost - 1e-5);
    }

  const refined_trajectory limited = refined_grid(continuous_vp{}, moments, 100, {.most_nodes = 257});
  REQUIRE(limited.nodes == 257);
  REQUIRE(limited.grid.size() == 101);
}

TEST_CASE("trajectories that cannot be are refused, with the reason", "[search]")
{
  const vp_table table = linear_vp();
  const moment_table moments = test::spectrum{}.moments(levels_of(table));
  REQUIRE_THROWS_WITH(optimal_grid(table, moments, 10, {.eta = 0}),
                      ContainsSubstring("eta = 0") && ContainsSubstring("infinite"));
  REQUIRE_THROWS_WITH(optimal_grid(table, moments, 1001), ContainsSubstring("1001"));
  REQUIRE_THROWS_AS(optimal_grid(table, moments, 0), std::invalid_argument);
  REQUIRE_THROWS_AS(refined_grid(edm_schedule{}, moments, 10, {.range = {.sigma_min = 0}}), std::invalid_argument);
  REQUIRE_THROWS_AS(refined_grid(edm_schedule{}, moments, 10, {.most_nodes = 9}), std::invalid_argument);
  REQUIRE_THROWS_AS(refined_grid(edm_schedule{}, moments, 10, {.goal = {.eta = 0}}), std::invalid_argument);
}
