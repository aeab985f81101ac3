#include "fewstep/nn/embedding.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

TEST_CASE("the time is embedded in sines and cosines, in the order asked for", "[nn]")
{
  for (const double t : {0.0, 1.0, 999.0, -3.0, 12.25})
    for (const double shift : {0.0, 1.0}) {
      std::vector<float> cosines_first(10), sines_first(10);
      nn::embed_time({10, true, shift}, t, cosines_first.data());
      nn::embed_time({10, false, shift}, t, sines_first.data());
      for (std::size_t k = 0; k < 5; ++k) {
        const double angle = t * std::pow(10000.0, -double(k) / (5 - shift));
        REQUIRE_THAT(double(cosines_first[k]), WithinAbs(std::cos(angle), 1e-7));
        REQUIRE_THAT(double(cosines_first[5 + k]), WithinAbs(std::sin(angle), 1e-7));
        REQUIRE(sines_first[k] == cosines_first[5 + k]);
        REQUIRE(sines_first[5 + k] == cosines_first[k]);
      }
    }
}

namespace {

/// Waves of width 4, a hidden layer and an embedding of width 6, two classes.
struct layers {
  explicit layers(std::uint64_t seed) : next(seed) {}

  test::numbers next;
  std::vector<float> weights_1 = next(24), bias_1 = next(6), weights_2 = next(36), bias_2 = next(6), table = next(12);

  nn::embedder prepared() const
  {
    return {.time = {4},
            .linear_1 = nn::prepare_convolution({.in = 4, .out = 6}, weights_1, bias_1),
            .linear_2 = nn::prepare_convolution({.in = 6, .out = 6}, weights_2, bias_2),
            .classes = 2,
            .table = table};
  }
};

std::vector<float> numbers_of(const nn::feature& x)
{
  return {x.data(), x.data() + x.size()};
}

}  // namespace

TEST_CASE("the embedding is a layer of two on the waves, plus the row of the class", "[nn]")
{
  const layers with(31);
  nn::workspace work;
  const nn::embedder e = with.prepared();
  const std::vector<double> times{7, 400};
  const std::vector<int> labels{1, 0};
  nn::embedding found = nn::embed(e, 2, times, 0, labels, work);

  for (std::size_t image = 0; image < 2; ++image) {
    std::vector<float> waves(4);
    nn::embed_time(e.time, times[image], waves.data());
    std::vector<double> hidden(6);
    for (std::size_t o = 0; o < 6; ++o) {
      hidden[o] = double(with.bias_1[o]);
      for (std::size_t c = 0; c < 4; ++c) hidden[o] += double(with.weights_1[o * 4 + c]) * double(waves[c]);
      hidden[o] /= 1 + std::exp(-hidden[o]);
    }
    for (std::size_t o = 0; o < 6; ++o) {
      double sum = double(with.bias_2[o]) + double(with.table[std::size_t(labels[image]) * 6 + o]);
      for (std::size_t c = 0; c < 6; ++c) sum += double(with.weights_2[o * 6 + c]) * hidden[c];
      REQUIRE_THAT(double(found.time.pixel(0, 0, image)[o]), WithinAbs(sum, 3e-6));
    }
  }
}

TEST_CASE("one class and one time hold for all images", "[nn]")
{
  nn::workspace work;
  const nn::embedder e = layers(32).prepared();
  const std::vector<int> one{1}, three{1, 1, 1};
  const std::vector<double> times{5, 5, 5};
  const nn::embedding each = nn::embed(e, 3, times, 0, three, work), all = nn::embed(e, 3, {}, 5, one, work);
  REQUIRE(numbers_of(each.time) == numbers_of(all.time));
}
