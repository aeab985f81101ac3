#include "fewstep/audit/gaussian_data.hpp"

#include "support/catch.hpp"

#include <cmath>

using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("the posterior mean of normal data is a regression on x", "[audit]")
{
  // data and x = alpha data + sigma eps: slope cov(data, x) / var(x), through both means
  const gaussian_data data{.mean = -0.4, .deviation = 1.5};
  const noise_level at{0, 0.6, 0.8};
  const double slope = 0.6 * 2.25 / (0.36 * 2.25 + 0.64);
  for (double x : {-3.0, 0.0, 2.0}) REQUIRE_THAT(data(x, at), WithinAbs(-0.4 + slope * (x + 0.24), 1e-15));
}

TEST_CASE("the flow of normal data moves as its equation says", "[audit]")
{
  // VE coordinates: dx/dsigma = (x - D) / sigma; a central difference has an error of step^2
  const gaussian_data data;
  const double x = 4, step = 1e-4;
  const noise_level at{0, 1, 2}, above{0, 1, 2 + step}, below{0, 1, 2 - step};
  const double slope = (data.flow(x, at, above) - data.flow(x, at, below)) / (2 * step);
  REQUIRE_THAT(slope, WithinAbs((x - data(x, at)) / 2, 1e-8));
}
