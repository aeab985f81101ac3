#include "fewstep/unet/golden_section.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

TEST_CASE("the search brackets the valley, wherever it is, with one evaluation for each 0.618", "[unet]")
{
  for (const double valley : {0.5, 0.51, 0.667, 0.78, 0.9, 1.0})
    for (const std::size_t evaluations : {2u, 3u, 5u, 12u}) {
      std::size_t asked = 0;
      const auto score = [&](double rho) { return ++asked, std::abs(rho - valley) * (rho < valley ? 3 : 1); };
      const search_result found = search_rho(score, {.low = 0.5, .high = 1, .evaluations = evaluations});
      CAPTURE(valley, evaluations);
      REQUIRE(asked == evaluations);
      REQUIRE(found.trace.size() == evaluations);
      REQUIRE(found.low <= valley);
      REQUIRE(found.high >= valley);
      const double golden = (std::sqrt(5.0) - 1) / 2;
      REQUIRE_THAT(found.high - found.low, WithinRel(0.5 * std::pow(golden, double(evaluations - 1)), 1e-6));
      REQUIRE(std::abs(found.best.rho - valley) <= found.high - found.low);
    }
}

TEST_CASE("no point is asked for twice, and the trace holds what was answered", "[unet]")
{
  const auto score = [](double rho) { return (rho - 0.7) * (rho - 0.7) + 2; };
  const search_result found = search_rho(score, {.low = 0, .high = 2, .evaluations = 20});
  double least = INFINITY;
  for (std::size_t k = 0; k < found.trace.size(); ++k) {
    REQUIRE(found.trace[k].score == score(found.trace[k].rho));
    least = std::min(least, found.trace[k].score);
    for (std::size_t j = 0; j < k; ++j) REQUIRE(found.trace[j].rho != found.trace[k].rho);
  }
  REQUIRE(found.best.score == least);
  REQUIRE_THAT(found.best.rho, WithinAbs(0.7, 2 * std::pow(0.62, 19)));
}

TEST_CASE("a search that cannot be is refused", "[unet]")
{
  const auto score = [](double rho) { return rho; };
  REQUIRE_THROWS_WITH(search_rho(score, {.low = 1, .high = 0.5}), ContainsSubstring("1.000000 and 0.500000"));
  REQUIRE_THROWS_AS(search_rho(score, {.low = NAN}), std::invalid_argument);
  REQUIRE_THROWS_AS(search_rho(score, {.high = INFINITY}), std::invalid_argument);
  REQUIRE_THROWS_WITH(search_rho(score, {.evaluations = 1}), ContainsSubstring("may do 1"));
  REQUIRE_THROWS_WITH(search_rho([](double) { return std::numeric_limits<double>::quiet_NaN(); }),
                      ContainsSubstring("not a number"));
}
