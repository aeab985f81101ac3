#include "fewstep/nn/resample.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

const std::vector<float> box{0.5f, 0.5f}, tent{0.125f, 0.375f, 0.375f, 0.125f};

/// The number of an output pixel along one side, from the formula; x is 0 outside.
template <class X>
double along(const nn::resampling& r, std::ptrdiff_t i, std::ptrdiff_t length, X&& x)
{
  const auto taps = std::ptrdiff_t(r.filter.size()), before = taps / 2 - 1;
  double sum = 0;
  for (std::ptrdiff_t j = 0; j < length; ++j) {
    const std::ptrdiff_t k = r.change == nn::size_change::halved ? j - 2 * i + before : i + before - 2 * j;
    if (k >= 0 && k < taps)
      sum += (r.change == nn::size_change::halved ? 1 : 2) * double(r.filter[std::size_t(k)]) * x(j);
  }
  return sum;
}

}  // namespace

TEST_CASE("features are filtered along both sides while they are halved or doubled", "[nn]")
{
  test::numbers next(61);
  for (const std::size_t threads : {1u, 2u})
    for (const auto change : {nn::size_change::halved, nn::size_change::doubled})
      for (const auto& filter : {box, tent}) {
        nn::workspace work(threads);
        const nn::resampling r{change, filter};
        const nn::feature x = test::random_feature(work, next, 2, 3, 6, 4);
        const nn::feature y = nn::resample(r, nn::plain(x), work);
        REQUIRE(y.height() == (change == nn::size_change::halved ? 3 : 12));
        REQUIRE(y.width() == (change == nn::size_change::halved ? 2 : 8));
        for (std::size_t k = 0; k < y.size(); ++k) {
          const std::size_t c = k % 3, column = k / 3 % y.width(), row = k / 3 / y.width() % y.height();
          const std::size_t image = k / 3 / y.width() / y.height();
          const double expected = along(r, std::ptrdiff_t(row), 6, [&](std::ptrdiff_t j) {
            return along(r, std::ptrdiff_t(column), 4,
                         [&](std::ptrdiff_t i) { return double(x.pixel(image, std::size_t(j), std::size_t(i))[c]); });
          });
          REQUIRE_THAT(double(y.data()[k]), WithinAbs(expected, 1e-6));
        }
      }
}

TEST_CASE("the shortest filter takes means and repeats pixels, which layers do while they read", "[nn]")
{
  nn::workspace work;
  nn::feature x = work.make(1, 1, 2, 2);
  const std::vector<float> numbers{1, 2, 3, 10};
  std::copy(numbers.begin(), numbers.end(), x.data());
  REQUIRE(*nn::resample({nn::size_change::halved}, nn::plain(x), work).data() == 4);
  const nn::feature twice = nn::resample({nn::size_change::doubled}, nn::plain(x), work);
  for (std::size_t k = 0; k < 16; ++k) REQUIRE(twice.data()[k] == *x.pixel(0, k / 8, k / 2 % 2));

  REQUIRE(nn::repeats_pixels({nn::size_change::doubled}));
  REQUIRE(!nn::repeats_pixels({nn::size_change::halved}));
  REQUIRE(!nn::repeats_pixels({nn::size_change::doubled, tent}));
}

TEST_CASE("what is resampled is normalised, activated and joined while it is read", "[nn]")
{
  test::numbers next(62);
  nn::workspace work;
  const nn::feature first = test::random_feature(work, next, 1, 3, 2, 2),
                    second = test::random_feature(work, next, 1, 2, 2, 2);
  const nn::feature scales = test::random_feature(work, next, 1, 10);
  const nn::input x{{&first, &second}, 2, 2, &scales, nn::activation::silu};
  const nn::feature y = nn::resample({nn::size_change::halved}, x, work);
  for (std::size_t c = 0; c < 5; ++c) {
    double mean = 0;
    for (std::size_t pixel = 0; pixel < 4; ++pixel) {
      const float number = c < 3 ? first.data()[pixel * 3 + c] : second.data()[pixel * 2 + c - 3];
      const double h = double(number) * double(scales.data()[c]) + double(scales.data()[5 + c]);
      mean += h / (1 + std::exp(-h)) / 4;
    }
    REQUIRE_THAT(double(y.data()[c]), WithinAbs(mean, 1e-6));
  }
}
