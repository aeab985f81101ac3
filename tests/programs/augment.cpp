/// @file
/// Sprites changed at random.
#include "examples/support/augment.hpp"

#include "support/catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

using examples::warp;

namespace {

constexpr std::size_t side = 32;

/// A bright spot at a pixel, on nothing.
std::vector<float> spot(std::size_t y, std::size_t x)
{
  std::vector<float> image(side * side, -1.0F);
  image[y * side + x] = 1;
  return image;
}

std::vector<float> warped(const warp& by, const std::vector<float>& image)
{
  std::vector<float> out(image.size());
  apply(by, image, out, side);
  return out;
}

/// The mean place of what is bright, (row, column), by weight.
std::array<double, 2> middle(const std::vector<float>& image)
{
  double sum = 0, y = 0, x = 0;
  for (std::size_t k = 0; k < image.size(); ++k) {
    const double weight = (image[k] + 1) / 2;
    sum += weight, y += weight * static_cast<double>(k / side), x += weight * static_cast<double>(k % side);
  }
  return {y / sum, x / sum};
}

}  // namespace

TEST_CASE("the warp that changes nothing changes nothing", "[programs]")
{
  REQUIRE(warped({}, spot(3, 20)) == spot(3, 20));
  const std::array<double, 6> any{0.1, 0.9, 0.3, 0.7, 0.2, 0.4};
  REQUIRE(warped(examples::drawn_warp(any, 0), spot(3, 20)) == spot(3, 20));
  // the middle of all draws changes nothing either
  const std::array<double, 6> half{0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
  REQUIRE(warped(examples::drawn_warp(half, 1), spot(3, 20)) == spot(3, 20));
}

TEST_CASE("shifts move by pixels, turns about the middle, scales from it", "[programs]")
{
  REQUIRE(warped({.shift = {2, -1}}, spot(10, 10)) == spot(12, 9));
  // a quarter turn counter-clockwise takes what is right of the middle (15.5, 15.5) above it
  const auto turned = middle(warped({.angle = std::numbers::pi / 2}, spot(15, 25)));
  REQUIRE(std::abs(turned[0] - 6) < 1e-5);
  REQUIRE(std::abs(turned[1] - 15) < 1e-5);
  const auto scaled = middle(warped({.scale = 1.25}, spot(15, 23)));
  REQUIRE(std::abs(scaled[1] - (15.5 + 1.25 * 7.5)) < 0.2);  // as near as linear interpolation on pixels has it
}

TEST_CASE("strokes grow and shrink, within the range of the image", "[programs]")
{
  const auto thick = warped({.thickness = 0.5}, spot(10, 10)), thin = warped({.thickness = -0.5}, spot(10, 10));
  REQUIRE(thick[10 * side + 10] == 1);
  REQUIRE(thick[11 * side + 9] == 0);
  REQUIRE(thick[12 * side + 10] == -1);
  REQUIRE(thin[10 * side + 10] == 0);
  REQUIRE(warped({.thickness = 1}, spot(0, 0))[side + 1] == 1);  // at the corner, too
}
