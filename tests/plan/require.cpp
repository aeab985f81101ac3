#include "fewstep/plan/require.hpp"

#include "support/catch.hpp"

#include <limits>
#include <vector>

using namespace fewstep::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

using levels = std::vector<fewstep::noise_level>;

}  // namespace

TEST_CASE("builders that divide by alpha want signal at every level", "[plan]")
{
  REQUIRE_NOTHROW(require_signal(levels{{1, 0.1, 1}, {0, 1, 0}}, "It"));
  REQUIRE_THROWS_WITH(require_signal(levels{{1, 0, 1}, {0, 1, 0}}, "It"), ContainsSubstring("It divides by alpha"));
  REQUIRE_THROWS_WITH(require_signal(levels{{0, 1, 0}, {1, 0.1, 1}}, "It"), ContainsSubstring("must fall"));
}

TEST_CASE("orders and strengths are refused by their value", "[plan]")
{
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REQUIRE_NOTHROW(require_order(3, 3, "It"));
  REQUIRE_THROWS_WITH(require_order(0, 3, "It"), ContainsSubstring("[1, 3]") && ContainsSubstring("is 0"));
  REQUIRE_THROWS_WITH(require_order(4, 3, "It"), ContainsSubstring("is 4"));
  REQUIRE_NOTHROW(require_strength(1, 0));
  for (double eta : {-0.1, 1.1, nan}) REQUIRE_THROWS_WITH(require_strength(eta, 1), ContainsSubstring("eta"));
  for (double s_noise : {-1.0, nan}) REQUIRE_THROWS_WITH(require_strength(0, s_noise), ContainsSubstring("s_noise"));
}
