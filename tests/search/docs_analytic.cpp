/// @file
/// The page on Analytic-DPM, as it is printed.
#include "snippets/analytic.hpp"

#include "fewstep/random/philox.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

TEST_CASE("the page's ten steps draw from normal data with the right variance", "[docs]")
{
  // data N(0, 0.04), held in [-1, 1] at five deviations
  const double variance = 0.04;
  std::vector<image> images(100, image(400));
  for (std::size_t k = 0; k < images.size(); ++k) {
    fewstep::fill_normal(std::span(images[k]), {.seed = 5, .sample = k});
    for (float& number : images[k]) number *= 0.2F;
  }
  const auto network = [&](const image& x, const fewstep::noise_level& at) {
    image noise = x;
    for (float& number : noise)
      number *= static_cast<float>(at.sigma / (at.alpha * at.alpha * variance + at.sigma * at.sigma));
    return noise;
  };
  const std::size_t numbers = 40000;
  const image start = fewstep::philox_noise{.seed = 1}.start(image(numbers));
  const image drawn = draw(network, images, start);
  double sum = 0;
  for (const float number : drawn) sum += static_cast<double>(number) * static_cast<double>(number);
  // The mean of 40,000 squares deviates by sqrt(2 / 40000) = 0.7 %. The last row predicts the mean, so the error of the
  // least noisy level is missing: C = 1e-4, a four-hundredth of the variance.
  REQUIRE(std::abs(sum / static_cast<double>(numbers) / variance - 1) < 5 * 0.0071 + 0.0025);
}
