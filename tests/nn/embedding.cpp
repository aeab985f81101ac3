#include "fewstep/nn/embedding.hpp"

#include "fewstep/nn/conditioning.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

using vector = std::vector<double>;

/// Two layers: 4 numbers, 6 hidden ones, 6.
struct layers {
  explicit layers(std::uint64_t seed) : next(seed) {}

  test::numbers next;
  std::vector<float> weights_1 = next(24), bias_1 = next(6), weights_2 = next(36), bias_2 = next(6);

  nn::perceptron prepared() const
  {
    return {nn::prepare_convolution({.in = 4, .out = 6}, weights_1, bias_1),
            nn::prepare_convolution({.in = 6, .out = 6}, weights_2, bias_2)};
  }

  vector operator()(const vector& x) const
  {
    vector hidden(6), out(6);
    for (std::size_t o = 0; o < 6; ++o) {
      hidden[o] = double(bias_1[o]);
      for (std::size_t c = 0; c < 4; ++c) hidden[o] += double(weights_1[o * 4 + c]) * x[c];
      hidden[o] /= 1 + std::exp(-hidden[o]);
    }
    for (std::size_t o = 0; o < 6; ++o) {
      out[o] = double(bias_2[o]);
      for (std::size_t c = 0; c < 6; ++c) out[o] += double(weights_2[o * 6 + c]) * hidden[c];
    }
    return out;
  }
};

vector waves_of(double t)
{
  return {std::cos(t), std::cos(t / 100), std::sin(t), std::sin(t / 100)};
}

vector sum(vector a, const vector& b)
{
  for (std::size_t k = 0; k < a.size(); ++k) a[k] += b[k];
  return a;
}

/// A row of 4 or 6 of a table of floats.
vector row(const std::vector<float>& table, std::size_t k, std::size_t width)
{
  const auto first = table.begin() + static_cast<std::ptrdiff_t>(k * width);
  return {first, first + static_cast<std::ptrdiff_t>(width)};
}

const vector times{7, 400};

/// Embeds two images at those times and compares them with what is expected of each.
void require_embedded(const nn::embedder& e, nn::conditioning c, const vector& first, const vector& second)
{
  nn::workspace work;
  c.timesteps = times;
  const nn::embedding found = nn::embed(e, c, 2, 0, work);
  REQUIRE(found.time.width() == 2);
  for (std::size_t o = 0; o < 6; ++o) {
    REQUIRE_THAT(double(found.time.pixel(0, 0, 0)[o]), WithinAbs(first[o], 3e-6));
    REQUIRE_THAT(double(found.time.pixel(0, 0, 1)[o]), WithinAbs(second[o], 3e-6));
  }
}

std::vector<float> numbers_of(const nn::feature& x)
{
  return {x.data(), x.data() + x.size()};
}

}  // namespace

TEST_CASE("the embedding is two layers on the waves of the time", "[nn]")
{
  const layers time(31);
  require_embedded({nn::sinusoid{4}, time.prepared()}, {}, time(waves_of(7)), time(waves_of(400)));
}

TEST_CASE("a class adds its row to the embedding", "[nn]")
{
  layers time(32);
  const auto table = time.next(12);
  const nn::embedder e{nn::sinusoid{4}, time.prepared(), nn::class_table{.classes = 2, .rows = table}};
  REQUIRE(nn::class_count(e) == 2);
  require_embedded(e, {.class_labels = {1, 0}}, sum(time(waves_of(7)), row(table, 1, 6)),
                   sum(time(waves_of(400)), row(table, 0, 6)));
}

TEST_CASE("a class may add its row before the layers, and no class may have a row, too", "[nn]")
{
  layers time(33);
  const auto table = time.next(12);
  const nn::embedder e{nn::sinusoid{4}, time.prepared(),
                       nn::class_table{.classes = 2, .has_none = true, .before_layers = true, .rows = table}};
  const auto expected = [&](double t, std::size_t k) { return time(sum(waves_of(t), row(table, k, 4))); };
  require_embedded(e, {.class_labels = {1, 0}}, expected(7, 1), expected(400, 0));
  require_embedded(e, {}, expected(7, 2), expected(400, 2));
}

TEST_CASE("a class that is a number is embedded as the time is, by layers of its own", "[nn]")
{
  const layers time(34), own(35);
  const nn::embedder e{nn::sinusoid{4}, time.prepared(), nn::class_numbers{own.prepared()}};
  REQUIRE(nn::class_count(e) == 0);
  require_embedded(e, {.class_values = {5, 123.5}}, sum(time(waves_of(7)), own(waves_of(5))),
                   sum(time(waves_of(400)), own(waves_of(123.5))));
}

TEST_CASE("a class that is a vector is added as it is", "[nn]")
{
  const layers time(36);
  const nn::embedder e{nn::sinusoid{4}, time.prepared(), nn::class_vectors{}};
  const vector one{1, 2, 3, 4, 5, 6}, two{-1, 0, 1, 0, 2, 0};
  vector both = one;
  both.insert(both.end(), two.begin(), two.end());
  require_embedded(e, {.class_values = both}, sum(time(waves_of(7)), one), sum(time(waves_of(400)), two));
  require_embedded(e, {.class_values = one}, sum(time(waves_of(7)), one), sum(time(waves_of(400)), one));
}

TEST_CASE("the weight of a guidance adds its waves, through a layer, to those of the time", "[nn]")
{
  layers time(38);
  const auto matrix = time.next(16);
  nn::embedder e{nn::sinusoid{4}, time.prepared()};
  e.guidance = nn::prepare_convolution({.in = 4, .out = 4}, matrix, {});
  const auto expected = [&](double t, double w) {
    // frequencies 1 and 10000^(-1)
    const vector waves{std::sin(1000 * w), std::sin(0.1 * w), std::cos(1000 * w), std::cos(0.1 * w)};
    vector x = waves_of(t);
    for (std::size_t o = 0; o < 4; ++o)
      for (std::size_t c = 0; c < 4; ++c) x[o] += double(matrix[o * 4 + c]) * waves[c];
    return time(x);
  };
  require_embedded(e, {.guidance = {7.5, -0.25}}, expected(7, 7.5), expected(400, -0.25));
  require_embedded(e, {.guidance = {3}}, expected(7, 3), expected(400, 3));
}

TEST_CASE("a pooled text, followed by the waves of sizes, adds what layers of its own make of it", "[nn]")
{
  const layers time(39), own(40);
  nn::embedder e{nn::sinusoid{4}, time.prepared()};
  e.added = nn::added_layers{nn::sinusoid{2}, own.prepared()};
  const auto expected = [&](double t, const vector& text, double size) {
    vector row = text;
    row.push_back(std::cos(size)), row.push_back(std::sin(size));
    return sum(time(waves_of(t)), own(row));
  };
  const vector first{0.5, -1}, second{2, 0.25};
  require_embedded(e, {.pooled = {2, 1, 2, {0.5f, -1, 2, 0.25f}}, .picture_sizes = {64, 3}}, expected(7, first, 64),
                   expected(400, second, 3));
  require_embedded(e, {.pooled = {1, 1, 2, {0.5f, -1}}, .picture_sizes = {64, 3}}, expected(7, first, 64),
                   expected(400, first, 3));
  require_embedded(e, {.pooled = {2, 1, 2, {0.5f, -1, 2, 0.25f}}, .picture_sizes = {3}}, expected(7, first, 3),
                   expected(400, second, 3));
}

TEST_CASE("one class and one time hold for all images", "[nn]")
{
  nn::workspace work;
  layers time(37);
  const auto table = time.next(12);
  const nn::embedder e{nn::sinusoid{4}, time.prepared(), nn::class_table{.classes = 2, .rows = table}};
  const nn::embedding each = nn::embed(e, {.class_labels = {1, 1, 1}, .timesteps = {5, 5, 5}}, 3, 0, work);
  const nn::embedding all = nn::embed(e, {.class_labels = {1}}, 3, 5, work);
  REQUIRE(numbers_of(each.time) == numbers_of(all.time));
  REQUIRE(numbers_of(all.timesteps) == std::vector<float>{5, 5, 5});
}
