#include "fewstep/noise/scaled.hpp"

#include "fewstep/noise/philox.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;
using floats = std::vector<float>;

TEST_CASE("each number of the noise has the deviation that stands there at the draw", "[noise]")
{
  const evaluation at{{0, 1, 1}, 5};
  floats plain(4), scaled(4), deviation(4, 1.0F);
  const philox_noise source{.seed = 8};
  source(plain, at, plain);
  scaled_noise noise{source, &deviation};
  noise(scaled, at, scaled);
  REQUIRE(scaled == plain);
  deviation = {0, 0.5F, 1, -2};
  noise(scaled, at, scaled);
  REQUIRE(scaled == floats{0, 0.5F * plain[1], plain[2], -2 * plain[3]});
}

TEST_CASE("a source that returns its noise is scaled as one that writes it", "[noise]")
{
  double deviation = 3;
  scaled_noise noise{[](double, const evaluation& at) { return at.t; }, &deviation};
  double z = 0;
  noise(1.0, evaluation{{7, 1, 1}}, z);
  REQUIRE(z == 21);
}

TEST_CASE("deviations of another shape are refused with both numbers", "[noise]")
{
  floats z(4), deviation(3);
  REQUIRE_THROWS_WITH((scaled_noise{philox_noise{}, &deviation}(z, evaluation{}, z)),
                      ContainsSubstring("3 numbers") && ContainsSubstring("4 are drawn"));
}
