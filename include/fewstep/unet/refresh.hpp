/// @file
/// When DeepCache computes its feature anew: a value that names rows of a plan.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// Names the rows at which the kept feature is replaced: every row to which one of these applies. A row is one
/// evaluation of the network; a Heun step has two. Besides, a cache that keeps nothing fills at once.
struct refresh_policy {
  std::size_t every = 0;                                       ///< rows that are multiples of it; 0 for none
  std::vector<std::size_t> rows{};                             ///< these, ascending
  std::size_t first = 0;                                       ///< rows before this one
  std::size_t last = std::numeric_limits<std::size_t>::max();  ///< this row and all after it

  /// Rows where the shallow features h have moved by more since the last refresh: ||h - kept h|| / ||kept h||.
  double movement = std::numeric_limits<double>::infinity();

  bool operator==(const refresh_policy&) const = default;
};

/// Whether a refresh is due after row `kept`, up to and with row `now`, which is the later one. Asked so, and not of
/// `now` alone, because a guided run may skip rows of one half, and a refresh must not be lost with them.
inline bool is_due(const refresh_policy& policy, std::size_t kept, std::size_t now)
{
  const auto next = std::upper_bound(policy.rows.begin(), policy.rows.end(), kept);
  return (policy.every > 0 && now / policy.every > kept / policy.every) ||
         (next != policy.rows.end() && *next <= now) || kept + 1 < policy.first || now >= policy.last;
}

/// Throws std::invalid_argument unless rows ascend and the threshold of movement is positive.
inline void check(const refresh_policy& policy)
{
  for (std::size_t k = 1; k < policy.rows.size(); ++k)
    if (policy.rows[k] <= policy.rows[k - 1])
      throw std::invalid_argument("rows to refresh at must ascend, but row " + std::to_string(policy.rows[k]) +
                                  " follows row " + std::to_string(policy.rows[k - 1]));
  if (!(policy.movement > 0))
    throw std::invalid_argument("the movement that calls for a refresh must be positive, but is " +
                                std::to_string(policy.movement));
}

/// Every n-th evaluation, the paper's uniform schedule. Throws std::invalid_argument for 0.
inline refresh_policy every(std::size_t n)
{
  if (n == 0) throw std::invalid_argument("a cache must be refreshed every 1 or more rows, but the interval is 0");
  return {.every = n};
}

/// The first evaluation and these rows, which ascend.
inline refresh_policy at_rows(std::vector<std::size_t> rows)
{
  refresh_policy policy{.rows = std::move(rows)};
  check(policy);
  return policy;
}

/// Whenever the features at the cached connection have moved by more than `threshold`, relative to their norm, since
/// the last refresh.
inline refresh_policy when_moved(double threshold)
{
  refresh_policy policy{.movement = threshold};
  check(policy);
  return policy;
}

/// Rows at both ends of a run that always evaluate the whole network.
struct protected_ends {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// `policy` in a run of `rows` rows, whose ends are protected besides.
inline refresh_policy protecting(refresh_policy policy, std::size_t rows, protected_ends ends)
{
  policy.first = std::max(policy.first, ends.first);
  policy.last = std::min(policy.last, rows - std::min(rows, ends.last));
  return policy;
}

/// The rows of a run of `rows` rows that evaluate the whole network, if features do not move.
inline std::vector<std::size_t> full_rows(const refresh_policy& policy, std::size_t rows)
{
  std::vector<std::size_t> full;
  for (std::size_t row = 0; row < rows; ++row)
    if (full.empty() || is_due(policy, full.back(), row)) full.push_back(row);
  return full;
}

}  // namespace fewstep
