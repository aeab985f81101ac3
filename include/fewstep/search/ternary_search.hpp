/// @file
/// The greedy ternary search of Song et al. 2023 (arXiv:2303.01469) for the times of few steps: they are found one by
/// one, each by the score of samples, whole sets of which are drawn for one number, so few of them must do.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// score(ts) of a run along the levels of a grid at the indices `ts`, noisiest first, both ends among them: the less
/// the better. `consistency_grid` takes such a list.
// clang-format off
template <class F>
concept times_score = requires(F& score, const std::vector<std::size_t>& ts) {
  { score(ts) } -> std::convertible_to<double>;
};
// clang-format on

/// One evaluation of the score.
struct scored_times {
  std::vector<std::size_t> ts{};
  double score = 0;
};

/// The best list that has as many times as were asked for, and all that were scored, in their order.
struct times_search {
  scored_times best{};
  std::vector<scored_times> trace{};
};

namespace detail {

inline std::string listed(const std::vector<std::size_t>& ts)
{
  std::string text;
  for (const std::size_t t : ts) text += (text.empty() ? "" : ", ") + std::to_string(t);
  return text;
}

inline void require_times_search(const std::vector<std::size_t>& ts, std::size_t added)
{
  if (ts.size() < 2)
    throw std::invalid_argument("a search for times starts from two indices or more, but has " +
                                std::to_string(ts.size()));
  for (std::size_t k = 0; k + 1 < ts.size(); ++k)
    if (ts[k] >= ts[k + 1])
      throw std::invalid_argument("the indices of a search for times must rise, but are " + listed(ts));
  const std::size_t room = ts.back() - ts[ts.size() - 2] - 1;
  if (added == 0 || added > room)
    throw std::invalid_argument("between the last two of the indices " + listed(ts) + " lie " + std::to_string(room) +
                                " others, so a search cannot add " + std::to_string(added));
}

/// The minimum of score(list with t added before its end) over low <= t <= high. The interval keeps the best t so far.
template <class F>
scored_times add_time(const std::vector<std::size_t>& ts, std::size_t low, std::size_t high, F& score,
                      std::vector<scored_times>& trace)
{
  const std::size_t start = trace.size();
  const auto index = [&](const scored_times& one) { return one.ts[ts.size() - 1]; };
  const auto ask = [&](std::size_t t) {
    const auto known = std::find_if(trace.begin() + static_cast<std::ptrdiff_t>(start), trace.end(),
                                    [&](const scored_times& one) { return index(one) == t; });
    if (known != trace.end()) return known->score;
    std::vector<std::size_t> with = ts;
    with.insert(with.end() - 1, t);
    const double value = score(std::as_const(with));
    if (!std::isfinite(value))
      throw std::invalid_argument("the score of the times " + listed(with) + " must be finite, but is " +
                                  std::to_string(value));
    trace.push_back({std::move(with), value});
    return value;
  };
  while (high - low >= 3) {
    const std::size_t third = (high - low) / 3, left = low + third, right = high - third;
    if (ask(left) <= ask(right))
      high = right - 1;
    else
      low = left + 1;
  }
  for (std::size_t t = low; t <= high; ++t) ask(t);
  return *std::min_element(
      trace.begin() + static_cast<std::ptrdiff_t>(start), trace.end(),
      [&](const auto& a, const auto& b) { return std::pair(a.score, index(a)) < std::pair(b.score, index(b)); });
}

}  // namespace detail

/// Adds times to the list `ts` one by one, each between the last found and the end, which with those before it stays
/// as it is: {0, scales - 1} with one added are two steps. A time is found by ternary search, which takes the score to
/// have one valley as a function of it (so the paper found the Frechet distance): of n indices the third beyond the
/// worse of two inner ones is dropped until three are left, in at most 2 ceil(log_1.5(n / 3)) + 2 scores. No list is
/// scored twice. Of equal scores the noisier time wins; on a ledge that is not the floor of the valley, the search can
/// go the wrong way. Each time leaves room for those that follow.
///
/// Throws std::invalid_argument, before any score is asked for, unless there are two indices, they rise, and as many
/// lie between the last two as are to be added; and for a score that is not finite. What the score throws passes.
template <times_score F>
times_search search_times(std::vector<std::size_t> ts, std::size_t added, F&& score)
{
  detail::require_times_search(ts, added);
  times_search found;
  for (std::size_t left = added; left > 0; --left) {
    const std::size_t low = ts[ts.size() - 2] + 1, high = ts.back() - left;
    found.best = detail::add_time(ts, low, high, score, found.trace);
    ts = found.best.ts;
  }
  return found;
}

}  // namespace fewstep
