#include "fewstep/schedule/noise_level.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using fewstep::noise_level;

TEST_CASE("the logarithm of the signal-to-noise ratio is that of alpha over sigma", "[schedule]")
{
  const noise_level at{0, std::exp(1.0), std::exp(-2.0)};
  REQUIRE_THAT(fewstep::log_snr(at), WithinAbs(3.0, 1e-15));
  REQUIRE(fewstep::log_snr({0, 1, 0}) == std::numeric_limits<double>::infinity());
  REQUIRE_THAT(fewstep::noise_to_signal(at), WithinAbs(std::exp(-3.0), 1e-17));
}

TEST_CASE("a grid whose noise falls is accepted, with or without signal at its start", "[schedule]")
{
  const std::vector<noise_level> vp{{2, 0, 1}, {1, 0.6, 0.8}, {-1, 1, 0}}, edm{{80, 1, 80}, {2, 1, 2}, {0.1, 1, 0.1}};
  REQUIRE_NOTHROW(fewstep::require_denoising(vp));
  REQUIRE_NOTHROW(fewstep::require_denoising(edm));
}

TEST_CASE("a grid that is no grid is refused by the level that is wrong", "[schedule]")
{
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct bad {
    std::vector<noise_level> grid;
    const char* says;
  };
  const bad cases[] = {
      {{}, "has 0"},
      {{{1, 1, 1}}, "has 1"},
      {{{1, 1, 1}, {1, 1, 1}}, "level 0"},
      {{{3, 1, 3}, {2, 1, 2}, {2.5, 1, 2.5}}, "from level 1"},
      {{{1, 1, nan}, {0, 1, 0}}, "nan"},
      {{{nan, 1, 1}, {0, 1, 0}}, "nan"},
      {{{1, -1, 1}, {0, 1, 0}}, "alpha = -1"},
      {{{1, 1, 1}, {0, 0, 0}}, "not both 0"},
      {{{1, 1, std::numeric_limits<double>::infinity()}, {0, 1, 0}}, "inf"},
  };
  for (const auto& [grid, says] : cases) {
    CAPTURE(says);
    REQUIRE_THROWS_WITH(fewstep::require_denoising(grid), ContainsSubstring(says));
    REQUIRE_THROWS_AS(fewstep::require_denoising(grid), std::invalid_argument);
  }
}
