/// @file
/// The page on U-Nets with the engine, as it is printed.
#include "snippets/unet_engine.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <cmath>

TEST_CASE("the engine with both methods, as documented, draws a digit", "[docs]")
{
  const nn::network net = nn::load_unet(fewstep::test::in_repository("models/fontdigits-ddpm")).net;
  fewstep::test::numbers next(8);
  nn::images start{1, 1, 32, 32};
  start.values = next(32 * 32, 1.7f);
  const nn::images drawn = draw(net, start, 7);
  // ink and paper are 1 and -1: most pixels of a digit are near one of them, which those of noise are not
  const auto near_one = [](const nn::images& x) {
    return std::count_if(x.values.begin(), x.values.end(), [](float v) { return std::abs(std::abs(v) - 1) < 0.2f; });
  };
  REQUIRE(near_one(drawn) > 700);
  REQUIRE(near_one(start) < 400);
}
