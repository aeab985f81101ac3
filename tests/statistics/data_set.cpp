#include "fewstep/statistics/data_set.hpp"

#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using X = std::vector<double>;

TEST_CASE("a data set is a list of tensors", "[statistics]")
{
  STATIC_REQUIRE(data_set<std::vector<X>>);
  STATIC_REQUIRE(data_set<std::vector<double>>);
  STATIC_REQUIRE_FALSE(data_set<std::vector<std::string>>);
  STATIC_REQUIRE_FALSE(data_set<double>);
}

TEST_CASE("the order of measuring visits every tensor once, and the whole set from the first few on", "[statistics]")
{
  for (std::size_t size : std::vector<std::size_t>{1, 2, 7, 64, 1000}) {
    std::set<std::size_t> seen;
    for (std::size_t k = 0; k < size; ++k) seen.insert(spread(k, size));
    REQUIRE(seen.size() == size);
    REQUIRE(*seen.rbegin() == size - 1);
  }
  std::set<std::size_t> quarters;
  for (std::size_t k = 0; k < 8; ++k) quarters.insert(spread(k, 1000) / 250);
  REQUIRE(quarters.size() == 4);
}

TEST_CASE("the variance of the data is the mean over its numbers", "[statistics]")
{
  // first number 1, 3, 5: variance 4; second 0, 0, 6: variance 12
  REQUIRE_THAT(detail::variance_of(std::vector<X>{{1, 0}, {3, 0}, {5, 6}}, 1), WithinAbs(8, 1e-14));
  REQUIRE_THAT(detail::variance_of(std::vector<X>{{1, 0, 3, 0}, {5, 6, 3, 2}}, 2),
               WithinAbs((8. / 3 + 8) / 2, 1e-14));  // 1, 3, 5, 3 and 0, 0, 6, 2
}

TEST_CASE("data that is too little or of several sizes is refused", "[statistics]")
{
  const std::vector<X> data{{1, 2}, {3, 4}, {5, 6}};
  REQUIRE(detail::tensors_wanted(data, 0, 1) == 3);
  REQUIRE(detail::tensors_wanted(data, 3, 2) == 2);
  REQUIRE_THROWS_WITH(detail::tensors_wanted(data, 7, 2), ContainsSubstring("6 samples, but 7"));
  REQUIRE_THROWS_WITH(detail::tensors_wanted(data, 1, 1), ContainsSubstring("at least two"));
  REQUIRE_THROWS_WITH(detail::tensors_wanted(data, 0, 0), ContainsSubstring("at least one sample"));
  REQUIRE_THROWS_WITH(detail::require_equal_sizes(std::vector<X>{{1, 2}, {3}}), ContainsSubstring("number 1 has 1"));
}
