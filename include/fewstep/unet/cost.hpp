/// @file
/// What a cached decoder saves, in multiply-adds, and the branch and interval that reach a wanted speed-up.
#pragma once

#include <cmath>
#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// Multiply-adds of one evaluation, piece by piece. `multiply_adds` gives it for the networks of nn/; for others count
/// once, or time the pieces: any unit will do.
struct unet_cost {
  std::vector<double> connections{};  ///< down(i) and up(i) together, from the outside
  double middle = 0;
  double ends = 0;  ///< embed, enter and leave
};

namespace detail {

inline double sum_to(const unet_cost& cost, std::size_t end)
{
  return std::accumulate(cost.connections.begin(), cost.connections.begin() + static_cast<std::ptrdiff_t>(end),
                         cost.ends);
}

}  // namespace detail

/// Of an evaluation of the whole network.
inline double full_cost(const unet_cost& cost)
{
  return detail::sum_to(cost, cost.connections.size()) + cost.middle;
}

/// Throws std::invalid_argument, naming both, unless the network has a connection `branch`.
inline void require_branch(std::size_t branch, std::size_t connections)
{
  if (branch >= connections)
    throw std::invalid_argument("the cache keeps what enters connection " + std::to_string(branch) +
                                ", but the network has " + std::to_string(connections) +
                                " connections, numbered from 0");
}

/// Of an evaluation that takes what enters connection `branch` from a cache. Throws std::invalid_argument if there is
/// no such connection.
inline double shallow_cost(const unet_cost& cost, std::size_t branch)
{
  require_branch(branch, cost.connections.size());
  return detail::sum_to(cost, branch + 1);
}

/// rows * full / (refreshes * full + (rows - refreshes) * shallow): how many times faster a run of `rows` evaluations
/// is, `refreshes` of them full, if time goes by the multiply-adds.
inline double ideal_speed_up(const unet_cost& cost, std::size_t branch, std::size_t rows, std::size_t refreshes)
{
  const double full = full_cost(cost), shallow = shallow_cost(cost, branch);
  const auto all = static_cast<double>(rows), done = static_cast<double>(refreshes);
  return all * full / (done * full + (all - done) * shallow);
}

/// A branch and an interval of refreshes, and what they promise.
struct caching {
  std::size_t branch;
  std::size_t every;
  double speed_up;
};

/// The shortest interval that reaches `speed_up` in a run of `rows` evaluations, and with it the deepest branch that
/// does: in the paper's tables a shorter interval costs less quality than a deeper branch gives back. Throws
/// std::invalid_argument if no branch and interval reach it, and names the most that can be had.
inline caching choose_caching(const unet_cost& cost, std::size_t rows, double speed_up)
{
  require_branch(0, cost.connections.size());
  caching best{0, 1, 1};
  for (std::size_t interval = 1; interval <= rows; ++interval)
    for (std::size_t branch = cost.connections.size(); branch-- > 0;) {
      const std::size_t refreshes = (rows + interval - 1) / interval;
      const caching found{branch, interval, ideal_speed_up(cost, branch, rows, refreshes)};
      if (found.speed_up >= speed_up) return found;
      if (found.speed_up > best.speed_up) best = found;
    }
  throw std::invalid_argument("a cache makes " + std::to_string(rows) + " evaluations of this network at most " +
                              std::to_string(best.speed_up) + " times as fast, but the wanted speed-up is " +
                              std::to_string(speed_up));
}

}  // namespace fewstep
