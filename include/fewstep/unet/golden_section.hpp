/// @file
/// Golden-section search (Kiefer 1953) for the factor of Skip-Tuning that gives the best score: every evaluation is a
/// whole set of samples, so few of them must do.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// The interval to search, and how often the score may be asked for.
struct search_options {
  double low = 0.5;
  double high = 1;
  std::size_t evaluations = 8;
};

/// One evaluation of the score.
struct scored_rho {
  double rho;
  double score;
};

/// The best of all evaluations, and these in their order.
struct search_result {
  scored_rho best{};
  double low = 0;  ///< the minimum of a score with one valley lies between these two
  double high = 0;
  std::vector<scored_rho> trace{};
};

namespace detail {

inline void require_search(const search_options& o)
{
  if (!std::isfinite(o.low) || !std::isfinite(o.high) || !(o.low < o.high))
    throw std::invalid_argument("a search needs finite bounds, the lower one first, but has " + std::to_string(o.low) +
                                " and " + std::to_string(o.high));
  if (o.evaluations < 2)
    throw std::invalid_argument("a search needs at least 2 evaluations, but may do " + std::to_string(o.evaluations));
}

}  // namespace detail

/// Minimises score(rho), which has one valley; the paper found this of the Frechet distance. The bracket shrinks by
/// 0.618 with every evaluation after the first: n of them leave (high - low) * 0.618^(n - 1). Throws
/// std::invalid_argument for bounds that are none, fewer than two evaluations, and a score that is not a number.
template <class F>
search_result search_rho(F&& score, const search_options& options = {})
{
  detail::require_search(options);
  search_result found{.low = options.low, .high = options.high};
  const auto ask = [&](double rho) {
    const double value = score(rho);
    if (std::isnan(value))
      throw std::invalid_argument("the score at rho = " + std::to_string(rho) + " is not a number");
    found.trace.push_back({rho, value});
    return found.trace.back();
  };
  const auto part = [&](double of) { return found.low + of * (found.high - found.low); };
  constexpr double golden = std::numbers::phi - 1;
  scored_rho left = ask(part(1 - golden)), right = ask(part(golden));
  const auto shrink = [&] {
    if (left.score <= right.score)
      found.high = right.rho, right = left;
    else
      found.low = left.rho, left = right;
  };
  for (std::size_t k = 2; k < options.evaluations; ++k) {
    const bool leftwards = left.score <= right.score;
    shrink();
    if (leftwards)
      left = ask(part(1 - golden));
    else
      right = ask(part(golden));
  }
  shrink();
  found.best = *std::min_element(found.trace.begin(), found.trace.end(),
                                 [](const scored_rho& a, const scored_rho& b) { return a.score < b.score; });
  return found;
}

}  // namespace fewstep
