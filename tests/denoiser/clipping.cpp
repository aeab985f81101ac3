#include "fewstep/denoiser/clipping.hpp"

#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <array>
#include <limits>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;
using three_numbers = std::array<float, 3>;

namespace {

three_numbers thrice(const three_numbers& x, const noise_level&)
{
  return {3 * x[0], 3 * x[1], 3 * x[2]};
}

}  // namespace

TEST_CASE("clipped data stays within the limit", "[denoiser]")
{
  three_numbers out{};
  clipped(thrice, 2)(three_numbers{-1, 0.5F, 1}, evaluation{}, out);
  REQUIRE(out == three_numbers{-2, 1.5F, 2});
}

TEST_CASE("clipping that keeps the direction returns the unclipped data beside the clipped", "[denoiser]")
{
  two_estimates<three_numbers> out{};
  clipped_keeping_direction(thrice)(three_numbers{-1, 0.25F, 1}, evaluation{}, out);
  REQUIRE(out.data == three_numbers{-1, 0.75F, 1});
  REQUIRE(out.direction == three_numbers{-3, 0.75F, 3});
  STATIC_REQUIRE(
      std::same_as<estimate<decltype(clipped_keeping_direction(thrice)), three_numbers>, two_estimates<three_numbers>>);
}

TEST_CASE("dynamic thresholding scales each sample by its own quantile, never up and never beyond the most",
          "[denoiser]")
{
  using Y = std::array<double, 9>;
  const Y data{0.5, -0.25, 0.1, 2, -1, 0.5, -8, 4, 1};  // the medians of the magnitudes: 0.25, 1, 4
  const auto known = [&](const Y&, const noise_level&) { return data; };
  Y out{};
  clipped(known, dynamic_threshold{.ratio = 0.5, .most = 10, .samples = 3})(Y{}, evaluation{}, out);
  REQUIRE(out == Y{0.5, -0.25, 0.1, 1, -1, 0.5, -1, 1, 0.25});
  clipped(known, dynamic_threshold{.ratio = 1, .most = 2, .samples = 1})(Y{}, evaluation{}, out);
  REQUIRE(out == Y{0.25, -0.125, 0.05, 1, -0.5, 0.25, -1, 1, 0.5});
  two_estimates<Y> both{};
  clipped_keeping_direction(known, dynamic_threshold{.ratio = 1, .most = 2})(Y{}, evaluation{}, both);
  REQUIRE(both.data == out);
  REQUIRE(both.direction == data);
}

TEST_CASE("a network that returns NaN or infinity is stopped at its row", "[denoiser]")
{
  const float nothing = 0;
  const auto bad = [=](const three_numbers& x, const noise_level&) {
    return three_numbers{x[0], x[1], x[2] / nothing};
  };
  three_numbers out{};
  REQUIRE_NOTHROW(finite(thrice)(three_numbers{1, 2, 3}, evaluation{}, out));
  for (float number : {0.0F, 1.0F}) {
    const evaluation at{{749, 0.5, 0.8}, 7, 500};
    REQUIRE_THROWS_AS(finite(bad)(three_numbers{1, 2, number}, at, out), std::runtime_error);
    REQUIRE_THROWS_WITH(finite(bad)(three_numbers{1, 2, number}, at, out),
                        ContainsSubstring("row 7") && ContainsSubstring("t = 749"));
  }
}

TEST_CASE("a limit that is no limit is refused", "[denoiser]")
{
  for (double limit : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    REQUIRE_THROWS_WITH(clipped(thrice, limit), ContainsSubstring("positive"));
    REQUIRE_THROWS_WITH(clipped_keeping_direction(thrice, limit), ContainsSubstring("positive"));
  }
  REQUIRE_THROWS_WITH(clipped(thrice, dynamic_threshold{.ratio = 1.5}), ContainsSubstring("ratio in (0, 1]"));
  REQUIRE_THROWS_WITH(clipped(thrice, dynamic_threshold{.most = 0.5}), ContainsSubstring("at least 1"));
}
