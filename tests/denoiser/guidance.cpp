#include "fewstep/denoiser/guidance.hpp"

#include "support/catch.hpp"

#include <limits>

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

TEST_CASE("a guidance scale must be finite", "[denoiser]")
{
  const auto network = [](double x, const noise_level&) { return x; };
  REQUIRE_THROWS_WITH(guided(network, network, std::numeric_limits<double>::infinity()), ContainsSubstring("finite"));
}
