#include "fewstep/nn/input.hpp"

#include "fewstep/nn/workspace.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

using namespace fewstep;

TEST_CASE("a band holds the joined pixels, and zeros wherever it reaches beyond the image", "[nn]")
{
  nn::workspace work;
  test::numbers next(3);
  const nn::feature first = test::random_feature(work, next, 2, 3, 2, 4);
  const nn::feature second = test::random_feature(work, next, 2, 2, 2, 4);
  const std::size_t channels = 5, columns = 7, lines = 4;
  std::vector<float> to(lines * columns * channels + nn::slack, 99);

  nn::detail::write_band({{&first, &second}, 2, 4}, 1, {-1, lines, columns, 1}, to.data());

  for (std::size_t line = 0; line < lines; ++line)
    for (std::size_t column = 0; column < columns; ++column)
      for (std::size_t c = 0; c < channels; ++c) {
        const bool inside = line >= 1 && line < 3 && column >= 1 && column < 5;
        const float* a = inside ? first.pixel(1, line - 1, column - 1) : nullptr;
        const float* b = inside ? second.pixel(1, line - 1, column - 1) : nullptr;
        REQUIRE(to[(line * columns + column) * channels + c] == (!inside ? 0 : c < 3 ? a[c] : b[c - 3]));
      }
}

TEST_CASE("enlarging repeats pixels, also by a ratio that is no integer", "[nn]")
{
  nn::workspace work;
  test::numbers next(4);
  const nn::feature x = test::random_feature(work, next, 1, 1, 2, 3);
  std::vector<float> to(5 * 7 + nn::slack);
  nn::detail::write_band({{&x}, 5, 7}, 0, {0, 5, 7, 0}, to.data());
  // floor(k * 2 / 5) and floor(k * 3 / 7)
  const std::vector<std::size_t> rows{0, 0, 0, 1, 1}, columns{0, 0, 0, 1, 1, 2, 2};
  for (std::size_t k = 0; k < 35; ++k) REQUIRE(to[k] == *x.pixel(0, rows[k / 7], columns[k % 7]));
}

TEST_CASE("a gated feature is read as its first half times the activation of its second", "[nn]")
{
  nn::workspace work;
  test::numbers next(5);
  for (const std::size_t channels : {1u, 5u, 16u, 21u}) {
    const nn::feature both = test::random_feature(work, next, 2, 2 * channels, 2, 3);
    const nn::input gated{.from = {&both}, .height = 2, .width = 3, .act = nn::activation::relu, .gated = true};
    REQUIRE(gated.channels() == channels);
    std::vector<float> to(2 * 3 * channels + nn::slack);
    nn::detail::write_band(gated, 1, {0, 2, 3, 0}, to.data());
    for (std::size_t pixel = 0; pixel < 6; ++pixel)
      for (std::size_t c = 0; c < channels; ++c) {
        const float* x = both.pixel(1, 0, 0) + pixel * 2 * channels;
        REQUIRE(to[pixel * channels + c] == x[c] * std::max(x[channels + c], 0.0f));
      }
  }
}

TEST_CASE("a normalised feature is read pixel by pixel", "[nn]")
{
  nn::workspace work;
  test::numbers next(6);
  const nn::feature x = test::random_feature(work, next, 2, 20, 2, 3);
  nn::layer_norm norm{1e-5, nn::aligned_floats(32), nn::aligned_floats(32)};
  for (std::size_t c = 0; c < 20; ++c) norm.gamma[c] = next(), norm.beta[c] = next();
  std::vector<float> to(2 * 3 * 20 + nn::slack), pixel(20 + nn::slack);
  nn::detail::write_band({.from = {&x}, .height = 2, .width = 3, .norm = &norm}, 1, {0, 2, 3, 0}, to.data());
  for (std::size_t k = 0; k < 6; ++k) {
    nn::detail::normalise_pixel(norm, x.pixel(1, k / 3, k % 3), 20, pixel.data());
    REQUIRE(std::equal(pixel.begin(), pixel.begin() + 20, to.begin() + static_cast<std::ptrdiff_t>(k * 20)));
  }
}
