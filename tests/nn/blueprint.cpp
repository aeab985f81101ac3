#include "fewstep/nn/blueprint.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <stdexcept>

using namespace fewstep;

TEST_CASE("a blueprint made by hand is checked too", "[nn]")
{
  REQUIRE(test::refusal<std::invalid_argument>([] { nn::check({.layers_per_block = 0}); }) ==
          "layers_per_block must be positive, but is 0");
  REQUIRE_NOTHROW(nn::check({}));
}

TEST_CASE("the attention in the middle normalises as diffusers has it where nothing is said", "[nn]")
{
  REQUIRE(nn::mid_norm_groups({}) == 32);
  REQUIRE(nn::mid_norm_groups({.scale_shift = true}) == 0);
  REQUIRE(nn::mid_norm_groups({.scale_shift = true, .mid_attention_groups = 8}) == 8);
}

TEST_CASE("Fourier waves have as many frequencies as the first level has channels, odd or not", "[nn]")
{
  nn::blueprint b{.channels = {7, 448, 672, 896}, .head_width = {}, .norm_groups = 7};
  REQUIRE(test::refusal<std::invalid_argument>([&] { nn::check(b); }) ==
          "the first of block_out_channels is the width of the time embedding and must be even, but is 7");
  b.fourier_time = true;
  REQUIRE_NOTHROW(nn::check(b));
}
