#include "fewstep/train/discretisation.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>

using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("N(k) and mu(k) are those of the paper and of its code", "[train]")
{
  const train::level_growth imagenet{2, 200, 1000};
  const auto paper = train::decay_rule::paper, code = train::decay_rule::official_code;
  REQUIRE(train::progressive_levels(0, imagenet) == 2);
  REQUIRE(train::progressive_levels(100, imagenet) == 64);
  REQUIRE(train::progressive_levels(1000, imagenet) == 201);
  REQUIRE(train::progressive_levels(5000, imagenet) == 201);
  REQUIRE_THAT(train::target_decay(0, 0.95, imagenet, paper), WithinAbs(0.95, 1e-15));
  REQUIRE_THAT(train::target_decay(0, 0.95, imagenet, code), WithinAbs(0.9025, 1e-15));
  REQUIRE_THAT(train::target_decay(100, 0.95, imagenet, paper), WithinAbs(0.9983984, 5e-8));
  REQUIRE_THAT(train::target_decay(100, 0.95, imagenet, code), WithinAbs(0.9983730, 5e-8));
  REQUIRE_THAT(train::target_decay(1000, 0.95, imagenet, paper), WithinAbs(0.9994897, 5e-8));
  const train::level_growth lsun{2, 150, 1000};
  REQUIRE(train::progressive_levels(500, lsun) == 107);
  REQUIRE_THAT(train::target_decay(500, 0.95, lsun, paper), WithinAbs(0.9990417, 5e-8));
  REQUIRE_THAT(train::target_decay(1000, 0.9, lsun, code), WithinAbs(0.9985962, 5e-8));
}

TEST_CASE("N(k) makes the square of the number of levels grow evenly", "[train]")
{
  // (N(k) - 1 + 1)^2 lies between the line k / K ((s_1 + 1)^2 - s_0^2) + s_0^2 and one level above it
  const train::level_growth growth{2, 150, 997};
  for (std::size_t k = 1; k <= 997; ++k) {
    const double line = std::sqrt(static_cast<double>(k) / 997 * (151.0 * 151 - 4) + 4);
    const auto levels = static_cast<double>(train::progressive_levels(k, growth));
    REQUIRE(levels >= line - 1e-9);
    REQUIRE(levels < line + 1);
  }
}

TEST_CASE("iCT doubles its intervals every 50,000 of 400,000 steps", "[train]")
{
  REQUIRE(train::doubling_levels(0) == 11);
  REQUIRE(train::doubling_levels(49'999) == 11);
  REQUIRE(train::doubling_levels(50'000) == 21);
  REQUIRE(train::doubling_levels(349'999) == 641);
  REQUIRE(train::doubling_levels(350'000) == 1281);
  REQUIRE(train::doubling_levels(10'000'000) == 1281);
}

TEST_CASE("progressive distillation trains its last two students twice as long", "[train]")
{
  REQUIRE(train::halving_steps(0, 8, 10) == 8);
  REQUIRE(train::halving_steps(10, 8, 10) == 4);
  REQUIRE(train::halving_steps(20, 8, 10) == 2);
  REQUIRE(train::halving_steps(39, 8, 10) == 2);
  REQUIRE(train::halving_steps(40, 8, 10) == 1);
  REQUIRE(train::halving_steps(900, 8, 10) == 1);
}

TEST_CASE("schedules without levels or steps are refused", "[train]")
{
  REQUIRE_THROWS_AS(train::progressive_levels(0, {.first = 0}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::doubling_levels(0, {.first = 20, .last = 10, .steps = 1}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::progressive_levels(0, {.steps = 0}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::target_decay(0, 1.5), std::invalid_argument);
  REQUIRE_THROWS_AS(train::halving_steps(0, 12), std::invalid_argument);
}
