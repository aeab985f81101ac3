#include "fewstep/search/spacing.hpp"

#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/from_one.hpp"

#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

namespace {

using path = std::vector<std::size_t>;

}  // namespace

TEST_CASE("the even trajectory rounds halves to even, as the official one", "[search]")
{
  REQUIRE(test::from_one(even_path(1000, 3)) == path{1, 500, 1000});
  REQUIRE(test::from_one(even_path(1000, 10)) == path{1, 112, 223, 334, 445, 556, 667, 778, 889, 1000});
  REQUIRE(test::from_one(even_path(1000, 25)) == path{1,   43,  84,  126, 168, 209, 251, 292, 334, 376, 417, 459, 500,
                                                      542, 584, 625, 667, 709, 750, 792, 834, 875, 917, 958, 1000});
  REQUIRE(test::from_one(even_path(4000, 25))[1] == 168);
  REQUIRE(even_path(1000, 1) == path{999});
  path all(40);
  for (std::size_t k = 0; k < 40; ++k) all[k] = k;
  REQUIRE(even_path(40, 40) == all);
}

TEST_CASE("a power's trajectory is the official one, moved where stops would meet", "[search]")
{
  REQUIRE(test::from_one(power_path(1000, 10, 2)) == path{1, 58, 119, 184, 255, 334, 423, 529, 667, 1000});
  REQUIRE(test::from_one(power_path(1000, 10, 3)) == path{1, 39, 81, 127, 179, 238, 307, 395, 520, 1000});
  const path crowded = test::from_one(power_path(100, 50, 3));
  REQUIRE(path(crowded.begin() + 34, crowded.end()) ==
          path{35, 36, 37, 38, 40, 42, 44, 46, 48, 51, 54, 57, 61, 66, 73, 100});
  REQUIRE(power_path(1000, 10, 1) == even_path(1000, 10));
  REQUIRE(power_path(1000, 1, 2) == path{999});
  REQUIRE(power_path(10, 9, 40) == path{0, 1, 2, 3, 4, 5, 6, 7, 9});
}

TEST_CASE("the official quadratic trajectory is the quadratic grid", "[search]")
{
  const path official{1, 10, 40, 89, 159, 247, 356, 484, 633, 801};
  const std::vector<double> times = quadratic_times(1000, 10);
  for (std::size_t k = 0; k < 10; ++k) REQUIRE(times[9 - k] == static_cast<double>(official[k]) - 1);
}

TEST_CASE("a blend goes from one path to the other and stays a path", "[search]")
{
  const path even = even_path(1000, 50), first = [] {
    path crowded(50);
    for (std::size_t k = 0; k < 49; ++k) crowded[k] = k;
    crowded.back() = 999;
    return crowded;
  }();
  REQUIRE(blended_path(even, first, 0) == even);
  REQUIRE(blended_path(even, first, 1) == first);
  for (int percent = 0; percent <= 100; ++percent) {
    const path between = blended_path(even, first, percent / 100.0);
    CAPTURE(percent);
    REQUIRE(between.front() == 0);
    REQUIRE(between.back() == 999);
    for (std::size_t k = 1; k < 50; ++k) {
      REQUIRE(between[k] > between[k - 1]);
      REQUIRE(between[k] >= std::min(even[k], first[k]));
      REQUIRE(between[k] <= std::max(even[k], first[k]));
    }
  }
  REQUIRE(blended_path({0, 4, 9}, {0, 1, 9}, 0.5) == path{0, 3, 9});  // 2.5 rounds up
}

TEST_CASE("spacings that cannot be are refused", "[search]")
{
  REQUIRE_THROWS_WITH(even_path(10, 11), ContainsSubstring("11"));
  REQUIRE_THROWS_AS(even_path(10, 0), std::invalid_argument);
  REQUIRE_THROWS_AS(power_path(10, 5, 0.5), std::invalid_argument);
  REQUIRE_THROWS_WITH(blended_path({0, 1}, {0, 1, 2}, 0.5), ContainsSubstring("one length"));
  REQUIRE_THROWS_AS(blended_path({0, 1}, {0, 1}, 1.5), std::invalid_argument);
}
