#include "fewstep/schedule/data_range.hpp"

#include "support/catch.hpp"

#include <limits>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("no number in a range varies more than half at either end", "[schedule]")
{
  // the law with the largest variance is one half at each end
  for (const data_range range : {data_range{}, data_range{0, 255}, data_range{-3, 0.5}}) {
    const double mean = (range.low + range.high) / 2;
    REQUIRE(largest_variance(range) == (range.low - mean) * (range.low - mean));
  }
}

TEST_CASE("a range that is none is refused", "[schedule]")
{
  const double infinity = std::numeric_limits<double>::infinity();
  REQUIRE_NOTHROW(require_data_range({}));
  for (const data_range bad : {data_range{1, 1}, data_range{1, -1}, data_range{0, infinity}})
    REQUIRE_THROWS_WITH(require_data_range(bad), ContainsSubstring("low < high"));
}
