#include "fewstep/train/average.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;

TEST_CASE("an average that follows a constant nears it geometrically", "[train]")
{
  std::vector<std::vector<double>> mean{{1, 2}, {-3}};
  const std::vector<std::vector<double>> value{{5, 0}, {1}};
  for (int k = 0; k < 20; ++k) train::update_average(mean, value, 0.9);
  const double left = std::pow(0.9, 20);
  REQUIRE_THAT(mean[0][0], WithinRel(5 + left * (1 - 5), 1e-14));
  REQUIRE_THAT(mean[0][1], WithinRel(left * 2, 1e-14));
  REQUIRE_THAT(mean[1][0], WithinRel(1 + left * (-3 - 1), 1e-14));
}

TEST_CASE("rate 0 copies and rate 1 keeps", "[train]")
{
  std::vector<double> mean{1, 2};
  train::update_average(mean, {5, 6}, 1);
  REQUIRE(mean == std::vector<double>{1, 2});
  train::update_average(mean, {5, 6}, 0);
  REQUIRE(mean == std::vector<double>{5, 6});
}

TEST_CASE("averages refuse other parameters before they change any", "[train]")
{
  std::vector<std::vector<double>> mean{{1, 2}, {3}};
  REQUIRE_THROWS_WITH(train::update_average(mean, {{1, 2}}, 0.5),
                      ContainsSubstring("an average of 2 parameters cannot follow 1"));
  REQUIRE_THROWS_WITH(train::update_average(mean, {{5, 6}, {1, 2}}, 0.5), ContainsSubstring("must have the shape (1)"));
  REQUIRE_THROWS_AS(train::update_average(mean, {{5, 6}, {1}}, 1.1), std::invalid_argument);
  REQUIRE(mean == std::vector<std::vector<double>>{{1, 2}, {3}});
}
