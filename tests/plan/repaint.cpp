#include "fewstep/plan/repaint.hpp"

#include "fewstep/plan/heun.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"
#include "support/laws.hpp"
#include "support/mixture.hpp"
#include "support/run.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

const auto ddim_plan = [](const std::vector<noise_level>& grid) { return ddim(grid); };
const auto ancestral_plan = [](const std::vector<noise_level>& grid) { return ddim(grid, 1); };

std::vector<double> times(const sampling_plan& plan)
{
  std::vector<double> result;
  for (const plan_step& row : plan.steps) result.push_back(row.at.t);
  return result;
}

}  // namespace

TEST_CASE("a jump up is part of the row before it", "[repaint]")
{
  // 4 -> 3, up to 5, -> 1: DDIM's row 3/4 x + 1/4 D, then noise of deviation sqrt(25 - 9)
  const sampling_plan plan = joined(ddim(test::edm_levels({4, 3})), ddim(test::edm_levels({5, 1})));
  REQUIRE(plan.steps.size() == 2);
  REQUIRE(plan.steps[0].keep == 0.75);
  REQUIRE(plan.steps[0].model[0] == 0.25);
  REQUIRE_THAT(plan.steps[0].noise, WithinAbs(4, 1e-15));
  REQUIRE(plan.steps[1] == ddim(test::edm_levels({5, 1})).steps[0]);
  REQUIRE(plan.start == edm_schedule{}(4));
  REQUIRE(plan.end == edm_schedule{}(1));

  // with signal that shrinks and noise that is there: alpha 0.8, sigma 0.6 up to 0.6, 0.8 is x * 0.75 and noise
  // sqrt(0.64 - 0.2025)
  const noise_level top{3, 0, 1}, high{2, 0.6, 0.8}, low{1, 0.8, 0.6};
  const sampling_plan vp = joined(ddim(std::vector{top, low}, 1), ddim(std::vector<noise_level>{high, {0, 1, 0}}, 1));
  REQUIRE(vp.steps[0].keep == 0);
  REQUIRE_THAT(vp.steps[0].model[0], WithinAbs(0.6, 1e-15));
  REQUIRE_THAT(vp.steps[0].noise, WithinAbs(0.8, 1e-15));  // hypot(0.75 * 0.6, sqrt(0.4375))
}

TEST_CASE("plans that meet are joined as they are", "[repaint]")
{
  const auto grid = trailing(scaled_linear_vp(), 6);
  const std::vector upper(grid.begin(), grid.begin() + 4), lower(grid.begin() + 3, grid.end());
  REQUIRE(joined(ddim(upper, 0.5), ddim(lower, 0.5)) == ddim(grid, 0.5));
  sampling_plan lifted = ddim(test::edm_levels({3, 1}));
  lifted.lift = 4;
  REQUIRE_THAT(joined(ddim(test::edm_levels({4, 3})), lifted).steps[0].noise, WithinAbs(4, 1e-15));
}

TEST_CASE("a restarted run has the moments of the run with its jumps taken one by one", "[repaint]")
{
  const auto grid = test::edm_levels({20, 6, 1, 0.4, 0});
  const std::vector<restart_interval> intervals{{test::edm_levels({5, 2, 1}), 3}, {test::edm_levels({0.9, 0.4}), 1}};
  const sampling_plan plan = restart(grid, intervals, [](auto piece) { return heun(piece); });
  REQUIRE(times(plan) == std::vector<double>{20, 6, 6, 1, 5, 2, 2, 1, 5, 2, 2, 1, 5, 2, 2, 1, 1, 0.4, 0.9, 0.4, 0.4});

  const test::gaussian data{.mean = 0.7, .deviation = 0.5};
  // as written in the paper: Heun along each grid, then x + sqrt(t_max^2 - t_min^2) z
  const std::vector<std::vector<noise_level>> pieces{test::edm_levels({20, 6, 1}), test::edm_levels({5, 2, 1}),
                                                     test::edm_levels({5, 2, 1}),  test::edm_levels({5, 2, 1}),
                                                     test::edm_levels({1, 0.4}),   test::edm_levels({0.9, 0.4}),
                                                     test::edm_levels({0.4, 0})};
  const auto plain = [&](double x, std::size_t drawn) {
    for (std::size_t k = 0; k < pieces.size(); ++k) {
      if (k > 0) {
        const double low = pieces[k - 1].back().sigma, high = pieces[k].front().sigma;
        if (drawn == k) x += std::sqrt(high * high - low * low);
      }
      x = test::run(heun(pieces[k]), x, data);
    }
    return x;
  };
  const auto folded = [&](double x, std::size_t drawn) {
    std::size_t draw = 0;
    return test::run(plan, x, data, [&](std::size_t) { return ++draw == drawn ? 1.0 : 0.0; });
  };
  const std::vector<std::size_t> jumps{1, 2, 3, 5};  // where a piece starts above the one before
  REQUIRE_THAT(folded(3, 0), WithinAbs(plain(3, 0), 1e-13));
  REQUIRE_THAT(folded(-9, 0), WithinAbs(plain(-9, 0), 1e-13));
  for (std::size_t k = 0; k < jumps.size(); ++k) REQUIRE_THAT(folded(3, k + 1), WithinAbs(plain(3, jumps[k]), 1e-13));
}

TEST_CASE("RePaint visits the levels in the official order", "[repaint]")
{
  // The official schedule for 10 levels, jump length 3, 2 samplings: 9 8 7 6 | 7 8 9 8 7 6 5 4 3 | 4 5 6 5 4 3 2 1 0 |
  // 1 2 3 2 1 0 -1; a row stands where the time falls.
  const auto grid = grid_at(scaled_linear_vp(), std::vector<double>{9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  const sampling_plan plan = repaint(grid, {.jump_length = 3, .resamplings = 2});
  REQUIRE(times(plan) == std::vector<double>{9, 8, 7, 9, 8, 7, 6, 5, 4, 6, 5, 4, 3, 2, 1, 3, 2, 1, 0});
  REQUIRE(plan.end == vp_table::data_level());
  REQUIRE(repaint(grid, {.jump_length = 3, .resamplings = 1}) == ddim(grid, 1));
}

TEST_CASE("plans that go back up carry the law of levels, jumps included", "[repaint]")
{
  const auto grid = trailing(scaled_linear_vp(), 20);
  REQUIRE(test::law_error(repaint(grid, {.jump_length = 4, .resamplings = 3}), 1) < 1e-14);
  REQUIRE(test::law_error(repaint(grid, {.jump_length = 5, .resamplings = 2}, ddim_plan), 1) < 1e-14);
  const auto zero_snr = trailing(rescale_zero_terminal_snr(scaled_linear_vp()), 8);
  const std::vector<restart_interval> back_to_noise{{{zero_snr[0], zero_snr[3]}, 2}};
  REQUIRE(test::law_error(restart(zero_snr, back_to_noise, ancestral_plan), 1) < 1e-14);
}

TEST_CASE("plans that go back up refuse what cannot be joined", "[repaint]")
{
  const auto grid = test::edm_levels({20, 6, 1, 0});
  REQUIRE_THROWS_WITH(joined(ddim(test::edm_levels({4, 3})), ddim(test::edm_levels({2, 1}))),
                      ContainsSubstring("cannot go on"));
  REQUIRE_THROWS_AS(joined({}, ddim(grid)), std::invalid_argument);
  REQUIRE_THROWS_AS(joined(ddim(grid), {}), std::invalid_argument);
  sampling_plan noise = ddim(grid);
  noise.predicts = prediction::noise;
  REQUIRE_THROWS_WITH(joined(ddim(grid), noise), ContainsSubstring("same kind"));

  using intervals = std::vector<restart_interval>;
  REQUIRE_THROWS_WITH(restart(grid, intervals{{test::edm_levels({5, 2})}}, ddim_plan), ContainsSubstring("2.0"));
  REQUIRE_THROWS_AS(restart(grid, intervals{{test::edm_levels({30, 20})}}, ddim_plan), std::invalid_argument);
  REQUIRE_THROWS_AS(restart(grid, intervals{{test::edm_levels({5, 1})}, {test::edm_levels({3, 1})}}, ddim_plan),
                    std::invalid_argument);
  REQUIRE_THROWS_AS(restart(grid, intervals{{test::edm_levels({1, 5})}}, ddim_plan), std::invalid_argument);
  REQUIRE_THROWS_WITH(repaint(grid, {.jump_length = 0}), ContainsSubstring("jump length"));
  REQUIRE_THROWS_AS(repaint(grid, {.jump_length = 3}), std::invalid_argument);
  REQUIRE_THROWS_AS(repaint(grid, {.jump_length = 1, .resamplings = 0}), std::invalid_argument);
}
