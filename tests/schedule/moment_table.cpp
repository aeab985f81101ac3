#include "fewstep/schedule/moment_table.hpp"

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

}  // namespace

TEST_CASE("levels are added where they belong, and merged where they are", "[schedule]")
{
  const auto levels = levels_of(linear_vp({.steps = 3}));
  const auto level = [&](std::size_t k, double residual) {
    return moment_level{
        .at = levels[k], .residual = test::measured(residual, .01), .parts = {{.residual = test::measured(.2, .01)}}};
  };
  moment_table moments;
  for (const std::size_t k : {2u, 0u, 1u}) add(moments, level(k, .1));
  for (std::size_t k = 0; k < 3; ++k) REQUIRE(moments.levels[k] == level(k, .1));
  moments.levels[1].repaired = .3;
  add(moments, level(1, .2));
  REQUIRE(moments.levels.size() == 3);
  REQUIRE(moments.levels[1].residual.count == 200);
  REQUIRE_THAT(moments.levels[1].residual.mean, WithinRel(.15, 1e-14));
  REQUIRE(moments.levels[1].parts[0].residual.count == 200);
  REQUIRE_FALSE(moments.levels[1].repaired);  // it was that of fewer samples
  REQUIRE_THROWS_WITH(add(moments, moment_level{.at = levels[0]}), ContainsSubstring("parts"));
}

TEST_CASE("the hash tells schedules apart", "[schedule]")
{
  const auto levels = levels_of(linear_vp());
  const moment_table moments = test::spectrum{}.moments(levels);
  require_schedule(moments, levels);
  REQUIRE_THROWS_WITH(require_schedule(moments, levels_of(cosine_vp())), ContainsSubstring("another schedule"));
  REQUIRE_THROWS_AS(require_schedule(moments, std::vector{levels[0]}), std::invalid_argument);
  REQUIRE(levels.size() == 1000);
  REQUIRE(levels[7] == linear_vp()(7));
}

TEST_CASE("some levels of a schedule are of it, whatever their last bits, and those of another are not", "[schedule]")
{
  const auto levels = levels_of(linear_vp());
  moment_table moments;
  for (const std::size_t t : {0u, 400u, 999u}) {
    noise_level at = levels[t];
    at.alpha *= 1 + 4e-16, at.sigma *= 1 - 4e-16;
    add(moments, {.at = at, .residual = {.count = 1, .mean = .1}});
  }
  require_levels(moments, levels);
  REQUIRE_THROWS_WITH(require_levels(moments, levels_of(cosine_vp())), ContainsSubstring("no level (t = 0"));
  REQUIRE_THROWS_WITH(require_levels(moments, levels_of(linear_vp({.first_beta = 1.0001e-4}))),
                      ContainsSubstring("another schedule"));
}

TEST_CASE("tables that cannot be are refused", "[schedule]")
{
  const auto levels = levels_of(linear_vp({.steps = 3}));
  const moment_table good = test::spectrum{}.moments(levels);
  const auto with = [&](auto change) {
    moment_table moments = good;
    change(moments);
    return moments;
  };
  require_moments(good);
  REQUIRE_THROWS_WITH(require_moments({}), ContainsSubstring("no levels"));
  for (const double bad : {-1e-9, HUGE_VAL, std::nan("")}) {
    REQUIRE_THROWS_WITH(require_moments(with([&](moment_table& m) { m.levels[1].residual.mean = bad; })),
                        ContainsSubstring("t = 1.0"));
    REQUIRE_THROWS_AS(require_moments(with([&](moment_table& m) { m.levels[1].second_moment.squares = bad; })),
                      std::invalid_argument);
    REQUIRE_THROWS_AS(require_moments(with([&](moment_table& m) { m.levels[1].repaired = bad; })),
                      std::invalid_argument);
    REQUIRE_THROWS_AS(require_moments(with([&](moment_table& m) {
                        m.levels[0].parts = {{.residual = {2, bad, 0}}};
                      })),
                      std::invalid_argument);
    REQUIRE_THROWS_AS(require_moments(with([&](moment_table& m) { m.data_variance = bad; })), std::invalid_argument);
  }
  REQUIRE_THROWS_WITH(require_moments(with([](moment_table& m) { std::swap(m.levels[0], m.levels[1]); })),
                      ContainsSubstring("more noise"));
  REQUIRE_THROWS_WITH(require_moments(with([](moment_table& m) { m.levels[2].residual = {}; })),
                      ContainsSubstring("no estimate"));
  REQUIRE_THROWS_AS(error_at(moment_table{}, levels[0]), std::invalid_argument);
}
