#include "fewstep/unet/rho.hpp"

#include "fewstep/schedule/noise_level.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

noise_level level_at(double t)
{
  return {t, 1, t};
}

}  // namespace

TEST_CASE("linear factors reach both ends, the bottom being the innermost connection", "[unet]")
{
  // the lists of the golden runs `ramp_0p55_to_1` of networks with 6 and 12 skips, by push index
  const std::vector<double> six{1.0, 0.91, 0.82, 0.73, 0.64, 0.55};
  const auto rho = linear_rho(6, {.bottom = 0.55, .top = 1});
  for (std::size_t i = 0; i < 6; ++i) REQUIRE_THAT(rho[i], WithinAbs(six[i], 1e-15));
  REQUIRE(rho.front() == 1.0);
  REQUIRE(rho.back() == 0.55);
  REQUIRE_THAT(linear_rho(12, {.bottom = 0.55, .top = 1})[4], WithinAbs(0.8363636363636364, 1e-15));
  REQUIRE(linear_rho(1, {.bottom = 0.5, .top = 1}) == std::vector<double>{0.5});
  REQUIRE(linear_rho(2, {.bottom = 0.5, .top = 0.9}) == std::vector<double>{0.9, 0.5});
}

TEST_CASE("equal ends give that factor to the last bit", "[unet]")
{
  for (const double value : {1.0, 0.78, 0.1}) REQUIRE(constant_rho(15, value) == std::vector<double>(15, value));
}

TEST_CASE("factors by level cover the first convolution or downsampler and the layers of the level", "[unet]")
{
  // two layers a block: conv_in and two layers are 32 x 32; a downsampler and two layers are 16 x 16; ...
  const std::vector<double> of_level{1, 0.9, 0.8, 0.7};
  REQUIRE(rho_by_level(12, of_level) == std::vector<double>{1, 1, 1, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.7, 0.7, 0.7});
}

TEST_CASE("factors move with time in either direction, and stop at its ends", "[unet]")
{
  const std::vector<double> rho{0.9, 0.5};
  const auto noisy = tuned_at_noise(rho, 80), clean = tuned_at_data(rho, 80);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(noisy(i, level_at(80)) == rho[i]);
    REQUIRE(noisy(i, level_at(0)) == 1);
    REQUIRE_THAT(noisy(i, level_at(20)), WithinAbs(1 - 0.25 * (1 - rho[i]), 1e-15));
    REQUIRE(clean(i, level_at(80)) == 1);
    REQUIRE(clean(i, level_at(0)) == rho[i]);
    REQUIRE_THAT(clean(i, level_at(20)), WithinAbs(rho[i] + 0.25 * (1 - rho[i]), 1e-15));
    REQUIRE(noisy(i, level_at(100)) == rho[i]);
    REQUIRE(clean(i, level_at(-1)) == rho[i]);
  }
}

TEST_CASE("presets are found by name, and the names are listed where there is none", "[unet]")
{
  for (const rho_preset& preset : rho_presets)
    REQUIRE(preset_rho(3, preset.name) == std::vector<double>(3, preset.rho));
  REQUIRE(preset_rho(2, "edm_10") == std::vector<double>{0.78, 0.78});
  REQUIRE_THROWS_WITH(preset_rho(2, "edm_11"), ContainsSubstring("edm_11") && ContainsSubstring("edm_unipc_39"));
}

TEST_CASE("factors that are none are refused with the sentence's numbers", "[unet]")
{
  const double infinity = std::numeric_limits<double>::infinity();
  REQUIRE_THROWS_AS(linear_rho(0, {}), std::invalid_argument);
  REQUIRE_THROWS_WITH(linear_rho(3, {.bottom = NAN}), ContainsSubstring("is nan"));
  REQUIRE_THROWS_WITH(constant_rho(3, infinity), ContainsSubstring("connection 0 is inf"));
  REQUIRE_THROWS_WITH(rho_by_level(10, std::vector<double>{1, 1, 1, 1}),
                      ContainsSubstring("10 connections") && ContainsSubstring("4 levels"));
  REQUIRE_THROWS_AS(rho_by_level(10, std::vector<double>{}), std::invalid_argument);
  REQUIRE_THROWS_AS(rho_by_level(2, std::vector<double>{1, infinity}), std::invalid_argument);
  REQUIRE_THROWS_WITH(tuned_at_noise({0.5}, 0), ContainsSubstring("0.000000"));
  REQUIRE_THROWS_AS(tuned_at_data({0.5}, infinity), std::invalid_argument);
  REQUIRE_THROWS_AS(tuned_at_data({NAN}, 80), std::invalid_argument);
}
