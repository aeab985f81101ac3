/// @file
/// Least-cost paths for DDPM's cost, exact for any moments: the best last step is the lowest of a set of lines.
#pragma once

#include "fewstep/search/least_cost_path.hpp"
#include "fewstep/search/path_cost.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

namespace fewstep {

namespace detail {

/// A Li Chao tree: lines s -> weight_s (v + n_s), and which of those inserted is lowest at a node's effective variance
/// v. The nodes are known beforehand, so that nothing is allocated in the search, and lines cross once only, whatever
/// the order of the nodes. v may be infinite: lines are compared at (1 - R) v + (1 - R) n_s, divided by n, with (1 - R)
/// v / n = R.
class line_tree {
public:
  explicit line_tree(const std::vector<path_node>& nodes) : nodes_(nodes), order_(nodes.size()), place_(nodes.size())
  {
    std::iota(order_.begin(), order_.end(), 0u);
    const auto below = [&](std::uint32_t a, std::uint32_t b) {  // v_a < v_b, without dividing by 1 - R
      const path_node &x = nodes_[a], &y = nodes_[b];
      return x.residual * x.noise * (1 - y.residual) < y.residual * y.noise * (1 - x.residual);
    };
    std::stable_sort(order_.begin(), order_.end(), below);
    for (std::uint32_t k = 0; k < order_.size(); ++k) place_[order_[k]] = k;
    for (const std::uint32_t t : order_)
      points_.push_back({nodes_[t].residual, (1 - nodes_[t].residual) / nodes_[t].noise});
    lines_.resize(4 * nodes.size());
  }

  void clear() { std::fill(lines_.begin(), lines_.end(), line{}); }

  /// Adds the line of node s.
  void insert(std::uint32_t s, double weight)
  {
    line added{weight, nodes_[s].noise, s};
    std::size_t at = 1, low = 0, high = points_.size();
    while (lines_[at].of != none) {
      line& here = lines_[at];
      const std::size_t middle = (low + high) / 2;
      if (lower(added, here, middle)) std::swap(added, here);
      if (high - low == 1) return;
      if (lower(added, here, low))
        at = 2 * at, high = middle;
      else if (lower(added, here, high - 1))
        at = 2 * at + 1, low = middle;
      else
        return;
    }
    lines_[at] = added;
  }

  /// The lowest line at node t, and its height there.
  std::pair<double, std::uint32_t> lowest(std::uint32_t t) const
  {
    const std::size_t place = place_[t];
    const point& p = points_[place];
    line best = lines_[1];
    for (std::size_t at = 1, low = 0, high = points_.size(); high - low > 1;) {
      const std::size_t middle = (low + high) / 2;
      if (place < middle)
        at = 2 * at, high = middle;
      else
        at = 2 * at + 1, low = middle;
      const line& here = lines_[at];
      if (here.of == none) break;
      if (lower(here, best, place)) best = here;
    }
    return {height(best, p), best.of};
  }

private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  struct point {
    double constant, slope;
  };
  struct line {
    double weight = 0, noise = 0;
    std::uint32_t of = none;
  };

  static double height(const line& l, const point& p) { return l.weight * (p.constant + p.slope * l.noise); }

  /// Whether a passes below b there; of ties, the smaller node does.
  bool lower(const line& a, const line& b, std::size_t place) const
  {
    const double x = height(a, points_[place]), y = height(b, points_[place]);
    return a.of < b.of ? x <= y * (1 + tie) : x < y * (1 - tie);
  }

  const std::vector<path_node>& nodes_;
  std::vector<std::uint32_t> order_, place_;  ///< nodes by effective variance, and where each stands there
  std::vector<point> points_;
  std::vector<line> lines_;
};

/// Exponentials of DDPM's costs, of which the exponential of a path's cost is the product: no logarithm in the search.
class multiplied {
public:
  explicit multiplied(const std::vector<path_node>& nodes)
  {
    for (const path_node& node : nodes)
      noise_.push_back(node.noise), constant_.push_back(node.residual),
          slope_.push_back((1 - node.residual) / node.noise);
  }

  static double none() { return 1; }
  double operator()(double path, std::size_t s, std::size_t t) const
  {
    return path * (constant_[t] + slope_[t] * noise_[s]);
  }
  static double total(double path) { return std::log(path); }

private:
  std::vector<double> noise_, constant_, slope_;
};

/// Whether the effective variance never falls as the noise rises: then the cost is Monge.
inline bool is_monge(const std::vector<path_node>& nodes)
{
  for (std::size_t t = 1; t < nodes.size(); ++t) {
    const path_node &a = nodes[t - 1], &b = nodes[t];
    if (a.residual * a.noise * (1 - b.residual) > b.residual * b.noise * (1 - a.residual)) return false;
  }
  return true;
}

/// A layer by the envelope of lines.
inline void envelope(line_tree& lines, const path_layer<multiplied>& layer)
{
  lines.clear();
  for (std::size_t t = layer.first; t < layer.reached.size(); ++t) {
    lines.insert(static_cast<std::uint32_t>(t - 1), layer.before[t - 1]);
    std::tie(layer.reached[t], layer.from[t - layer.first]) = lines.lowest(static_cast<std::uint32_t>(t));
  }
}

}  // namespace detail

/// The best paths of 2 .. `most` nodes under `telescoped_cost`, whose exponential is a line in the effective variance
/// v_t of where the step starts:
///
///     exp(C[k, t]) = min_s exp(C[k - 1, s]) (v_t + n_s) / (v_t + n_t).
///
/// For exact moments v rises with the noise (Stam's inequality), the cost is Monge, and divide and conquer finds them.
/// Errors of measurement break that: then each layer is a lower envelope of lines that is asked at known places. Both
/// take about most * nodes * log2(nodes) steps without a logarithm and are exact. Throws std::invalid_argument unless
/// 2 <= most <= nodes.
inline path_table ddpm_paths(const std::vector<path_node>& nodes, std::size_t most)
{
  detail::require_path_size(nodes.size(), most);
  const detail::multiplied extended(nodes);
  if (detail::is_monge(nodes)) return detail::divided_paths(nodes.size(), most, extended);
  detail::line_tree lines(nodes);
  return detail::search_paths(nodes.size(), most, extended, path_search::envelope,
                              [&](const auto& layer) { detail::envelope(lines, layer); });
}

}  // namespace fewstep
