#include "fewstep/search/lower_envelope.hpp"

#include "fewstep/io/moments.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

std::vector<path_node> exact_nodes(const vp_table& table)
{
  const auto levels = levels_of(table);
  return path_nodes(test::spectrum{}.moments(levels), levels);
}

/// Nodes whose residuals are off by some percent, as measured ones are.
std::vector<path_node> measured_nodes(const vp_table& table, double deviation, std::uint32_t seed = 1)
{
  std::mt19937 bits(seed);
  std::normal_distribution<double> normal(1, deviation);
  auto nodes = exact_nodes(table);
  for (path_node& node : nodes) node.residual = std::clamp(node.residual * normal(bits), 0.0, 1.0);
  return nodes;
}

path_table plain(const std::vector<path_node>& nodes, std::size_t most)
{
  return plain_paths(nodes.size(), most,
                     [&](std::size_t s, std::size_t t) { return telescoped_cost(nodes[s], nodes[t]); });
}

double sum_along(const std::vector<path_node>& nodes, const std::vector<std::size_t>& path)
{
  double sum = 0;
  for (std::size_t k = 1; k < path.size(); ++k) sum += telescoped_cost(nodes[path[k - 1]], nodes[path[k]]);
  return sum;
}

/// The paths found cost what the table says and what the full program's cost. Paths may differ where they tie, and each
/// step of either search may pass over a gain of a tie, 1e-13 of the cost.
void require_best(const path_table& found, const std::vector<path_node>& nodes)
{
  const path_table full = plain(nodes, found.most());
  for (std::size_t stops = 2; stops <= full.most(); ++stops) {
    CAPTURE(stops);
    const double best = full.cost(stops), rounding = 2e-13 * static_cast<double>(stops) * (std::abs(best) + 1);
    REQUIRE_THAT(found.cost(stops), WithinAbs(best, rounding));
    REQUIRE_THAT(sum_along(nodes, found.path(stops)), WithinAbs(best, rounding));
  }
}

}  // namespace

TEST_CASE("for exact moments divide and conquer finds DDPM's paths of the full program", "[search]")
{
  const auto nodes = exact_nodes(linear_vp({.steps = 200, .first_beta = 5e-4, .last_beta = .1}));
  const path_table found = ddpm_paths(nodes, 200);
  REQUIRE(found.found_by() == path_search::divide_and_conquer);
  require_best(found, nodes);
  const auto thousand = exact_nodes(linear_vp());
  require_best(ddpm_paths(thousand, 20), thousand);
  REQUIRE(ddpm_paths(thousand, 20).path(20) == plain(thousand, 20).path(20));
}

TEST_CASE("for measured moments the envelope of lines finds the paths of the full program", "[search]")
{
  const vp_table table = linear_vp({.steps = 150, .first_beta = 5e-4, .last_beta = .1});
  for (const double deviation : {1e-6, 1e-3, .02, .5}) {
    const auto nodes = measured_nodes(table, deviation);
    const path_table found = ddpm_paths(nodes, 150);
    CAPTURE(deviation);
    if (deviation > 1e-6) REQUIRE(found.found_by() == path_search::envelope);
    require_best(found, nodes);
  }
  const auto thousand = measured_nodes(linear_vp(), .02);
  const path_table found = ddpm_paths(thousand, 20);
  REQUIRE(found.found_by() == path_search::envelope);
  require_best(found, thousand);
  REQUIRE(found.path(20) == plain(thousand, 20).path(20));
}

TEST_CASE("for the bundled network's moments the envelope finds the paths of the full program", "[search]")
{
  const auto levels = levels_of(linear_vp());
  const moment_table moments = read_moments(test::in_repository("models/fontdigits-ddpm/moments.json"));
  for (const auto estimator : {error_estimator::best, error_estimator::clipped}) {
    const auto nodes = path_nodes(moments, levels, estimator);
    const path_table found = ddpm_paths(nodes, 60);
    REQUIRE(found.found_by() == path_search::envelope);
    require_best(found, nodes);
  }
}

TEST_CASE("errors at their bounds, and random ones, are no obstacle", "[search]")
{
  std::mt19937 bits(5);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int trial = 0; trial < 40; ++trial) {
    auto nodes = exact_nodes(linear_vp({.steps = 40, .first_beta = 3e-3, .last_beta = .5}));
    for (path_node& node : nodes) {
      const double draw = uniform(bits);
      node.residual = draw < .1 ? 0 : draw < .2 ? 1 : uniform(bits);  // R = 1: the effective variance is infinite
    }
    const path_table found = ddpm_paths(nodes, 40), full = plain(nodes, 40);
    for (std::size_t stops = 2; stops <= 40; ++stops)  // equal errors tie, and then any of the best will do
      REQUIRE_THAT(found.cost(stops), WithinAbs(full.cost(stops), 1e-11 * std::abs(full.cost(stops))));
  }
}

TEST_CASE("where all paths cost the same the first nodes are taken, however the search is made", "[search]")
{
  const auto levels = levels_of(linear_vp({.steps = 100, .first_beta = 1e-3, .last_beta = .2}));
  const test::spectrum data{.variances = {.25}};
  const auto nodes = path_nodes(data.moments(levels), levels);
  const std::vector<std::size_t> crowded{0, 1, 2, 3, 4, 5, 6, 7, 8, 99};
  REQUIRE(ddpm_paths(nodes, 10).path(10) == crowded);
  REQUIRE(plain(nodes, 10).path(10) == crowded);
  REQUIRE_THAT(ddpm_paths(nodes, 10).cost(10), WithinRel(telescoped_cost(nodes.front(), nodes.back()), 1e-12));
}
