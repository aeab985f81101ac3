#include "fewstep/audit/mixture_data.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <numbers>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

const mixture_data data;

double density(double x, const noise_level& at)
{
  double sum = 0;
  for (const auto& [weight, law] : data.parts) {
    const double total = std::hypot(at.alpha * law.deviation, at.sigma), distance = (x - at.alpha * law.mean) / total;
    sum += weight * std::exp(-distance * distance / 2) / (total * std::sqrt(2 * std::numbers::pi));
  }
  return sum;
}

/// The trapezoid rule: of second order, and better than any order where all derivatives vanish at both ends.
template <class F>
double integral(F f, double low, double high, int parts = 4000)
{
  double sum = (f(low) + f(high)) / 2;
  for (int k = 1; k < parts; ++k) sum += f(low + (high - low) * k / parts);
  return sum * (high - low) / parts;
}

}  // namespace

TEST_CASE("the posterior mean of the mixture is the integral over its data", "[audit]")
{
  const noise_level clean{0, 1, 0};
  for (const noise_level& at : {noise_level{0, 1, 0.3}, noise_level{0, 0.6, 0.8}, noise_level{0, 1, 7}})
    for (double x : {-2.0, 0.1, 3.0}) {
      const auto likely = [&](double y) {
        const double distance = (x - at.alpha * y) / at.sigma;
        return density(y, clean) * std::exp(-distance * distance / 2);
      };
      const double mean = integral([&](double y) { return y * likely(y); }, -5, 5) / integral(likely, -5, 5);
      REQUIRE_THAT(data(x, at), WithinRel(mean, 1e-12));
    }
}

TEST_CASE("far from the mixture the posterior mean is that of the nearest part", "[audit]")
{
  const noise_level at{0, 1, 0.01};
  REQUIRE(data(40, at) == data.parts[1].law(40, at));
}

TEST_CASE("quantiles of the mixture cut off their share", "[audit]")
{
  const noise_level at{0, 0.9, 0.2};
  for (double p : {0.01, 0.3, 0.5, 0.9}) {
    const double x = data.quantile(p, at);
    REQUIRE_THAT(integral([&](double y) { return density(y, at); }, -8, x), WithinAbs(p, 1e-5));
  }
}

TEST_CASE("the flow of the mixture moves as its equation says, and keeps the order of points", "[audit]")
{
  const double step = 1e-4;
  const noise_level at{0, 1, 2}, above{0, 1, 2 + step}, below{0, 1, 2 - step}, end{0, 1, 0};
  double before = -HUGE_VAL;
  for (double x : {-30.0, -2.0, 0.3, 5.0, 60.0}) {
    const double slope = (data.flow(x, at, above) - data.flow(x, at, below)) / (2 * step);
    REQUIRE_THAT(slope, WithinAbs((x - data(x, at)) / 2, 1e-7));
    REQUIRE(data.flow(x, at, end) > before);
    before = data.flow(x, at, end);
  }
}

TEST_CASE("mean and variance of the mixture are its first two moments", "[audit]")
{
  const noise_level clean{0, 1, 0};
  const double mean = integral([&](double y) { return y * density(y, clean); }, -5, 5);
  const double square = integral([&](double y) { return y * y * density(y, clean); }, -5, 5);
  REQUIRE_THAT(data.mean(), WithinAbs(mean, 1e-12));
  REQUIRE_THAT(data.variance(), WithinAbs(square - mean * mean, 1e-12));
  REQUIRE_THAT(data.deviation_at({0, 0.5, 2}), WithinAbs(std::sqrt(0.25 * (square - mean * mean) + 4), 1e-12));
}
