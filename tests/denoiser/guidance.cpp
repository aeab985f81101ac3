#include "fewstep/denoiser/guidance.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("guidance goes from the negative prediction through the conditional one and beyond", "[denoiser]")
{
  int calls = 0;
  const auto conditional = [&](double x, const noise_level&) { return ++calls, x + 1; };
  const auto negative = [&](double x, const noise_level&, double& out) { ++calls, out = x - 2; };
  struct expected {
    double scale, value;
    int evaluations;
  };
  for (const auto& [scale, value, evaluations] :
       {expected{1, 11, 1}, {0, 8, 1}, {1.5, 12.5, 2}, {7.5, 30.5, 2}, {-1, 5, 2}}) {
    double out = 0;
    calls = 0;
    guided(conditional, negative, scale)(10.0, evaluation{}, out);
    CAPTURE(scale);
    REQUIRE_THAT(out, WithinAbs(value, 1e-14));
    REQUIRE(calls == evaluations);
  }
}

TEST_CASE("guidance in an interval leaves the other levels alone", "[denoiser]")
{
  int calls = 0;
  const auto conditional = [&](double, const noise_level&) { return ++calls, 3.0; };
  const auto negative = [&](double, const noise_level&) { return ++calls, 1.0; };
  auto denoise = guided(conditional, negative, guidance_interval{.scale = 2, .low = 0.5, .high = 4});
  for (double sigma : {8.0, 4.0, 1.0, 0.5, 0.1}) {
    double out = 0;
    calls = 0;
    denoise(0.0, evaluation{{0, 1, sigma}}, out);
    const bool inside = sigma == 4 || sigma == 1;
    REQUIRE(out == (inside ? 5 : 3));
    REQUIRE(calls == (inside ? 2 : 1));
  }
  double out = 0;
  guided(conditional, negative, [](const noise_level& at) { return at.sigma; })(0.0, evaluation{{0, 1, 3}}, out);
  REQUIRE(out == 7);
}

TEST_CASE("full rescaling gives each sample the deviation of its conditional prediction", "[denoiser]")
{
  using X = std::vector<double>;
  const auto conditional = [](const X&, const noise_level&) { return X{1, 2, 3, -1, 0, 7}; };
  const auto negative = [](const X&, const noise_level&) { return X{0, 5, 1, 2, 2, 2}; };
  const X guided_plainly{1 + 1., 2 - 3., 3 + 2., -1 - 3., 0 - 2., 7 + 5.};  // scale 2: 2 c - n
  const auto deviation = [](double a, double b, double c) {
    const double mean = (a + b + c) / 3;
    return std::sqrt(((a - mean) * (a - mean) + (b - mean) * (b - mean) + (c - mean) * (c - mean)) / 2);
  };
  for (double strength : {0.0, 0.7, 1.0}) {
    X out(6);
    guided(conditional, negative, 2.0, {.strength = strength, .samples = 2})(X(6), evaluation{}, out);
    for (std::size_t k = 0; k < 6; k += 3) {
      const X wanted = conditional({}, {});
      const double ratio = deviation(wanted[k], wanted[k + 1], wanted[k + 2]) /
                           deviation(guided_plainly[k], guided_plainly[k + 1], guided_plainly[k + 2]);
      for (std::size_t i = k; i < k + 3; ++i)
        REQUIRE_THAT(out[i], WithinAbs(guided_plainly[i] * (strength * ratio + 1 - strength), 1e-13));
    }
  }
}

TEST_CASE("CFG++ lands on the guided data and keeps the negative prediction's noise", "[denoiser]")
{
  const auto conditional = [](double x, const noise_level&) { return 0.5 * x + 0.3; };
  const auto negative = [](double x, const noise_level&) { return 0.2 * x - 0.1; };
  const auto grid = trailing(linear_vp(), 4);
  double x = 1.3;
  for (std::size_t k = 0; k < 4; ++k) {
    const double c = conditional(x, grid[k]), n = negative(x, grid[k]), noise = (x - grid[k].alpha * n) / grid[k].sigma;
    x = grid[k + 1].alpha * (n + 0.6 * (c - n)) + grid[k + 1].sigma * noise;
  }
  REQUIRE_THAT(sample(ddim(grid), 1.3, guided_plus_plus(conditional, negative, 0.6)), WithinAbs(x, 1e-14));
  // with scale 0 nothing is guided: plain DDIM on the negative prediction
  REQUIRE_THAT(sample(ddim(grid), 1.3, guided_plus_plus(conditional, negative, 0.0)),
               WithinAbs(sample(ddim(grid), 1.3, negative), 1e-14));
}

TEST_CASE("guidance that is none is refused", "[denoiser]")
{
  const auto network = [](double x, const noise_level&) { return x; };
  const double infinity = std::numeric_limits<double>::infinity();
  REQUIRE_THROWS_WITH(guided(network, network, infinity), ContainsSubstring("finite"));
  REQUIRE_THROWS_WITH(guided_plus_plus(network, network, -infinity), ContainsSubstring("finite"));
  REQUIRE_THROWS_WITH(guided(network, network, guidance_interval{.scale = 2, .low = 3, .high = 1}),
                      ContainsSubstring("0 <= low < high"));
  REQUIRE_THROWS_WITH(guided(network, network, 2.0, {.strength = 1.5}), ContainsSubstring("[0, 1]"));
}
