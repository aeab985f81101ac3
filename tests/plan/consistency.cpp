#include "fewstep/plan/consistency.hpp"

#include "fewstep/plan/check.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/sample.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"

#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

const noise_level clean_end = edm_schedule{}(0.002);

/// The exact consistency function of normal data: along the flow to `clean`.
struct exact_consistency {
  test::gaussian data{.mean = 0.7, .deviation = 0.5};
  double operator()(double x, const noise_level& at) const { return data.flow(x, at, clean_end); }
};

}  // namespace

TEST_CASE("one consistency step is the consistency function", "[consistency]")
{
  const std::vector<std::size_t> ts{0, 39};
  const sampling_plan plan = consistency(consistency_grid(40, ts));
  REQUIRE(plan.steps.size() == 1);
  REQUIRE_FALSE(is_stochastic(plan));
  // f(-60, 80) = 0.7 - 60.7 sqrt((0.25 + 4e-6) / (0.25 + 6400))
  REQUIRE_THAT(sample(plan, -60.0, exact_consistency{}), WithinAbs(0.320629374522, 1e-12));
  REQUIRE_THAT(sample(plan, -60.0, exact_consistency{}),
               WithinRel(0.7 - 60.7 * std::sqrt((0.25 + 4e-6) / (0.25 + 6400)), 1e-13));
}

TEST_CASE("one consistency step ends where a thousand of Heun's do", "[consistency]")
{
  const auto heun_steps = [](std::size_t steps) {
    std::vector<noise_level> grid;
    for (double sigma : karras_sigmas(steps + 1)) grid.push_back(edm_schedule{}(sigma));
    return sample(heun(grid), -60.0, test::gaussian{.mean = 0.7, .deviation = 0.5});
  };
  const std::vector<std::size_t> ts{0, 1000};
  const double one_step = sample(consistency(consistency_grid(1001, ts)), -60.0, exact_consistency{});
  const double coarse = heun_steps(500), fine = heun_steps(1000);
  REQUIRE_THAT(fine, WithinAbs(one_step, 60 * 1e-6));
  // the error falls as the square of the step: without its leading term
  REQUIRE_THAT(fine + (fine - coarse) / 3, WithinAbs(one_step, 1e-6));
}

TEST_CASE("multistep consistency sampling has the moments of the closed form", "[consistency]")
{
  const std::vector<std::size_t> ts{0, 22, 35, 39};
  const sampling_plan plan = consistency(consistency_grid(40, ts));
  const test::gaussian data{.mean = 0.7, .deviation = 0.5};
  // moments of what the network returns in each row, from x ~ N(0, 80^2); 9 digits worked out independently
  const std::vector<double> means{0.695625050, 0.698511924, 0.698512825};
  const std::vector<double> variances{0.249994235, 0.250002870, 0.250002872};
  double mean = 0, variance = 80 * 80;
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const plan_step& row = plan.steps[k];
    const double slope = data.flow(1, row.at, clean_end) - data.flow(0, row.at, clean_end);
    const double f = data.flow(mean, row.at, clean_end), spread = slope * slope * variance;
    REQUIRE_THAT(f, WithinAbs(means[k], 6e-10));
    REQUIRE_THAT(spread, WithinAbs(variances[k], 6e-10));
    mean = row.keep * mean + row.model[0] * f;
    variance = row.model[0] * row.model[0] * spread + row.noise * row.noise;
  }
  REQUIRE_THAT(variance, WithinAbs(0.250004, 2e-6));
}

TEST_CASE("a consistency row misses the law of its level by the noise that the network leaves", "[consistency]")
{
  const sampling_plan plan = consistency(consistency_grid(published::cd_imagenet64));
  for (const auto& [signal, variance] : law_residuals(plan)) {
    REQUIRE(signal == 0);
    REQUIRE_THAT(variance, WithinAbs(-0.002 * 0.002, 1e-15));
  }
}

TEST_CASE("a consistency row is the one worked out by hand", "[consistency]")
{
  const noise_level start = edm_schedule{}(13), next = edm_schedule{}(5), end = edm_schedule{}(3);
  const sampling_plan plan = consistency(std::vector{start, next, end});
  REQUIRE(plan.steps[0] == plan_step{.at = start, .model = {1}, .noise = 4});  // sqrt(5^2 - 3^2)
  REQUIRE(plan.steps[1] == plan_step{.at = next, .model = {1}});

  // signal that shrinks: alpha 0.6 at sigma 0.8, landing on alpha 0.8 at sigma 0.6; what is kept of the landing noise
  // is 0.6 / 0.8 * 0.6 = 0.45, sqrt(0.8^2 - 0.45^2) is added
  const noise_level upper{2, 0.6, 0.8}, lower{1, 0.8, 0.6};
  const sampling_plan vp = consistency(std::vector<noise_level>{{3, 0, 1}, upper, lower});
  REQUIRE_THAT(vp.steps[0].model[0], WithinAbs(0.75, 1e-15));
  REQUIRE_THAT(vp.steps[0].noise, WithinAbs(std::sqrt(0.4375), 1e-15));
  REQUIRE(vp.steps[1].model[0] == 1);
}

TEST_CASE("a consistency run that ends early keeps the noise of its last level", "[consistency]")
{
  const std::vector grid{edm_schedule{}(80), edm_schedule{}(5)};
  const sampling_plan plan = consistency(grid, {.lands_on = edm_schedule{}(3), .noise_scale = 0.5});
  REQUIRE(plan.steps.size() == 1);
  REQUIRE(plan.steps[0].noise == 2);
  REQUIRE(plan.end == grid.back());
}

TEST_CASE("the last noise of a consistency run is zero, not the root of a negative number", "[consistency]")
{
  for (std::size_t scales : std::vector<std::size_t>{18, 40, 151, 201}) {
    const std::vector<std::size_t> ts{0, scales / 2, scales - 1};
    REQUIRE(consistency(consistency_grid(scales, ts)).steps.back().noise == 0);
  }
  // a level that rounding left below the one that the network lands on
  const noise_level below = edm_schedule{}(std::nextafter(0.002, 0.0));
  const std::vector<jump> steps{{edm_schedule{}(80), clean_end}, {clean_end, below}};
  REQUIRE_THROWS_WITH(consistency(steps, {.lands_on = clean_end}),
                      ContainsSubstring("at or above the level that the network"));
}

TEST_CASE("the published consistency runs have the published middle times", "[consistency]")
{
  const auto middle = [](const consistency_times& times) { return consistency_grid(times)[1].sigma; };
  REQUIRE_THAT(middle(published::cd_imagenet64), WithinAbs(1.382368, 5e-7));
  REQUIRE_THAT(middle(published::ct_imagenet64), WithinAbs(1.912844, 5e-7));
  REQUIRE_THAT(middle(published::cd_bedroom), WithinAbs(4.365562, 5e-7));
  REQUIRE_THAT(middle(published::cd_bedroom_l2), WithinAbs(3.519699, 5e-7));
  REQUIRE_THAT(middle(published::ct_bedroom), WithinAbs(3.991219, 5e-7));
  REQUIRE_THAT(middle(published::ct_cat), WithinAbs(5.248503, 5e-7));
  REQUIRE_THAT(consistency_grid(published::sdedit_bedroom)[0].sigma, WithinAbs(5.38, 5e-3));
  REQUIRE_THAT(middle(published::sdedit_bedroom), WithinAbs(2.24, 5e-3));
}

TEST_CASE("consistency sampling refuses lists that do not fall to the end", "[consistency]")
{
  using list = std::vector<std::size_t>;
  REQUIRE_THROWS_WITH(consistency_grid(40, list{0, 22}), ContainsSubstring("39") && ContainsSubstring("ends at 22"));
  REQUIRE_THROWS_WITH(consistency_grid(40, list{39}), ContainsSubstring("at least two"));
  REQUIRE_THROWS_WITH(consistency_grid(40, list{22, 0, 39}),
                      ContainsSubstring("must rise") && ContainsSubstring("22 is followed by 0"));
  REQUIRE_THROWS_WITH(consistency_grid(40, list{0, 0, 39}), ContainsSubstring("must rise"));
  REQUIRE_THROWS_AS(consistency_grid(40, list{0, 40}), std::invalid_argument);
  const std::vector rising{edm_schedule{}(1), edm_schedule{}(2)};
  REQUIRE_THROWS_AS(consistency(rising), std::invalid_argument);
  const std::vector falling{edm_schedule{}(2), edm_schedule{}(1)};
  REQUIRE_THROWS_WITH(consistency(falling, {.noise_scale = -1}),
                      ContainsSubstring("noise scale") && ContainsSubstring("-1"));
  REQUIRE_THROWS_AS(consistency(falling, {.noise_scale = NAN}), std::invalid_argument);
  REQUIRE_THROWS_AS(consistency(falling, {.lands_on = edm_schedule{}(1.5)}), std::invalid_argument);
}
