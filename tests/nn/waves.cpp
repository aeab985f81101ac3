#include "fewstep/nn/waves.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

TEST_CASE("a time is embedded in sines and cosines, in the order asked for", "[nn]")
{
  for (const double t : {0.0, 1.0, 999.0, -3.0, 12.25})
    for (const double shift : {0.0, 1.0}) {
      std::vector<float> cosines_first(10), sines_first(10);
      nn::embed_time(nn::sinusoid{10, true, shift}, t, cosines_first.data());
      nn::embed_time(nn::sinusoid{10, false, shift}, t, sines_first.data());
      for (std::size_t k = 0; k < 5; ++k) {
        const double angle = t * std::pow(10000.0, -double(k) / (5 - shift));
        REQUIRE_THAT(double(cosines_first[k]), WithinAbs(std::cos(angle), 1e-7));
        REQUIRE_THAT(double(cosines_first[5 + k]), WithinAbs(std::sin(angle), 1e-7));
        REQUIRE(sines_first[k] == cosines_first[5 + k]);
        REQUIRE(sines_first[5 + k] == cosines_first[k]);
      }
    }
}

TEST_CASE("Fourier waves turn with the time or its logarithm, at the frequencies that were saved", "[nn]")
{
  const std::vector<float> frequencies{-5.5f, 0.25f, 16};
  const nn::time_waves of_time = nn::fourier_waves{frequencies}, of_logarithm = nn::fourier_waves{frequencies, true};
  REQUIRE(nn::width_of(of_time) == 6);
  REQUIRE(!nn::takes_logarithm(of_time));
  REQUIRE(nn::takes_logarithm(of_logarithm));
  for (const double t : {0.5, 1.0, 3.75, 80.0}) {
    std::vector<float> time(6), logarithm(6);
    nn::embed_time(of_time, t, time.data());
    nn::embed_time(of_logarithm, t, logarithm.data());
    for (std::size_t k = 0; k < 3; ++k) {
      const double turn = 2 * std::numbers::pi * double(frequencies[k]);
      REQUIRE_THAT(double(time[k]), WithinAbs(std::sin(turn * t), 1e-7));
      REQUIRE_THAT(double(time[3 + k]), WithinAbs(std::cos(turn * t), 1e-7));
      REQUIRE_THAT(double(logarithm[k]), WithinAbs(std::sin(turn * std::log(t)), 1e-7));
      REQUIRE_THAT(double(logarithm[3 + k]), WithinAbs(std::cos(turn * std::log(t)), 1e-7));
    }
  }
}
