#include "fewstep/unet/refresh.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;

namespace {

using list = std::vector<std::size_t>;

/// A policy, and the rows of a run of 30 that it names, written out.
struct named_rows {
  refresh_policy policy;
  std::set<std::size_t> rows;
};

std::set<std::size_t> from_to(std::size_t first, std::size_t last)
{
  std::set<std::size_t> rows;
  for (std::size_t row = first; row <= last; ++row) rows.insert(row);
  return rows;
}

const std::vector<named_rows> policies{
    {every(1), from_to(0, 29)},
    {every(4), {0, 4, 8, 12, 16, 20, 24, 28}},
    {every(40), {0}},
    {at_rows({0, 3, 4, 17}), {0, 3, 4, 17}},
    {at_rows({5}), {5}},
    {protecting(every(10), 30, {.first = 3, .last = 2}), {0, 1, 2, 10, 20, 28, 29}},
    {protecting(at_rows({15}), 30, {.last = 1}), {15, 29}},
    {protecting(every(7), 30, {.first = 30}), from_to(0, 29)},
    {protecting(every(7), 30, {.last = 99}), from_to(0, 29)},
    {when_moved(0.1), {}},
};

}  // namespace

TEST_CASE("a refresh is due if and only if a named row lies after the kept one, up to the present one", "[unet]")
{
  for (const auto& [policy, rows] : policies)
    for (std::size_t kept = 0; kept < 30; ++kept)
      for (std::size_t now = kept + 1; now < 30; ++now) {
        CAPTURE(&policy - &policies[0].policy, kept, now);
        const bool named = std::any_of(rows.begin(), rows.end(), [&](auto r) { return kept < r && r <= now; });
        REQUIRE(is_due(policy, kept, now) == named);
      }
}

TEST_CASE("the full rows of a run are the named ones and the first", "[unet]")
{
  for (const auto& [policy, rows] : policies) {
    std::set<std::size_t> expected = rows;
    expected.insert(0);
    REQUIRE(full_rows(policy, 30) == list(expected.begin(), expected.end()));
  }
  REQUIRE(full_rows(every(3), 0).empty());
}

TEST_CASE("uniform refreshes are the paper's, ceil(T / N) of them", "[unet]")
{
  REQUIRE(full_rows(every(5), 50) == list{0, 5, 10, 15, 20, 25, 30, 35, 40, 45});
  for (std::size_t rows = 1; rows < 60; ++rows)
    for (std::size_t n = 1; n < 12; ++n) REQUIRE(full_rows(every(n), rows).size() == (rows + n - 1) / n);
}

TEST_CASE("policies that are none are refused", "[unet]")
{
  REQUIRE_THROWS_WITH(every(0), ContainsSubstring("interval is 0"));
  REQUIRE_THROWS_WITH(at_rows({0, 5, 5}), ContainsSubstring("row 5 follows row 5"));
  REQUIRE_THROWS_AS(at_rows({7, 5}), std::invalid_argument);
  REQUIRE_THROWS_WITH(when_moved(0), ContainsSubstring("0.000000"));
  REQUIRE_THROWS_AS(when_moved(NAN), std::invalid_argument);
  REQUIRE_THROWS_AS(when_moved(-1), std::invalid_argument);
}
