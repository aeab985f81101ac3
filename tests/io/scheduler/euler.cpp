#include "fewstep/io/scheduler/euler.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using fewstep::test::latent;
using fewstep::test::scheduler_file;
using fewstep::test::times;

TEST_CASE("Euler's times are even from end to end and need not be whole", "[io]")
{
  const scheduler_config config = scheduler_file("EulerDiscrete", latent);
  const sampling_plan plan = plan_of(config, 8);
  // linspace(0, 999, 8), falling: steps of 999 / 7
  for (std::size_t k = 0; k < 8; ++k)
    REQUIRE_THAT(times(plan)[k], WithinAbs(999 * (1 - static_cast<double>(k) / 7), 1e-9));
  REQUIRE_THAT(plan.start.sigma, WithinAbs(14.6146, 5e-5));
  REQUIRE(plan.start.alpha == 1);
  REQUIRE(plan.end.sigma == 0);
  // between whole times sigma itself is interpolated: 714 - 3/7
  const auto sigma = [table = table_of(config)](double t) { return noise_to_signal(table(t)); };
  REQUIRE_THAT(plan.steps[2].at.sigma, WithinRel(3. / 7 * sigma(713) + 4. / 7 * sigma(714), 1e-12));
}

TEST_CASE("Euler's other spacings are those of DDIM", "[io]")
{
  const auto spaced = [](const std::string& spacing) {
    return times(plan_of(scheduler_file("EulerDiscrete", R"("timestep_spacing": ")" + spacing + "\""), 8));
  };
  REQUIRE(spaced("leading") == std::vector<double>{875, 750, 625, 500, 375, 250, 125, 0});
  REQUIRE(spaced("trailing") == std::vector<double>{999, 874, 749, 624, 499, 374, 249, 124});
}

TEST_CASE("Karras' sigmas go between the ends of the times or those of the file", "[io]")
{
  const sampling_plan plan = plan_of(scheduler_file("EulerDiscrete", latent + R"(, "use_karras_sigmas": true)"), 8);
  REQUIRE_THAT(times(plan)[1], WithinAbs(889.546, 1e-3));  // as the Python code prints them
  const auto narrow = R"(, "use_karras_sigmas": true, "sigma_min": 0.05, "sigma_max": 10)";
  const sampling_plan own = plan_of(scheduler_file("EulerDiscrete", latent + narrow), 3);
  const double middle = std::pow((std::pow(10, 1. / 7) + std::pow(0.05, 1. / 7)) / 2, 7);
  REQUIRE_THAT(own.steps[1].at.sigma, WithinRel(middle, 1e-12));
  const auto trailing = R"(, "use_karras_sigmas": true, "timestep_spacing": "trailing")";
  const scheduler_config short_of_zero = scheduler_file("EulerDiscrete", latent + trailing);
  REQUIRE_THAT(plan_of(short_of_zero, 5).steps.back().at.sigma,
               WithinRel(noise_to_signal(table_of(short_of_zero)(199)), 1e-12));
}

TEST_CASE("a network of velocities may be told the logarithm of sigma", "[io]")
{
  const auto told = [](const std::string& predicts, const std::string& spacing) {
    const auto members = R"("timestep_type": "continuous", "prediction_type": ")" + predicts + "\"" + spacing;
    return plan_of(scheduler_file("EulerDiscrete", members), 5);
  };
  for (const char* spacing : {"", R"(, "use_karras_sigmas": true)", R"(, "interpolation_type": "log_linear")"})
    for (const plan_step& row : told("v_prediction", spacing).steps)
      REQUIRE_THAT(row.at.t, WithinAbs(std::log(row.at.sigma) / 4, 1e-14));
  REQUIRE(told("epsilon", "").steps.front().at.t == 999);
}

TEST_CASE("log-linear sigmas go to the data at their own times, or as in diffusers do neither", "[io]")
{
  const scheduler_config config = scheduler_file("EulerDiscrete", R"("interpolation_type": "log_linear")");
  const vp_table table = linear_vp();
  const double first = noise_to_signal(table(0)), last = noise_to_signal(table(999));
  const sampling_plan plan = plan_of(config, 5), theirs = plan_of(config, 5, {.diffusers_compatible = true});
  REQUIRE(plan.end.sigma == 0);
  REQUIRE_THAT(theirs.end.sigma, WithinRel(first, 1e-12));
  for (std::size_t k = 0; k < 5; ++k) {
    const double part = static_cast<double>(k);
    REQUIRE_THAT(plan.steps[k].at.sigma, WithinRel(last * std::pow(first / last, part / 4), 1e-12));
    REQUIRE_THAT(theirs.steps[k].at.sigma, WithinRel(last * std::pow(first / last, part / 5), 1e-12));
    REQUIRE_THAT(noise_to_signal(table(plan.steps[k].at.t)), WithinRel(plan.steps[k].at.sigma, 1e-9));
    REQUIRE_THAT(theirs.steps[k].at.t, WithinAbs(999 * (1 - part / 4), 1e-9));
  }
}

TEST_CASE("the Euler family steps as DDIM, as ancestral sampling, or by Heun's rule", "[io]")
{
  const auto grid = [](const sampling_plan& plan) {
    std::vector<noise_level> levels;
    for (const plan_step& row : plan.steps) levels.push_back(row.at);
    levels.push_back(plan.end);
    return levels;
  };
  const sampling_plan plan = plan_of(scheduler_file("EulerDiscrete"), 6);
  REQUIRE(plan == ddim(grid(plan)));
  REQUIRE(plan_of(scheduler_file("EulerAncestralDiscrete"), 6) == ddim(grid(plan), 1));
  const scheduler_config config = scheduler_file("HeunDiscrete", R"("beta_start": 0.0001, "beta_end": 0.02)");
  REQUIRE(plan_of(config, 6) == heun(grid(plan)));
}

TEST_CASE("churn raises what the network sees, in diffusers it does not", "[io]")
{
  const scheduler_config config = scheduler_file("EulerDiscrete", latent);
  const churn_options churn{.churn = 2, .s_min = 0.05, .s_max = 10};
  const sampling_plan plain = plan_of(config, 5), plan = plan_of(config, 5, {.churn = churn});
  const sampling_plan theirs = plan_of(config, 5, {.churn = churn, .diffusers_compatible = true});
  REQUIRE(times(theirs) == times(plain));
  // sigma at t = 749.25 lies between s_min and s_max: raised by 1 + 2 / 5
  REQUIRE_THAT(plan.steps[1].at.sigma, WithinRel(1.4 * plain.steps[1].at.sigma, 1e-12));
  REQUIRE_THAT(noise_to_signal(table_of(config)(plan.steps[1].at.t)), WithinRel(plan.steps[1].at.sigma, 1e-9));
  REQUIRE(plan.steps[0].at == plain.steps[0].at);  // 14.6 does not
}
