#include "fewstep/train/level_sampling.hpp"

#include "support/catch.hpp"

#include "fewstep/random/philox.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

TEST_CASE("a uniform number draws in proportion to the weights", "[train]")
{
  const train::discrete_law law({1, 0, 3});
  REQUIRE(law(0) == 0);
  REQUIRE(law(0.2499) == 0);
  REQUIRE(law(0.25) == 2);  // what has no weight is never drawn
  REQUIRE(law(0.999999) == 2);
  REQUIRE(law.probability(1) == 0);
  REQUIRE(train::uniform_law(4)(0.75) == 3);
}

TEST_CASE("draws from keyed uniforms have the frequencies of the law", "[train]")
{
  const train::discrete_law law = train::lognormal_law(karras_sigmas(11));
  std::vector<double> counts(law.size());
  constexpr std::uint64_t draws = 20'000;
  for (std::uint64_t k = 0; k < draws; ++k) ++counts[law(philox_uniform({.seed = 3}, k))];
  for (std::size_t i = 0; i < law.size(); ++i) {
    const double p = law.probability(i), deviation = std::sqrt(p * (1 - p) / draws);
    REQUIRE_THAT(counts[i] / draws, WithinAbs(p, 4 * deviation + 1e-12));
  }
}

TEST_CASE("iCT's law gives each step the log-normal weight of its interval", "[train]")
{
  // the normal distribution function is (1 + erf(x / sqrt(2))) / 2; here by a Riemann sum of the density of ln(sigma)
  const std::vector<double> sigmas = karras_sigmas(11);
  const train::discrete_law law = train::lognormal_law(sigmas);
  std::vector<double> masses;
  double total = 0;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const double high = std::log(sigmas[i]), low = std::log(sigmas[i + 1]), width = (high - low) / 2000;
    double mass = 0;
    for (int j = 0; j < 2000; ++j) {
      const double z = (low + (j + 0.5) * width + 1.1) / 2;
      mass += std::exp(-z * z / 2) * width;
    }
    masses.push_back(mass), total += mass;
  }
  for (std::size_t i = 0; i < masses.size(); ++i) REQUIRE_THAT(law.probability(i), WithinRel(masses[i] / total, 1e-6));
}

TEST_CASE("the weights of losses are functions of the signal-to-noise ratio", "[train]")
{
  const noise_level at{0, 0.8, 0.4};  // SNR 4
  using train::weighting;
  REQUIRE_THAT(train::loss_weight(weighting::snr, at), WithinRel(4.0, 1e-15));
  REQUIRE_THAT(train::loss_weight(weighting::snr_plus_one, at), WithinRel(5.0, 1e-15));
  REQUIRE_THAT(train::loss_weight(weighting::karras, at, 0.25), WithinRel(20.0, 1e-15));
  REQUIRE(train::loss_weight(weighting::uniform, at) == 1);
  REQUIRE(train::loss_weight(weighting::truncated_snr, {0, 0.1, 1}) == 1);
  REQUIRE(train::inverse_lengths({{edm_schedule{}(3), edm_schedule{}(2.5)}}) == std::vector{2.0});
  REQUIRE_THAT(std::log(train::lognormal_sigma(2)), WithinRel(1.2, 1e-15));
}

TEST_CASE("laws without weight and grids that do not fall are refused", "[train]")
{
  REQUIRE_THROWS_AS(train::discrete_law({0, 0}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::discrete_law({}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::discrete_law({1, -1}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::lognormal_law({1}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::lognormal_law({1, 2}), std::invalid_argument);
  REQUIRE_THROWS_AS(train::lognormal_law({2, 1}, {.deviation = 0}), std::invalid_argument);
}
