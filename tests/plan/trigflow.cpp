#include "fewstep/plan/trigflow.hpp"

#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/plan/check.hpp"
#include "fewstep/sample.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"

#include <cmath>
#include <numbers>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("the levels of TrigFlow lie on a circle", "[trigflow]")
{
  const trigflow_schedule schedule{.sigma_data = 0.5};
  for (double t : {0.0, 0.3, 1.1, 1.57}) {
    const noise_level at = schedule(t);
    REQUIRE_THAT(at.alpha * at.alpha + 4 * at.sigma * at.sigma, WithinAbs(1, 1e-15));
    REQUIRE_THAT(at.sigma, WithinAbs(0.5 * std::sin(t), 1e-15));
    if (t > 0) REQUIRE_THAT(schedule.at_noise_to_signal(noise_to_signal(at)).t, WithinAbs(t, 1e-15));
  }
  REQUIRE(schedule(1.5708) == noise_level{1.5708, 0, 0.5 * std::sin(1.5708)});
}

TEST_CASE("sCM's times are those of its scheduler", "[trigflow]")
{
  REQUIRE(scm_times(1) == std::vector<double>{1.5708});
  REQUIRE(scm_times(2) == std::vector<double>{1.5708, 1.3});
  REQUIRE(scm_times(2, {.intermediate = 1.1}) == std::vector<double>{1.5708, 1.1});
  const auto four = scm_times(4);
  for (std::size_t k = 0; k < 4; ++k)
    REQUIRE_THAT(four[k], WithinAbs(1.5708 * (4 - static_cast<double>(k)) / 4, 1e-15));
}

TEST_CASE("sCM's rows are worked out by hand and carry the law of levels", "[trigflow]")
{
  const sampling_plan plan = scm(scm_times(2));
  REQUIRE(plan.steps.size() == 2);
  REQUIRE(plan.steps[0].keep == 0);
  REQUIRE_THAT(plan.steps[0].model[0], WithinAbs(0.267498828624587, 1e-14));   // cos 1.3
  REQUIRE_THAT(plan.steps[0].noise, WithinAbs(0.963558185417193 / 2, 1e-14));  // sin 1.3 * 0.5
  REQUIRE(plan.steps[1].model[0] == 1);
  REQUIRE(plan.steps[1].noise == 0);
  for (const auto& [signal, variance] : law_residuals(scm(scm_times(6), 0.7))) {
    REQUIRE_THAT(signal, WithinAbs(0, 1e-15));
    REQUIRE_THAT(variance, WithinAbs(0, 1e-15));
  }
}

TEST_CASE("an exact TrigFlow network of normal data gives the data in one step", "[trigflow]")
{
  // For data ~ N(mean, (0.5 s)^2) the network is that whose cos t x - 0.5 sin t F is the flow to the data.
  const trigflow_schedule schedule{.sigma_data = 0.5};
  const test::gaussian data{.mean = 0.7, .deviation = 0.3};
  const auto network = [&](double scaled, const evaluation& at) {
    const double x = 0.5 * scaled;
    const double landed = data.flow(x, schedule(at.t), trigflow_schedule::data_level());
    return (std::cos(at.t) * x - landed) / (0.5 * std::sin(at.t));
  };
  auto f = preconditioned(network, trigflow_scaling{.sigma_data = 0.5});
  const double x = 0.8, one = sample(scm(scm_times(1)), x, f);
  REQUIRE_THAT(one, WithinAbs(0.7 + 0.3 * x / (0.5 * std::sin(1.5708)), 1e-13));
}

TEST_CASE("sCM refuses times beyond the circle and times that rise", "[trigflow]")
{
  REQUIRE_THROWS_AS(scm_times(0), std::invalid_argument);
  REQUIRE_THROWS_WITH(scm_times(3, {.max = 1.6}), ContainsSubstring("pi / 2") && ContainsSubstring("1.6"));
  REQUIRE_THROWS_AS(scm_times(2, {.intermediate = 1.58}), std::invalid_argument);
  REQUIRE_THROWS_AS(scm_times(2, {.max = NAN}), std::invalid_argument);
  REQUIRE_THROWS_AS(scm(std::vector<double>{1.1, 1.3}), std::invalid_argument);
  REQUIRE_THROWS_AS(scm(std::vector<double>{}), std::invalid_argument);
}
