/// @file
/// The README's first example, compiled as it stands there.
#include "snippets/readme_first.hpp"
#include "support/catch.hpp"

#include <cstddef>

using Catch::Matchers::WithinAbs;

TEST_CASE("the README's first example draws what its formula says", "[docs]")
{
  // the network is exact: D = alpha x, so that a step of DDIM multiplies by alpha' alpha + sigma' sigma
  const auto grid = fewstep::trailing(fewstep::linear_vp(), 10);
  double factor = 1;
  for (std::size_t k = 0; k < 10; ++k) factor *= grid[k + 1].alpha * grid[k].alpha + grid[k + 1].sigma * grid[k].sigma;
  const image start = fewstep::philox_noise{.seed = 7}.start(image(64 * 64)), drawn = draw();
  REQUIRE(drawn.size() == start.size());
  for (std::size_t i = 0; i < start.size(); ++i) REQUIRE_THAT(drawn[i], WithinAbs(factor * start[i], 1e-5));
}
