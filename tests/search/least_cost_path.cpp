#include "fewstep/search/least_cost_path.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

/// Costs in a square, for tests that change them.
struct costs {
  std::size_t nodes;
  std::vector<double> values = std::vector<double>(nodes * nodes);

  double& at(std::size_t s, std::size_t t) { return values[s * nodes + t]; }
  double operator()(std::size_t s, std::size_t t) const { return values[s * nodes + t]; }
};

costs random_costs(std::size_t nodes, std::uint32_t seed)
{
  std::mt19937 bits(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  costs cost{nodes};
  for (double& value : cost.values) value = uniform(bits);
  return cost;
}

/// cost(s, t) = a(s) + b(t) + the mass of a random density over the square s < x <= y < t, which is Monge: a wider step
/// holds all that two steps in its corners hold, and more.
costs random_monge(std::size_t nodes, std::uint32_t seed)
{
  std::mt19937 bits(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  costs mass{nodes}, cost{nodes};
  for (double& value : mass.values) value = uniform(bits) < 0.1 ? uniform(bits) : 0;  // ties in the small, too
  std::vector<double> a(nodes), b(nodes);
  for (std::size_t k = 0; k < nodes; ++k) a[k] = uniform(bits), b[k] = uniform(bits);
  for (std::size_t width = 0; width < nodes; ++width)
    for (std::size_t s = 0; s + width < nodes; ++s) {
      const std::size_t t = s + width;
      const double inner = width > 1 ? cost(s + 1, t - 1) : 0;
      cost.at(s, t) = mass(s, t) + (width > 0 ? cost(s + 1, t) + cost(s, t - 1) : 0) - inner;
    }
  for (std::size_t s = 0; s < nodes; ++s)
    for (std::size_t t = 0; t < nodes; ++t) cost.at(s, t) += a[s] + b[t];
  return cost;
}

double sum_along(const costs& cost, const std::vector<std::size_t>& nodes)
{
  double sum = 0;
  for (std::size_t k = 1; k < nodes.size(); ++k) sum += cost(nodes[k - 1], nodes[k]);
  return sum;
}

/// The least cost over all paths of so many nodes, each tried: the bits of `inner` say which nodes are visited.
double by_brute_force(const costs& cost, std::size_t stops)
{
  double best = std::numeric_limits<double>::infinity();
  for (std::uint32_t inner = 0; inner < (1u << (cost.nodes - 2)); ++inner) {
    std::vector<std::size_t> tried{0};
    for (std::size_t k = 1; k + 1 < cost.nodes; ++k)
      if (inner >> (k - 1) & 1) tried.push_back(k);
    tried.push_back(cost.nodes - 1);
    if (tried.size() == stops) best = std::min(best, sum_along(cost, tried));
  }
  return best;
}

bool same_paths(const path_table& a, const path_table& b)
{
  if (a.most() != b.most()) return false;
  for (std::size_t stops = 2; stops <= a.most(); ++stops)
    if (a.path(stops) != b.path(stops)) return false;
  return true;
}

}  // namespace

TEST_CASE("the best of all paths is found, whatever the costs", "[search]")
{
  for (std::uint32_t seed = 0; seed < 30; ++seed)
    for (std::size_t nodes = 2; nodes <= 9; ++nodes) {
      const costs any = random_costs(nodes, seed), monge = random_monge(nodes, seed);
      for (const costs& cost : {any, monge}) {
        const path_table found = least_cost_paths(nodes, nodes, cost);
        for (std::size_t stops = 2; stops <= nodes; ++stops) {
          CAPTURE(seed, nodes, stops);
          const auto path = found.path(stops);
          REQUIRE(path.size() == stops);
          REQUIRE(path.front() == 0);
          REQUIRE(path.back() == nodes - 1);
          REQUIRE_THAT(sum_along(cost, path), WithinAbs(by_brute_force(cost, stops), 1e-12));
          REQUIRE_THAT(found.cost(stops), WithinAbs(sum_along(cost, path), 1e-12));
        }
      }
    }
}

TEST_CASE("divide and conquer finds the paths of the full program where the cost is Monge", "[search]")
{
  for (const std::size_t nodes : {10u, 33u, 100u, 257u}) {
    const costs cost = random_monge(nodes, 7);
    const path_table fast = least_cost_paths(nodes, nodes, cost), full = plain_paths(nodes, nodes, cost);
    CAPTURE(nodes);
    REQUIRE(fast.found_by() == path_search::divide_and_conquer);
    REQUIRE(full.found_by() == path_search::plain);
    REQUIRE(same_paths(fast, full));
  }
  const costs large = random_monge(1000, 8);
  REQUIRE(same_paths(least_cost_paths(1000, 30, large), plain_paths(1000, 30, large)));
}

TEST_CASE("a cost that is not Monge takes the full program", "[search]")
{
  for (const std::size_t nodes : {10u, 60u}) {
    REQUIRE_FALSE(is_monge(nodes, random_costs(nodes, 3)));
    REQUIRE(least_cost_paths(nodes, 5, random_costs(nodes, 3)).found_by() == path_search::plain);

    costs nearly = random_monge(nodes, 4);
    REQUIRE(is_monge(nodes, nearly));
    nearly.at(2, 5) -= 1;  // makes (2, 5) + (1, 6) win over (1, 5) + (2, 6), and (1, 4) + (2, 5) no worse
    nearly.at(1, 5) += 5;
    REQUIRE_FALSE(is_monge(nodes, nearly));
    REQUIRE(same_paths(least_cost_paths(nodes, nodes, nearly), plain_paths(nodes, nodes, nearly)));
  }
}

TEST_CASE("of equal paths the one with the smallest nodes from its end is taken, by either search", "[search]")
{
  const auto flat = [](std::size_t s, std::size_t t) { return static_cast<double>(t - s); };  // all paths cost the same
  const std::vector<std::size_t> crowded{0, 1, 2, 3, 29};
  const path_table fast = least_cost_paths(30, 30, flat);
  REQUIRE(fast.found_by() == path_search::divide_and_conquer);
  REQUIRE(fast.path(5) == crowded);
  REQUIRE(same_paths(fast, plain_paths(30, 30, flat)));

  const auto rounded = [](std::size_t s, std::size_t t) {
    return 0.1 * static_cast<double>(t) - 0.1 * static_cast<double>(s);
  };
  REQUIRE(least_cost_paths(30, 5, rounded).path(5) == crowded);
}

TEST_CASE("steps that are forbidden are not taken", "[search]")
{
  const double never = std::numeric_limits<double>::infinity();
  const auto neighbours = [=](std::size_t s, std::size_t t) { return t - s <= 2 ? 1.0 : never; };
  const path_table found = least_cost_paths(9, 9, neighbours);
  REQUIRE(found.path(5) == std::vector<std::size_t>{0, 2, 4, 6, 8});
  REQUIRE(std::isinf(found.cost(4)));
  REQUIRE_THROWS_WITH(found.path(4), ContainsSubstring("no path of 4 nodes"));
}

TEST_CASE("paths that cannot be are refused", "[search]")
{
  const auto flat = [](std::size_t, std::size_t) { return 0.0; };
  REQUIRE_THROWS_WITH(least_cost_paths(5, 6, flat), ContainsSubstring("visits 2 to 5"));
  REQUIRE_THROWS_AS(least_cost_paths(5, 1, flat), std::invalid_argument);
  REQUIRE_THROWS_AS(plain_paths(1, 2, flat), std::invalid_argument);
  const path_table found = least_cost_paths(5, 3, flat);
  REQUIRE_THROWS_WITH(found.path(4), ContainsSubstring("2 to 3"));
  REQUIRE_THROWS_AS(found.cost(1), std::invalid_argument);
}
