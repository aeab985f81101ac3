/// @file
/// What a search for paths finds: the best path of every number of nodes, and its cost.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// How the paths were found. The result is the same but for paths that tie.
enum class path_search { plain, divide_and_conquer, envelope };

/// The best paths of 2, 3, ... `most` nodes, from node 0 to the last. Takes 4 (most - 2) (nodes - most / 2) bytes.
class path_table {
public:
  path_table(std::size_t nodes, std::size_t most, path_search by) : nodes_(nodes), by_(by)
  {
    costs_.reserve(most - 1), before_.reserve(most - 2);
  }

  /// The most nodes that a path in this table has.
  std::size_t most() const { return costs_.size() + 1; }
  path_search found_by() const { return by_; }

  /// The cost of the best path of that many nodes, from 2. +infinity if there is no path.
  double cost(std::size_t stops) const
  {
    require(stops);
    return costs_[stops - 2];
  }

  /// The costs for 2, 3, ... nodes.
  const std::vector<double>& costs() const { return costs_; }

  /// The nodes of the best path of that many. Ties go to the smallest node, from the end of the path. Throws
  /// std::invalid_argument if the table does not reach so far, or there is no path.
  std::vector<std::size_t> path(std::size_t stops) const
  {
    require(stops);
    if (std::isinf(cost(stops)))
      throw std::invalid_argument("no path of " + std::to_string(stops) + " nodes has a finite cost");
    std::vector<std::size_t> path(stops, 0);
    path.back() = nodes_ - 1;
    for (std::size_t k = stops - 1; k > 1; --k) path[k - 1] = before_[k - 2][path[k] - k];
    return path;
  }

  /// What the paths take in memory.
  std::size_t bytes() const
  {
    std::size_t numbers = 0;
    for (const auto& layer : before_) numbers += layer.size();
    return numbers * sizeof(std::uint32_t);
  }

  /// Adds the next longer paths: of each node that they may end at, the one before it. (For the searches.)
  void add(double cost, std::vector<std::uint32_t> before)
  {
    costs_.push_back(cost);
    if (costs_.size() > 1) before_.push_back(std::move(before));
  }

private:
  void require(std::size_t stops) const
  {
    if (stops < 2 || stops > most())
      throw std::invalid_argument("the table holds paths of 2 to " + std::to_string(most()) + " nodes, but " +
                                  std::to_string(stops) + " were asked for");
  }

  std::size_t nodes_;
  path_search by_;
  std::vector<double> costs_;
  std::vector<std::vector<std::uint32_t>> before_;  ///< [k - 2][t - k]: before t, on the best path to it of k + 1 nodes
};

}  // namespace fewstep
