#include "fewstep/denoiser/conversion.hpp"

#include "support/catch.hpp"

#include <limits>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

namespace {

constexpr prediction kinds[] = {prediction::data, prediction::noise, prediction::velocity, prediction::score,
                                prediction::flow};

/// What each kind is for known data and noise: its definition.
double truth(prediction kind, double data, double eps, const noise_level& at)
{
  switch (kind) {
    case prediction::noise:
      return eps;
    case prediction::velocity:
      return at.alpha * eps - at.sigma * data;
    case prediction::score:
      return -eps / at.sigma;
    case prediction::flow:
      return eps - data;
    case prediction::data:
      break;
  }
  return data;
}

}  // namespace

TEST_CASE("every kind of prediction turns into every other by its definition", "[denoiser]")
{
  const double data = 0.3, eps = -1.7;
  for (const noise_level& level : {noise_level{1, 0.6, 0.8}, {2, 1, 3.5}, {0.25, 0.75, 0.25}, {7, 0.01, 0.9}}) {
    const evaluation at{level};
    const double x = level.alpha * data + level.sigma * eps;
    for (prediction from : kinds)
      for (prediction to : kinds) {
        auto denoise = converted([&](double, const noise_level&) { return truth(from, data, eps, level); }, from, to);
        double out = 0;
        denoise(x, at, out);
        CAPTURE(static_cast<int>(from), static_cast<int>(to), level.t);
        REQUIRE_THAT(out, WithinAbs(truth(to, data, eps, level), 1e-13 / level.alpha));
      }
  }
}

TEST_CASE("velocity and data need no signal, noise and score do", "[denoiser]")
{
  const evaluation no_signal{{999, 0, 1}}, no_noise{{-1, 1, 0}};
  const auto half = [](double, const noise_level&) { return 0.5; };
  double out = 0;
  converted(half, prediction::velocity, prediction::data)(2.0, no_signal, out);
  REQUIRE(out == -0.5);
  REQUIRE_THROWS_WITH(converted(half, prediction::noise, prediction::data)(2.0, no_signal, out),
                      ContainsSubstring("t = 999"));
  REQUIRE_THROWS_WITH(converted(half, prediction::score, prediction::data)(2.0, no_signal, out),
                      ContainsSubstring("alpha = 0"));
  REQUIRE_THROWS_WITH(converted(half, prediction::data, prediction::noise)(2.0, no_noise, out),
                      ContainsSubstring("sigma = 0"));
}
