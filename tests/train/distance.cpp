#include "fewstep/train/distance.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

using numbers = std::vector<double>;

// two samples: (3, 4) apart, and equal
const numbers here{0, 0, 1, 2}, there{3, -4, 1, 2};

}  // namespace

TEST_CASE("distances are their formulas, one number a sample", "[train]")
{
  REQUIRE(train::l2{}(here, there, 2) == numbers{12.5, 0});
  REQUIRE(train::l1{}(here, there, 2) == numbers{3.5, 0});
  REQUIRE(train::pseudo_huber(12)(here, there, 2) == numbers{1, 0});
  const numbers huber = train::element_huber(4)(here, there, 2);
  REQUIRE_THAT(huber[0], WithinRel((1 + std::sqrt(32.0) - 4) / 2, 1e-15));
  REQUIRE(huber[1] == 0);
}

TEST_CASE("the pseudo-Huber distance is a square nearby and the norm far off", "[train]")
{
  const double c = 0.1;
  // sqrt(d^2 + c^2) - c = d^2 / (2 c) (1 - d^2 / (4 c^2) + ...), and d - c + c^2 / (2 d) - ...
  REQUIRE_THAT(train::pseudo_huber(c)(numbers{1e-3}, numbers{0}, 1)[0], WithinRel(1e-6 / (2 * c), 3e-5));
  REQUIRE_THAT(train::pseudo_huber(c)(numbers{100}, numbers{0}, 1)[0], WithinAbs(100 - c, 1e-4));
}

TEST_CASE("iCT's constant is 0.02993 for 32 x 32 x 3 and 0.05986 for 64 x 64 x 3", "[train]")
{
  REQUIRE_THAT(train::pseudo_huber_constant(32 * 32 * 3), WithinAbs(0.0299298, 5e-8));
  REQUIRE_THAT(train::pseudo_huber_constant(64 * 64 * 3), WithinAbs(0.0598597, 5e-8));
}

TEST_CASE("a feature distance sums the distances of all features", "[train]")
{
  const auto doubled = [](numbers x) {
    for (double& number : x) number *= 2;
    return x;
  };
  REQUIRE(train::feature_distance(doubled)(here, there, 2) == numbers{50, 0});
  const auto sums = [](const numbers& x) { return std::vector<numbers>{x, {x[0] + x[1], x[2] + x[3]}}; };
  REQUIRE(train::feature_distance(sums, train::l1{})(here, there, 2) == numbers{4.5, 0});
}

TEST_CASE("distances refuse batches that differ and constants without meaning", "[train]")
{
  REQUIRE_THROWS_WITH(train::l2{}(here, numbers{1, 2}, 2), ContainsSubstring("must have the shape (2), but has (4)"));
  REQUIRE_THROWS_WITH(train::l1{}(here, there, 3), ContainsSubstring("cannot be a batch of 3 samples"));
  REQUIRE_THROWS_AS(train::pseudo_huber(0), std::invalid_argument);
  REQUIRE_THROWS_AS(train::element_huber(-1), std::invalid_argument);
  REQUIRE_THROWS_AS(train::pseudo_huber(NAN), std::invalid_argument);
  const auto none = [](const numbers&) { return std::vector<numbers>{}; };
  REQUIRE_THROWS_WITH(train::feature_distance(none)(here, there, 2), ContainsSubstring("at least one feature"));
}
