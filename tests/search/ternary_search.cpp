#include "fewstep/search/ternary_search.hpp"

#include "fewstep/audit/gaussian_data.hpp"
#include "fewstep/plan/consistency.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

using list = std::vector<std::size_t>;

/// A bound on the scores that one of n indices takes, by repeated division: an interval of n shrinks to at most 2 n
/// / 3.
std::size_t most_scores(std::size_t n)
{
  std::size_t shrinks = 0;
  for (double left = static_cast<double>(n); left > 3 + 1e-9; left /= 1.5) ++shrinks;
  return shrinks == 0 ? n : 2 * shrinks + 2;
}

/// The deviation of what the last of a plan's steps returns on normal data, for a network that knows the mean only.
double deviation_drawn(const sampling_plan& plan, const gaussian_data& data)
{
  double variance = std::pow(data.deviation_at(plan.start), 2);
  for (const plan_step& row : plan.steps) {
    const double slope = data(1, row.at) - data(0, row.at);
    variance = std::pow(row.model[0] * slope, 2) * variance + row.noise * row.noise;
  }
  return std::sqrt(variance);
}

}  // namespace

TEST_CASE("one time is found in every valley of every small interval, with few scores", "[search]")
{
  for (std::size_t end = 2; end <= 60; ++end)
    for (std::size_t valley = 1; valley < end; ++valley)
      for (const double steepness : {0.1, 1.0, 7.0}) {  // of the side towards the noise, beside the other's 1
        const auto height = [&](std::size_t t) {
          return t < valley ? steepness * double(valley - t) : std::sqrt(double(t - valley));
        };
        std::set<list> asked;
        const times_search found = search_times({0, end}, 1, [&](const list& ts) {
          REQUIRE(ts.size() == 3);
          REQUIRE(asked.insert(ts).second);
          return 5 + height(ts[1]);
        });
        CAPTURE(end, valley, steepness);
        REQUIRE(found.best.ts == list{0, valley, end});
        REQUIRE(found.best.score == 5);
        REQUIRE(found.trace.size() == asked.size());
        REQUIRE(asked.size() <= most_scores(end - 1));
      }
}

TEST_CASE("of forty scales a second step takes fourteen scores at most, of a thousand thirty-two", "[search]")
{
  for (const std::size_t scales : {40u, 1000u}) {
    std::size_t most = 0;
    for (std::size_t valley = 1; valley + 1 < scales; ++valley) {
      const times_search found =
          search_times({0, scales - 1}, 1, [&](const list& ts) { return std::abs(double(ts[1]) - double(valley)); });
      REQUIRE(found.best.ts[1] == valley);
      most = std::max(most, found.trace.size());
    }
    CAPTURE(scales, most);
    REQUIRE(most <= (scales == 40 ? 14 : 32));
  }
}

TEST_CASE("each further time lies behind those found, is the best there, and leaves room", "[search]")
{
  // a valley at half the way from the last time to the end, in every round
  const auto score = [](const list& ts) {
    double sum = 0;
    for (std::size_t k = 1; k + 1 < ts.size(); ++k)
      sum += std::abs(2.0 * double(ts[k]) - double(ts[k - 1]) - double(ts.back())) * std::pow(0.01, double(k));
    return sum;
  };
  REQUIRE(search_times({0, 64}, 4, score).best.ts == list{0, 32, 48, 56, 60, 64});
  REQUIRE(search_times({0, 32, 64}, 2, score).best.ts == list{0, 32, 48, 56, 64});
  REQUIRE(search_times({5, 40, 64}, 1, score).best.ts == list{5, 40, 52, 64});

  // scores that would have every time next to the end
  const auto late = [](const list& ts) { return -double(ts[ts.size() - 2]); };
  for (std::size_t end = 2; end < 12; ++end)
    for (std::size_t added = 1; added < end; ++added) {
      const list ts = search_times({0, end}, added, late).best.ts;
      REQUIRE(ts.size() == added + 2);
      for (std::size_t k = 0; k < added; ++k) REQUIRE(ts[k + 1] == end - added + k);
    }
}

TEST_CASE("the trace holds what was answered, in order, and the best is the last round's", "[search]")
{
  std::vector<scored_times> asked;
  // more times make it worse, and the longer list is the answer nevertheless
  const auto score = [&](const list& ts) {
    asked.push_back({ts, 10.0 * double(ts.size()) + std::abs(double(ts[ts.size() - 2]) - 11)});
    return asked.back().score;
  };
  const times_search found = search_times({0, 30}, 2, score);
  REQUIRE(found.trace.size() == asked.size());
  for (std::size_t k = 0; k < asked.size(); ++k) {
    REQUIRE(found.trace[k].ts == asked[k].ts);
    REQUIRE(found.trace[k].score == asked[k].score);
  }
  REQUIRE(found.best.ts == list{0, 11, 12, 30});
  REQUIRE(found.best.score == 41);
}

TEST_CASE("of equal scores the noisier time wins, the same at every run", "[search]")
{
  REQUIRE(search_times({0, 30}, 1, [](const list&) { return 1; }).best.ts == list{0, 1, 30});
  // a valley with a floor of several indices: one of the floor is found, wherever it lies
  for (std::size_t end = 2; end <= 30; ++end)
    for (std::size_t first = 1; first < end; ++first)
      for (std::size_t last = first; last < end; ++last) {
        const auto score = [&](const list& ts) {
          return ts[1] < first ? double(first - ts[1]) : ts[1] > last ? double(ts[1] - last) : 0.0;
        };
        const times_search found = search_times({0, end}, 1, score), again = search_times({0, end}, 1, score);
        CAPTURE(end, first, last);
        REQUIRE(found.best.score == 0);
        REQUIRE(found.best.ts == again.best.ts);
        for (const auto& [ts, height] : found.trace) REQUIRE((height > 0 || ts[1] >= found.best.ts[1]));
      }
}

TEST_CASE("intervals of one, two and three indices are scored whole", "[search]")
{
  for (std::size_t free = 1; free <= 3; ++free)
    for (std::size_t best = 1; best <= free; ++best) {
      const times_search found =
          search_times({7, 8 + free}, 1, [&](const list& ts) { return ts[1] == 7 + best ? 0.0 : 1.0; });
      REQUIRE(found.best.ts == list{7, 7 + best, 8 + free});
      REQUIRE(found.trace.size() == free);
    }
}

TEST_CASE("on normal data a network that knows the mean is best run at deviation / sqrt(k)", "[search]")
{
  // It returns m + s^2 / (s^2 + t^2) (x - m), so a step that adds noise t to what has variance a returns variance
  // s^4 (a + t^2) / (s^2 + t^2)^2: the most, and it is always too little, at t^2 = s^2 - 2 a, where it is
  // s^4 / (4 (s^2 - a)). From a = 0: s^2 / 4, s^2 / 3, s^2 3/8, at the times s, s / sqrt 2, s / sqrt 3.
  const gaussian_data data{.mean = 0.7, .deviation = 0.5};
  const double ratio = std::pow(80 / 0.01, 1.0 / 799);
  std::vector<noise_level> levels;
  for (int k = 0; k < 800; ++k) levels.push_back(edm_schedule{}(80 * std::pow(ratio, -k)));
  levels.push_back(edm_schedule{}(0));
  const auto score = [&](const list& ts) {
    std::vector<noise_level> grid;
    for (const std::size_t t : ts) grid.push_back(levels[t]);
    return data.deviation - deviation_drawn(consistency(grid), data);  // the Frechet distance's root, means being equal
  };
  const times_search found = search_times({0, levels.size() - 1}, 3, score);
  for (int k = 1; k <= 3; ++k) {
    // grid points lie half a ratio off, and the first step leaves a = s^4 / (s^2 + 80^2), less than 1e-4 s^2
    const double at = levels[found.best.ts[std::size_t(k)]].sigma;
    REQUIRE_THAT(std::log(at * std::sqrt(double(k)) / data.deviation), WithinAbs(0, std::log(ratio) + 1e-3));
  }
  REQUIRE_THAT(found.best.score, WithinAbs(0.5 * (1 - std::sqrt(3.0 / 8)), 1e-4));
  // brute force over the second time
  double least = HUGE_VAL;
  std::size_t where = 0;
  for (std::size_t t = 1; t + 1 < levels.size(); ++t)
    if (const double one = score({0, t, levels.size() - 1}); one < least) least = one, where = t;
  REQUIRE(found.best.ts[1] == where);
}

TEST_CASE("a search for times that cannot be is refused before anything is scored", "[search]")
{
  const auto never = [](const list&) -> double { throw std::logic_error("scored"); };
  REQUIRE_THROWS_WITH(search_times({5}, 1, never), ContainsSubstring("two indices or more, but has 1"));
  REQUIRE_THROWS_WITH(search_times({}, 1, never), ContainsSubstring("but has 0"));
  REQUIRE_THROWS_WITH(search_times({0, 9, 9}, 1, never), ContainsSubstring("must rise, but are 0, 9, 9"));
  REQUIRE_THROWS_WITH(search_times({4, 2}, 1, never), ContainsSubstring("must rise, but are 4, 2"));
  REQUIRE_THROWS_WITH(search_times({0, 1}, 1, never),
                      ContainsSubstring("0, 1 lie 0 others") && ContainsSubstring("cannot add 1"));
  REQUIRE_THROWS_WITH(search_times({0, 35, 39}, 4, never), ContainsSubstring("lie 3 others"));
  REQUIRE_THROWS_WITH(search_times({0, 39}, 0, never), ContainsSubstring("cannot add 0"));
  REQUIRE_THROWS_AS(search_times({0, 39}, 39, never), std::invalid_argument);
}

TEST_CASE("a score that is not finite ends the search with its list, and what it throws passes", "[search]")
{
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL})
    REQUIRE_THROWS_WITH(search_times({0, 22, 39}, 1, [&](const list& ts) { return ts[2] < 30 ? 1 : bad; }),
                        ContainsSubstring("the times 0, 22, ") && ContainsSubstring(", 39 must be finite"));
  std::size_t asked = 0;
  const auto fails = [&](const list&) { return ++asked == 3 ? throw std::runtime_error("no disk") : double(asked); };
  REQUIRE_THROWS_WITH(search_times({0, 39}, 1, fails), "no disk");
  REQUIRE(asked == 3);
}
