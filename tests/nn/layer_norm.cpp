#include "fewstep/nn/layer_norm.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

/// A norm of random weights.
nn::layer_norm random_norm(test::numbers& next, std::size_t channels, double eps)
{
  nn::layer_norm norm{eps, {}, {}};
  for (auto* numbers : {&norm.gamma, &norm.beta}) {
    numbers->resize(nn::detail::whole_packets(channels));
    for (std::size_t c = 0; c < channels; ++c) (*numbers)[c] = next();
  }
  return norm;
}

/// The largest error over the channels of a pixel, by the formula in double.
double error_of(const nn::layer_norm& norm, const std::vector<float>& pixel)
{
  const std::size_t channels = pixel.size();
  std::vector<float> from(pixel), to(channels + nn::slack);
  from.resize(channels + nn::slack, 1e9f);  // what lies behind a pixel must not count
  nn::detail::normalise_pixel(norm, from.data(), channels, to.data());
  double mean = 0, variance = 0, worst = 0;
  for (const float x : pixel) mean += double(x) / double(channels);
  for (const float x : pixel) variance += (double(x) - mean) * (double(x) - mean) / double(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double y = (double(pixel[c]) - mean) / std::sqrt(variance + norm.eps) * double(norm.gamma[c]);
    worst = std::max(worst, std::abs(double(to[c]) - y - double(norm.beta[c])));
  }
  return worst;
}

}  // namespace

TEST_CASE("LayerNorm takes the channels of a pixel to mean 0 and variance 1, then scales and shifts them", "[nn]")
{
  test::numbers next(31);
  for (const std::size_t channels : {1u, 3u, 8u, 16u, 33u, 320u}) {
    CAPTURE(channels);
    const auto norm = random_norm(next, channels, 1e-5);
    // normalised numbers stay below 5; sums of up to 320 numbers lose a few bits
    REQUIRE_THAT(error_of(norm, next(channels, 2)), WithinAbs(0, 5e-6));
  }
}

TEST_CASE("LayerNorm keeps a small variance beside a large mean", "[nn]")
{
  test::numbers next(32);
  const auto norm = random_norm(next, 64, 1e-5);
  std::vector<float> pixel = next(64, 1);
  for (float& x : pixel) x += 1000;
  // the mean of numbers near 1000 is rounded to 6e-5 of their deviation
  REQUIRE_THAT(error_of(norm, pixel), WithinAbs(0, 3e-4));
}

TEST_CASE("LayerNorm's eps counts where the variance is small", "[nn]")
{
  test::numbers next(33);
  const auto norm = random_norm(next, 24, 1e-5);
  const std::vector<float> pixel = next(24, 1e-3f);
  REQUIRE_THAT(error_of(norm, pixel), WithinAbs(0, 1e-6));
  const std::vector<float> constant(24, 0.25f);
  REQUIRE_THAT(error_of(norm, constant), WithinAbs(0, 1e-6));
}
