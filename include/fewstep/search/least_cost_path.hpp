/// @file
/// Least-cost paths with a given number of nodes, for any cost of a step: by divide and conquer where the cost allows
/// it (Monge's inequality; Aggarwal, Klawe, Moran, Shor and Wilber 1987), by the plain dynamic program where not.
#pragma once

#include "fewstep/search/path_table.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// cost(s, t) of the step between nodes s < t. +infinity forbids it.
// clang-format off
template <class C>
concept step_cost = requires(const C& cost, std::size_t s, std::size_t t) {
  { cost(s, t) } -> std::convertible_to<double>;
};
// clang-format on

namespace detail {

/// Costs closer than this, relative to their size, are ties, and the smallest node wins: rounding does not choose.
inline constexpr double tie = 1e-13;

inline void require_path_size(std::size_t nodes, std::size_t stops)
{
  if (nodes < 2 || nodes > std::numeric_limits<std::uint32_t>::max())
    throw std::invalid_argument("paths are searched among at least 2 nodes, but there are " + std::to_string(nodes));
  if (stops < 2 || stops > nodes)
    throw std::invalid_argument("a path from the first of " + std::to_string(nodes) +
                                " nodes to the last visits 2 to " + std::to_string(nodes) + " of them, but " +
                                std::to_string(stops) + " were asked for");
}

}  // namespace detail

/// Whether cost(a, c) + cost(b, d) <= cost(a, d) + cost(b, c) for all a <= b < c <= d, to rounding. Then the best last
/// step moves only forwards with the end of a path, and divide and conquer is exact. Adjacent pairs imply the rest.
/// Takes nodes^2 / 2 costs. Costs that are infinite are not Monge.
template <step_cost C>
bool is_monge(std::size_t nodes, const C& cost)
{
  std::vector<double> row(nodes), next(nodes);
  for (std::size_t t = 1; t < nodes; ++t) row[t] = cost(0, t);
  for (std::size_t s = 0; s + 2 < nodes; ++s) {
    for (std::size_t t = s + 2; t < nodes; ++t) next[t] = cost(s + 1, t);
    for (std::size_t t = s + 2; t + 1 < nodes; ++t) {
      const double straight = row[t] + next[t + 1], crossed = row[t + 1] + next[t];
      const double size = std::abs(row[t]) + std::abs(next[t + 1]) + std::abs(crossed);
      if (!std::isfinite(size) || straight > crossed + detail::tie * size) return false;
    }
    std::swap(row, next);
  }
  return true;
}

namespace detail {

/// How costs of steps become costs of paths: by a sum.
template <class C>
struct summed {
  const C& cost;

  static double none() { return 0; }
  double operator()(double path, std::size_t s, std::size_t t) const { return path + cost(s, t); }
  static double total(double path) { return path; }
};

/// One layer of a search: the best paths of one node more. `before[s]` is the best path to s so far.
template <class E>
struct path_layer {
  const E& extended;
  const std::vector<double>& before;
  std::vector<double>& reached;
  std::vector<std::uint32_t>& from;
  std::size_t first;  ///< the first node that these paths may end at; `from` begins there

  /// Finds the best last step to t among those from `low` .. `high`, and returns where it comes from.
  std::size_t settle(std::size_t t, std::size_t low, std::size_t high)
  {
    double best = std::numeric_limits<double>::infinity(), enough = best;
    std::size_t where = low;
    for (std::size_t s = low; s <= high; ++s) {
      const double path = extended(before[s], s, t);
      if (path < enough) best = path, enough = path - tie * std::abs(path), where = s;
    }
    reached[t] = best;
    from[t - first] = static_cast<std::uint32_t>(where);
    return where;
  }

  void plain()
  {
    for (std::size_t t = first; t < reached.size(); ++t) settle(t, first - 1, t - 1);
  }

  /// Nodes `begin` .. `end` - 1, whose best last steps come from `low` .. `high`.
  void divide(std::size_t begin, std::size_t end, std::size_t low, std::size_t high)
  {
    if (begin >= end) return;
    const std::size_t middle = begin + (end - begin) / 2;
    const std::size_t from_middle = settle(middle, low, std::min(high, middle - 1));
    divide(begin, middle, low, from_middle);
    divide(middle + 1, end, from_middle, high);
  }
};

/// Calls layer(path_layer) for paths of 3, 4, ... `most` nodes.
template <class E, class L>
path_table search_paths(std::size_t nodes, std::size_t most, const E& extended, path_search by, L layer)
{
  require_path_size(nodes, most);
  path_table table(nodes, most, by);
  std::vector<double> before(nodes, std::numeric_limits<double>::infinity()), reached = before;
  for (std::size_t t = 1; t < nodes; ++t) before[t] = extended(E::none(), 0, t);
  table.add(E::total(before.back()), {});
  for (std::size_t k = 2; k < most; ++k) {
    std::vector<std::uint32_t> from(nodes - k);
    layer(path_layer<E>{extended, before, reached, from, k});
    table.add(E::total(reached.back()), std::move(from));
    std::swap(before, reached);
  }
  return table;
}

template <class E>
path_table plain_paths(std::size_t nodes, std::size_t most, const E& extended)
{
  return search_paths(nodes, most, extended, path_search::plain, [](path_layer<E> layer) { layer.plain(); });
}

template <class E>
path_table divided_paths(std::size_t nodes, std::size_t most, const E& extended)
{
  return search_paths(nodes, most, extended, path_search::divide_and_conquer,
                      [=](path_layer<E> layer) { layer.divide(layer.first, nodes, layer.first - 1, nodes - 2); });
}

}  // namespace detail

/// The dynamic program as the paper has it, C[k, t] = min_s C[k - 1, s] + cost(s, t): exact for every cost, in
/// most * nodes^2 / 2 steps. The reference for the others.
template <step_cost C>
path_table plain_paths(std::size_t nodes, std::size_t most, const C& cost)
{
  return detail::plain_paths(nodes, most, detail::summed<C>{cost});
}

/// The best paths of 2 .. `most` nodes among `nodes`, in about most * nodes * log2(nodes) / 2 steps if the cost is
/// Monge, which is tried first, and as `plain_paths` if not. Throws std::invalid_argument unless 2 <= most <= nodes.
template <step_cost C>
path_table least_cost_paths(std::size_t nodes, std::size_t most, const C& cost)
{
  detail::require_path_size(nodes, most);
  const detail::summed<C> extended{cost};
  return is_monge(nodes, cost) ? detail::divided_paths(nodes, most, extended)
                               : detail::plain_paths(nodes, most, extended);
}

}  // namespace fewstep
