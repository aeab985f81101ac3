#include "fewstep/schedule/moment_sources.hpp"

#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

TEST_CASE("the official table begins with the data, so number n is our time n - 1", "[schedule]")
{
  const auto levels = levels_of(linear_vp({.steps = 3}));
  const moment_table moments = moments_of_ms_eps(levels, std::vector{0., .1, .2, .3});
  REQUIRE(moments.schedule == hash(levels));
  for (std::size_t t = 0; t < 3; ++t) {
    REQUIRE(moments.levels[t].at == levels[t]);
    REQUIRE(moments.levels[t].second_moment.mean == std::vector{.1, .2, .3}[t]);
    REQUIRE(error_at(moments.levels[t]).from == error_estimator::second_moment);
    REQUIRE(std::isinf(error_at(moments.levels[t]).standard_error));
  }
  REQUIRE(moments_of_ms_eps(levels, std::vector{7., .1, .2, .3}) == moments);  // the first number is unused
}

TEST_CASE("a second moment above 1 is kept, reported and taken for no error", "[schedule]")
{
  const auto levels = levels_of(linear_vp({.steps = 4}));
  const moment_table moments = moments_of_ms_eps(levels, std::vector{0., .1, 1.25, .3, 1.5});
  REQUIRE(impossible_levels(moments) == std::vector<std::size_t>{1, 3});
  REQUIRE(moments.levels[1].second_moment.mean == 1.25);
  REQUIRE(error_at(moments.levels[1]).value == 0);
  REQUIRE(impossible_levels(moments_of_ms_eps(levels, std::vector{0., .1, 1., .3, 0.})).empty());
}

TEST_CASE("numbers that are no moments are refused", "[schedule]")
{
  const auto levels = levels_of(linear_vp({.steps = 3}));
  REQUIRE_THROWS_WITH(moments_of_ms_eps(levels, std::vector{.1, .2, .3}), ContainsSubstring("must hold 4 numbers"));
  REQUIRE_THROWS_WITH(moments_of_ms_eps(levels, std::vector{0., .1, -.2, .3}), ContainsSubstring("t = 1.0"));
  REQUIRE_THROWS_AS(moments_of_ms_eps(levels, std::vector{0., .1, .2, std::nan("")}), std::invalid_argument);
  REQUIRE_THROWS_WITH(moments_of_errors(levels, std::vector{.1}), ContainsSubstring("3 levels, but 1 errors"));
  REQUIRE_THROWS_AS(moments_of_errors(levels, std::vector{.1, -.2, .3}), std::invalid_argument);
}
