#include "fewstep/nn/normalisation.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

double number(const nn::joined& x, std::size_t image, std::size_t pixel, std::size_t c)
{
  const std::size_t border = x.first->channels();
  const nn::feature& part = c < border ? *x.first : *x.second;
  return double(part.pixel(image, 0, 0)[pixel * part.channels() + (c < border ? c : c - border)]);
}

/// Mean and variance of a group, in two passes and double precision.
std::pair<double, double> of_group(const nn::joined& x, std::size_t image, std::size_t first, std::size_t width)
{
  const std::size_t pixels = x.first->height() * x.first->width();
  const double count = double(pixels * width);
  double mean = 0, variance = 0;
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = first; c < first + width; ++c) mean += number(x, image, p, c) / count;
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = first; c < first + width; ++c) variance += std::pow(number(x, image, p, c) - mean, 2) / count;
  return {mean, variance};
}

void require_normalised(const nn::group_norm& norm, const nn::joined& x, const nn::feature& scales)
{
  const std::size_t channels = x.channels(), width = channels / norm.groups;
  for (std::size_t image = 0; image < x.first->count(); ++image)
    for (std::size_t c = 0; c < channels; ++c) {
      const auto [mean, variance] = of_group(x, image, c / width * width, width);
      const double scale = double(norm.gamma[c]) / std::sqrt(variance + norm.eps);
      const float* found = scales.pixel(image, 0, 0);
      // sums of up to 64 deviations are rounded to 6e-8 each
      REQUIRE_THAT(double(found[c]), WithinRel(scale, 4e-6));
      const double shift = double(norm.beta[c]) - mean * scale;
      REQUIRE_THAT(double(found[channels + c]), WithinAbs(shift, 4e-6 * (1 + std::abs(mean * scale))));
    }
}

nn::group_norm norm_of(test::numbers& next, std::size_t channels, std::size_t groups, double eps = 1e-5)
{
  return {groups, eps, next(channels), next(channels)};
}

}  // namespace

TEST_CASE("group normalisation subtracts the mean and divides by the deviation of each group", "[nn]")
{
  test::numbers next(11);
  for (const auto& [channels, groups] :
       {std::pair<std::size_t, std::size_t>{8, 4}, {24, 8}, {48, 3}, {65, 13}, {130, 2}}) {
    nn::workspace work;
    const nn::feature x = test::random_feature(work, next, 3, channels, 9, 15);
    const nn::group_norm norm = norm_of(next, channels, groups);
    require_normalised(norm, {&x}, nn::normalise(norm, {&x}, work));
  }
}

TEST_CASE("groups may straddle the border of two joined features", "[nn]")
{
  test::numbers next(12);
  nn::workspace work;
  const nn::feature deep = test::random_feature(work, next, 2, 10, 4, 4);
  const nn::feature skip = test::random_feature(work, next, 2, 14, 4, 4);
  const nn::group_norm norm = norm_of(next, 24, 4);
  require_normalised(norm, {&deep, &skip}, nn::normalise(norm, {&deep, &skip}, work));
}

TEST_CASE("a small variance survives a large mean", "[nn]")
{
  test::numbers next(13);
  nn::workspace work;
  nn::feature x = test::random_feature(work, next, 1, 16, 32, 32);
  for (float& number : elements(x)) number = 1000 + 0.01f * number;
  const nn::group_norm norm = norm_of(next, 16, 16, 1e-12);
  const nn::feature scales = nn::normalise(norm, {&x}, work);
  for (std::size_t c = 0; c < 16; ++c) {
    const auto [mean, variance] = of_group({&x}, 0, c, 1);
    REQUIRE_THAT(double(scales.data()[c]), WithinRel(double(norm.gamma[c]) / std::sqrt(variance), 1e-5));
  }
}

TEST_CASE("the small number below the root decides where the signal is small", "[nn]")
{
  nn::workspace work;
  nn::feature x = work.make(1, 2, 2, 2);
  std::fill_n(x.data(), x.size(), 0.25f);
  const nn::feature scales = nn::normalise({1, 1e-6, {1, 1}, {0, 0}}, {&x}, work);
  REQUIRE_THAT(double(scales.data()[0]), WithinRel(1e3, 1e-6));
  REQUIRE_THAT(double(scales.data()[2]), WithinRel(-250.0, 1e-6));
}

TEST_CASE("scales of an image have the same bits alone and in a batch, on any number of threads", "[nn]")
{
  test::numbers next(14);
  nn::workspace one;
  const nn::feature x = test::random_feature(one, next, 5, 72, 32, 32);
  const nn::group_norm norm = norm_of(next, 72, 8);
  const nn::feature whole = nn::normalise(norm, {&x}, one);
  for (std::size_t threads : {2u, 3u}) {
    nn::workspace work(threads);
    const nn::feature again = nn::normalise(norm, {&x}, work);
    REQUIRE(std::equal(whole.data(), whole.data() + whole.size(), again.data()));
  }
  nn::feature last = one.make(1, 72, 32, 32);
  std::copy_n(x.pixel(4, 0, 0), last.size(), last.data());
  const nn::feature alone = nn::normalise(norm, {&last}, one);
  REQUIRE(std::equal(alone.data(), alone.data() + alone.size(), whole.pixel(4, 0, 0)));
}
