#include "fewstep/nn/plain_block.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

/// A layer of size 1 twice: as the engine has it, and as plain numbers.
struct linear {
  std::vector<float> weights, bias;

  linear(test::numbers& next, std::size_t channels) : weights(next(channels * channels)), bias(next(channels)) {}

  nn::convolution prepared() const
  {
    return nn::prepare_convolution({.in = bias.size(), .out = bias.size()}, weights, bias);
  }

  std::vector<double> operator()(const std::vector<double>& x) const
  {
    std::vector<double> y(bias.begin(), bias.end());
    for (std::size_t o = 0; o < y.size(); ++o)
      for (std::size_t c = 0; c < x.size(); ++c) y[o] += double(weights[o * x.size() + c]) * x[c];
    return y;
  }
};

std::vector<double> relu(std::vector<double> x)
{
  for (double& number : x) number = std::max(number, 0.0);
  return x;
}

}  // namespace

TEST_CASE("a plain block is three convolutions, activated between, added to what it read and activated", "[nn]")
{
  test::numbers next(71);
  const std::size_t channels = 5;
  const linear first(next, channels), second(next, channels), third(next, channels);
  const nn::plain_block block{first.prepared(), second.prepared(), third.prepared()};
  for (const std::size_t threads : {1u, 2u}) {
    nn::workspace work(threads);
    const nn::feature x = test::random_feature(work, next, 2, channels, 3, 4);
    const nn::feature y = nn::run(block, {&x}, {}, work);
    for (std::size_t pixel = 0; pixel < 24; ++pixel) {
      const std::vector<double> from(x.data() + pixel * channels, x.data() + (pixel + 1) * channels);
      std::vector<double> expected = third(relu(second(relu(first(from)))));
      for (std::size_t c = 0; c < channels; ++c) expected[c] += from[c];
      expected = relu(expected);
      // three sums of six numbers that stay below 100
      for (std::size_t c = 0; c < channels; ++c)
        REQUIRE_THAT(double(y.data()[pixel * channels + c]), WithinAbs(expected[c], 1e-5));
    }
  }
}
