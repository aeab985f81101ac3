#include "fewstep/statistics/pixel_law.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <numbers>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

double value_of(int pixel)
{
  return pixel / 127.5 - 1;
}

/// Simpson's rule over the density.
double integral(double left, double right, double mean, double deviation)
{
  const auto density = [&](double x) {
    const double z = (x - mean) / deviation;
    return std::exp(-z * z / 2) / (deviation * std::sqrt(2 * std::numbers::pi));
  };
  const int parts = 200;
  const double step = (right - left) / parts;
  double sum = density(left) + density(right);
  for (int k = 1; k < parts; ++k) sum += density(left + k * step) * (k % 2 == 0 ? 2 : 4);
  return sum * step / 3;
}

}  // namespace

TEST_CASE("the probabilities of all pixels sum to 1", "[likelihood]")
{
  for (const auto law : {normal_law::exact, normal_law::tanh})
    for (const double mean : {-3., -1., .2, .999})
      for (const double deviation : {1e-3, .05, 2.}) {
        double sum = 0;
        for (int pixel = 0; pixel < 256; ++pixel)
          sum += std::exp(log_probability({.law = law}, value_of(pixel), mean, deviation));
        CAPTURE(mean, deviation);
        REQUIRE_THAT(sum, WithinAbs(1, 1e-9));  // at most 256 probabilities are held at 1e-12
      }
}

TEST_CASE("a pixel has the integral of the density over it", "[likelihood]")
{
  for (const int pixel : {1, 100, 200, 254})
    for (const double mean : {-1., 0., .3})
      for (const double deviation : {.1, .3, 2.}) {
        const double value = value_of(pixel), half = 1 / 255.;
        REQUIRE_THAT(std::exp(log_probability({}, value, mean, deviation)),
                     WithinRel(integral(value - half, value + half, mean, deviation), 1e-8));
      }
}

TEST_CASE("far from the mean the exact law keeps its digits, and then ends", "[likelihood]")
{
  // 1 - Phi(z) = density(z) / (z + 1 / (z + 2 / (z + ...))): the fraction of Laplace
  const auto tail = [](double z) {
    double fraction = z;
    for (int k = 40; k > 0; --k) fraction = z + k / fraction;
    return -z * z / 2 - std::log(std::sqrt(2 * std::numbers::pi) * fraction);
  };
  for (const double z : {5., 20., 36.}) {
    const double deviation = .01, mean = 1 - 1 / 255. - z * deviation;  // the last pixel begins z deviations above
    REQUIRE_THAT(log_probability({}, 1, mean, deviation), WithinRel(tail(z), 1e-9));
    REQUIRE_THAT(log_probability({}, -1, -mean, deviation), WithinRel(tail(z), 1e-9));
  }
  REQUIRE(log_probability({}, 1, -1e9, 1) == std::log(std::numeric_limits<double>::min()));
  REQUIRE_THAT(log_probability({.law = normal_law::tanh}, 1, -1e9, 1), WithinRel(std::log(1e-12), 1e-15));
}

TEST_CASE("the tanh law lies near the exact one", "[likelihood]")
{
  for (const double mean : {-.9, 0., .4})
    REQUIRE_THAT(log_probability({.law = normal_law::tanh}, value_of(100), mean, .3),
                 WithinAbs(log_probability({}, value_of(100), mean, .3), .02));
}

TEST_CASE("pixels that are none are refused", "[likelihood]")
{
  REQUIRE_THROWS_WITH(require_pixels({.steps = .5}), ContainsSubstring("two values"));
  REQUIRE_THROWS_AS(require_pixels({.range = {1, -1}}), std::invalid_argument);
}
