#include "fewstep/nn/attention.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

struct attention_scene {
  std::size_t images, height, width, heads, head_width, key_pixels;
};

const std::vector<attention_scene> attention_scenes{
    {1, 1, 1, 1, 8, 1},   {2, 4, 4, 2, 8, 16}, {3, 3, 5, 3, 16, 15},    {1, 8, 8, 6, 16, 64},
    {2, 5, 7, 1, 40, 35}, {1, 4, 6, 2, 5, 11}, {2, 10, 10, 2, 24, 100},
};

/// One number of the result, by the formula.
double expected(const nn::attention_input& x, std::size_t image, std::size_t query, std::size_t channel)
{
  const std::size_t head = channel / x.width * x.width, keys = x.keys.pixels();
  std::vector<double> scores(keys);
  for (std::size_t k = 0; k < keys; ++k)
    for (std::size_t c = head; c < head + x.width; ++c)
      scores[k] +=
          double(x.queries.row(image, query)[c]) * double(x.keys.row(image, k)[c]) / std::sqrt(double(x.width));
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0, weighed = 0;
  for (std::size_t k = 0; k < keys; ++k) {
    const double weight = std::exp(scores[k] - largest);
    sum += weight;
    weighed += weight * double(x.values.row(image, k)[channel]);
  }
  return weighed / sum;
}

double largest_error(const nn::attention_input& x, const nn::feature& out)
{
  double worst = 0;
  for (std::size_t image = 0; image < out.count(); ++image)
    for (std::size_t q = 0; q < x.queries.pixels(); ++q)
      for (std::size_t c = 0; c < out.channels(); ++c)
        worst = std::max(worst,
                         std::abs(double(out.pixel(image, 0, 0)[q * out.channels() + c]) - expected(x, image, q, c)));
  return worst;
}

}  // namespace

TEST_CASE("attention is the softmax-weighted mean of the values, head by head", "[nn]")
{
  test::numbers next(21);
  for (const attention_scene& s : attention_scenes) {
    CAPTURE(s.height, s.width, s.heads, s.head_width);
    nn::workspace work;
    const std::size_t channels = s.heads * s.head_width;
    const nn::feature queries = test::random_feature(work, next, s.images, channels, s.height, s.width);
    const nn::feature keys_values = test::random_feature(work, next, s.images, 2 * channels, 1, s.key_pixels);
    const nn::attention_input x{{&queries}, {&keys_values}, {&keys_values, channels}, s.heads, s.head_width};
    // a score of at most sqrt(width) is wrong by few roundings; the mean of values below 1 inherits that
    REQUIRE_THAT(largest_error(x, nn::attend(x, work)), WithinAbs(0, 2e-6));
  }
}

TEST_CASE("attention holds where scores are far apart", "[nn]")
{
  test::numbers next(22);
  nn::workspace work;
  nn::feature qkv = test::random_feature(work, next, 1, 24, 3, 6);
  for (float& number : elements(qkv)) number *= 30;
  const nn::attention_input x{{&qkv, 0}, {&qkv, 8}, {&qkv, 16}, 1, 8};
  // scores reach 30 * 30 * sqrt(8), where single precision has steps of 2e-4; values reach 30
  REQUIRE_THAT(largest_error(x, nn::attend(x, work)), WithinAbs(0, 30 * 1e-3));
}

TEST_CASE("attention of an image has the same bits alone and in a batch, on any number of threads", "[nn]")
{
  test::numbers next(23);
  nn::workspace one;
  const nn::feature qkv = test::random_feature(one, next, 3, 3 * 40, 9, 9);
  const auto heads = [](const nn::feature& x) { return nn::attention_input{{&x, 0}, {&x, 40}, {&x, 80}, 1, 40}; };
  const nn::feature whole = nn::attend(heads(qkv), one);
  for (std::size_t threads : {2u, 4u}) {
    nn::workspace work(threads);
    const nn::feature again = nn::attend(heads(qkv), work);
    REQUIRE(std::equal(whole.data(), whole.data() + whole.size(), again.data()));
  }
  nn::feature last = one.make(1, 120, 9, 9);
  std::copy_n(qkv.pixel(2, 0, 0), last.size(), last.data());
  const nn::feature alone = nn::attend(heads(last), one);
  REQUIRE(std::equal(alone.data(), alone.data() + alone.size(), whole.pixel(2, 0, 0)));
}
