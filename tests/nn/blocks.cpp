#include "fewstep/nn/blocks.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

nn::convolution random_convolution(test::numbers& next, std::size_t in, std::size_t out, std::size_t size, float scale)
{
  const auto filter = next(in * out * size * size, scale), bias = next(out, scale);
  return nn::prepare_convolution({.in = in, .out = out, .size = size, .pad = size / 2, .pad_behind = size / 2}, filter,
                                 bias);
}

nn::group_norm random_norm(test::numbers& next, std::size_t channels)
{
  auto gamma = next(channels);
  return {2, 1e-5, gamma, next(channels)};
}

/// A block whose second convolution is scaled by `scale`.
nn::residual_block random_residual(test::numbers& next, std::size_t in, std::size_t out, float scale)
{
  nn::residual_block b{.norm_1 = random_norm(next, in), .norm_2 = random_norm(next, out)};
  b.conv_1 = random_convolution(next, in, out, 3, 1);
  b.time = random_convolution(next, 4, out, 1, 1);
  b.conv_2 = random_convolution(next, out, out, 3, scale);
  return b;
}

}  // namespace

TEST_CASE("a residual block whose last convolution is zero returns what it read, times its gain", "[nn]")
{
  test::numbers next(41);
  nn::workspace work;
  const nn::feature deep = test::random_feature(work, next, 2, 6, 4, 4);
  const nn::feature skip = test::random_feature(work, next, 2, 10, 4, 4);
  const nn::embedding e{test::random_feature(work, next, 1, 4, 1, 2)};
  nn::residual_block b = random_residual(next, 16, 16, 0);
  b.gain = 0.5f;

  const nn::feature out = nn::run(b, {&deep, &skip}, e, work);
  for (std::size_t pixel = 0; pixel < 32; ++pixel)
    for (std::size_t c = 0; c < 16; ++c)
      REQUIRE(out.data()[pixel * 16 + c] ==
              0.5f * (c < 6 ? deep.data()[pixel * 6 + c] : skip.data()[pixel * 10 + c - 6]));
}

TEST_CASE("a residual block is its layers, one after another", "[nn]")
{
  test::numbers next(42);
  nn::workspace work;
  const nn::feature x = test::random_feature(work, next, 2, 6, 4, 4);
  const nn::embedding e{test::random_feature(work, next, 1, 4, 1, 2)};
  nn::residual_block b = random_residual(next, 6, 8, 1);
  b.shortcut = random_convolution(next, 6, 8, 1, 1);
  b.act = nn::activation::gelu;

  const nn::feature time = nn::convolve(*b.time, {{&e.time}, 1, 2, nullptr, b.act}, {}, work);
  const nn::feature scales_1 = nn::normalise(b.norm_1, {&x}, work);
  nn::feature h = nn::convolve(b.conv_1, {{&x}, 4, 4, &scales_1, b.act}, {}, work);
  for (std::size_t k = 0; k < h.size(); ++k) h.data()[k] += time.data()[k / h.size() * 2 * 8 + k / 128 * 8 + k % 8];
  const nn::feature scales_2 = nn::normalise(b.norm_2, {&h}, work);
  const nn::feature second = nn::convolve(b.conv_2, {{&h}, 4, 4, &scales_2, b.act}, {}, work);
  const nn::feature across = nn::convolve(*b.shortcut, nn::plain(x), {}, work);

  const nn::feature out = nn::run(b, {&x}, e, work);
  for (std::size_t k = 0; k < out.size(); ++k)
    REQUIRE_THAT(double(out.data()[k]), WithinAbs(double(second.data()[k]) + double(across.data()[k]), 2e-4));
}

namespace {

/// What a layer reads, number by number: act(scale x + shift), for one image.
nn::feature activated(const nn::feature& x, const nn::feature& scales, nn::workspace& work)
{
  nn::feature out = work.make(x.count(), x.channels(), x.height(), x.width());
  for (std::size_t k = 0; k < x.size(); ++k) {
    const std::size_t c = k % x.channels(), image = k / (x.size() / x.count());
    const float* scale = scales.pixel(image, 0, 0);
    const double h = double(x.data()[k]) * double(scale[c]) + double(scale[x.channels() + c]);
    out.data()[k] = float(h / (1 + std::exp(-h)));
  }
  return out;
}

void require_near(const nn::feature& found, const nn::feature& expected, double tolerance)
{
  REQUIRE(found.shape() == expected.shape());
  for (std::size_t k = 0; k < found.size(); ++k)
    REQUIRE_THAT(double(found.data()[k]), WithinAbs(double(expected.data()[k]), tolerance));
}

}  // namespace

TEST_CASE("a residual block's time may scale and shift what is normalised", "[nn]")
{
  test::numbers next(45);
  nn::workspace work;
  const nn::feature x = test::random_feature(work, next, 2, 8, 4, 4);
  const nn::embedding e{test::random_feature(work, next, 1, 4, 1, 2)};
  nn::residual_block b = random_residual(next, 8, 8, 1);
  b.time = random_convolution(next, 4, 16, 1, 1);
  b.scale_shift = true;

  const nn::feature scales_1 = nn::normalise(b.norm_1, {&x}, work);
  const nn::feature h = nn::convolve(b.conv_1, nn::plain(activated(x, scales_1, work)), {}, work);
  const nn::feature time = nn::convolve(*b.time, {{&e.time}, 1, 2, nullptr, nn::activation::silu}, {}, work);
  nn::feature scales_2 = nn::normalise(b.norm_2, {&h}, work);
  for (std::size_t image = 0; image < 2; ++image)
    for (std::size_t c = 0; c < 8; ++c) {
      float *const scale = scales_2.pixel(image, 0, 0), *const s = scale + 8;
      const float* by = time.pixel(0, 0, image);
      scale[c] = float(double(scale[c]) * (1 + double(by[c])));
      s[c] = float(double(s[c]) * (1 + double(by[c])) + double(by[8 + c]));
    }
  nn::feature expected = nn::convolve(b.conv_2, nn::plain(activated(h, scales_2, work)), {}, work);
  for (std::size_t k = 0; k < expected.size(); ++k) expected.data()[k] += x.data()[k];
  require_near(nn::run(b, {&x}, e, work), expected, 2e-4);
}

TEST_CASE("a residual block may halve or double the sides of what its first convolution and its shortcut read", "[nn]")
{
  test::numbers next(46);
  nn::workspace work;
  const nn::feature deep = test::random_feature(work, next, 2, 2, 4, 6),
                    skip = test::random_feature(work, next, 2, 4, 4, 6);
  const nn::feature x = nn::detail::concatenate({&deep, &skip}, work);
  const nn::embedding e{test::random_feature(work, next, 1, 4, 1, 2)};
  for (const auto change : {nn::size_change::halved, nn::size_change::doubled})
    for (const std::vector<float>& filter : {std::vector{0.5f, 0.5f}, {0.125f, 0.375f, 0.375f, 0.125f}})
      for (const bool has_shortcut : {false, true}) {
        nn::residual_block b = random_residual(next, 6, 6, 1);
        b.resample = {change, filter};
        if (has_shortcut) b.shortcut = random_convolution(next, 6, 6, 1, 1);
        const nn::feature scales_1 = nn::normalise(b.norm_1, {&x}, work);
        const nn::feature small = nn::resample(b.resample, nn::plain(activated(x, scales_1, work)), work);
        const nn::feature time = nn::convolve(*b.time, {{&e.time}, 1, 2, nullptr, nn::activation::silu}, {}, work);
        const nn::feature h = nn::convolve(b.conv_1, nn::plain(small), {&time}, work);
        const nn::feature scales_2 = nn::normalise(b.norm_2, {&h}, work);
        nn::feature expected = nn::convolve(b.conv_2, nn::plain(activated(h, scales_2, work)), {}, work);
        nn::feature across = nn::resample(b.resample, nn::plain(x), work);
        if (has_shortcut) across = nn::convolve(*b.shortcut, nn::plain(across), {}, work);
        for (std::size_t k = 0; k < expected.size(); ++k) expected.data()[k] += across.data()[k];
        require_near(nn::run(b, {&x}, e, work), expected, 2e-4);
        require_near(nn::run(b, {&deep, &skip}, e, work), expected, 2e-4);
      }
}

TEST_CASE("attention without a norm reads what it is given", "[nn]")
{
  test::numbers next(47);
  nn::workspace work;
  const nn::feature x = test::random_feature(work, next, 1, 4, 3, 5);
  nn::attention_block b{.heads = 2};
  b.queries_keys_values = random_convolution(next, 4, 12, 1, 1);
  b.out = random_convolution(next, 4, 4, 1, 1);
  const nn::feature qkv = nn::convolve(b.queries_keys_values, nn::plain(x), {}, work);
  const nn::feature mixed = nn::attend({{&qkv, 0}, {&qkv, 4}, {&qkv, 8}, 2, 2}, work);
  require_near(nn::run(b, {&x}, {}, work), nn::convolve(b.out, nn::plain(mixed), {nullptr, &x}, work), 0);
}

TEST_CASE("an attention block whose last layer is zero returns what it read, times its gain", "[nn]")
{
  test::numbers next(43);
  nn::workspace work;
  const nn::feature x = test::random_feature(work, next, 1, 8, 3, 5);
  nn::attention_block b{.norm = random_norm(next, 8), .heads = 2, .gain = 2};
  b.queries_keys_values = random_convolution(next, 8, 24, 1, 1);
  b.out = random_convolution(next, 8, 8, 1, 0);
  const nn::feature out = nn::run(b, {&x}, {}, work);
  for (std::size_t k = 0; k < out.size(); ++k) REQUIRE(out.data()[k] == 2 * x.data()[k]);
}

TEST_CASE("sampling blocks halve and double the sides of an image", "[nn]")
{
  test::numbers next(44);
  nn::workspace work;
  const nn::feature x = test::random_feature(work, next, 1, 4, 6, 8);
  nn::sampling_block half{random_convolution(next, 4, 5, 3, 1)};
  half.conv.stride = 2;
  const nn::sampling_block twice{random_convolution(next, 4, 5, 3, 1), 2};
  const nn::feature small = nn::run(half, {&x}, {}, work), large = nn::run(twice, {&x}, {}, work);
  REQUIRE((small.height() == 3 && small.width() == 4 && small.channels() == 5));
  REQUIRE((large.height() == 12 && large.width() == 16 && large.channels() == 5));
}
