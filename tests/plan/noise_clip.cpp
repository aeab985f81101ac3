#include "fewstep/plan/noise_clip.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;

TEST_CASE("a pixel of noise is the paper's", "[plan]")
{
  REQUIRE_THAT(std::pow(largest_deviation({.pixels = 1}), 2), WithinRel(9.66272e-5, 6e-7));
  REQUIRE_THAT(std::pow(largest_deviation({.pixels = 2}), 2), WithinRel(3.86509e-4, 6e-7));
  REQUIRE_THAT(largest_deviation({.pixels = 2, .range = {0, 255}}), WithinRel(255 * largest_deviation({}), 1e-14));
}

TEST_CASE("only the last noisy rows are held, and never the row to the data", "[plan]")
{
  const vp_table table = linear_vp();
  const pixel_clip tight{.pixels = .1};
  const double most = largest_deviation(tight);
  for (const auto end : {grid_end::data, grid_end::first_level})
    for (const std::size_t rows : {0u, 1u, 3u, 99u}) {
      const sampling_plan plan = ddpm(trailing(table, 10, end));
      const sampling_plan held = clip_noise(plan, {.pixels = .1, .rows = rows});
      const std::size_t noisy = end == grid_end::data ? 9 : 10;
      for (std::size_t k = 0; k < 10; ++k) {
        CAPTURE(rows, k);
        const bool last = k < noisy && k + rows >= noisy;
        REQUIRE(held.steps[k].noise == (last ? std::min(plan.steps[k].noise, most) : plan.steps[k].noise));
        REQUIRE(held.steps[k].keep == plan.steps[k].keep);
      }
    }
  REQUIRE(clip_noise(ddim(trailing(table, 10)), tight) == ddim(trailing(table, 10)));
}

TEST_CASE("a clip that is none is refused", "[plan]")
{
  REQUIRE_THROWS_WITH(clip_noise({}, {.pixels = 0}), ContainsSubstring("above 0"));
  REQUIRE_THROWS_AS(clip_noise({}, {.pixel_steps = -1}), std::invalid_argument);
  REQUIRE_THROWS_WITH(clip_noise({}, {.range = {1, 1}}), ContainsSubstring("low < high"));
  REQUIRE_THROWS_AS(clip_noise({}, {.range = {-HUGE_VAL, 1}}), std::invalid_argument);
}
