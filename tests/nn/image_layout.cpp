#include "fewstep/nn/image_layout.hpp"

#include "support/catch.hpp"

#include <cstddef>

using namespace fewstep;

TEST_CASE("channels become the fastest and go back", "[nn]")
{
  nn::images x{2, 3, 2, 5};
  for (std::size_t k = 0; k < x.size(); ++k) x.values[k] = static_cast<float>(k);
  nn::workspace work;
  const nn::feature h = nn::detail::channels_last(x, work);
  REQUIRE(h.pixel(1, 1, 4)[2] == 59);
  REQUIRE(h.pixel(1, 0, 3)[1] == 30 + 10 + 3);
  nn::images back;
  nn::detail::channels_first(h, back);
  REQUIRE(back == x);
  REQUIRE(nn::detail::channels_first(h) == x);
  const auto centred = [](float number) { return 2 * number - 1; };
  REQUIRE(nn::detail::channels_last(x, work, centred).pixel(0, 1, 0)[2] == 2 * 25 - 1);
}
