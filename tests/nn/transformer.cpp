#include "fewstep/nn/transformer.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

using rows = std::vector<std::vector<double>>;

/// A linear layer twice: as the engine has it, and as plain numbers.
struct linear {
  std::size_t in, out;
  std::vector<float> weights, bias;

  linear(test::numbers& next, std::size_t from, std::size_t to, bool biased) :
      in(from),
      out(to),
      weights(next(from * to, 1 / std::sqrt(float(from)))),
      bias(biased ? next(to) : std::vector<float>())
  {
  }

  nn::convolution prepared() const { return nn::prepare_convolution({.in = in, .out = out}, weights, bias); }

  rows operator()(const rows& x) const
  {
    rows y(x.size(), std::vector<double>(out));
    for (std::size_t r = 0; r < x.size(); ++r)
      for (std::size_t o = 0; o < out; ++o) {
        y[r][o] = bias.empty() ? 0 : double(bias[o]);
        for (std::size_t c = 0; c < in; ++c) y[r][o] += double(weights[o * in + c]) * x[r][c];
      }
    return y;
  }
};

struct pixel_norm {
  std::vector<float> gamma, beta;

  pixel_norm(test::numbers& next, std::size_t channels) : gamma(next(channels)), beta(next(channels)) {}

  nn::layer_norm prepared() const
  {
    nn::layer_norm norm{1e-5, nn::aligned_floats(nn::detail::whole_packets(gamma.size())),
                        nn::aligned_floats(nn::detail::whole_packets(beta.size()))};
    std::copy(gamma.begin(), gamma.end(), norm.gamma.begin());
    std::copy(beta.begin(), beta.end(), norm.beta.begin());
    return norm;
  }

  rows operator()(rows x) const
  {
    for (auto& pixel : x) {
      const auto count = double(pixel.size());
      double mean = 0, variance = 0;
      for (const double number : pixel) mean += number / count;
      for (const double number : pixel) variance += (number - mean) * (number - mean) / count;
      for (std::size_t c = 0; c < pixel.size(); ++c)
        pixel[c] = (pixel[c] - mean) / std::sqrt(variance + 1e-5) * double(gamma[c]) + double(beta[c]);
    }
    return x;
  }
};

rows plus(rows a, const rows& b)
{
  for (std::size_t r = 0; r < a.size(); ++r)
    for (std::size_t c = 0; c < a[r].size(); ++c) a[r][c] += b[r][c];
  return a;
}

/// Softmax-weighted means, head by head.
rows attention(const rows& queries, const rows& keys, const rows& values, std::size_t heads)
{
  const std::size_t width = queries[0].size() / heads;
  rows out(queries.size(), std::vector<double>(queries[0].size()));
  for (std::size_t q = 0; q < queries.size(); ++q)
    for (std::size_t head = 0; head < heads; ++head) {
      std::vector<double> weights(keys.size());
      double sum = 0;
      for (std::size_t k = 0; k < keys.size(); ++k) {
        double score = 0;
        for (std::size_t c = head * width; c < (head + 1) * width; ++c) score += queries[q][c] * keys[k][c];
        sum += weights[k] = std::exp(score / std::sqrt(double(width)));
      }
      for (std::size_t k = 0; k < keys.size(); ++k)
        for (std::size_t c = head * width; c < (head + 1) * width; ++c) out[q][c] += weights[k] / sum * values[k][c];
    }
  return out;
}

rows gated(const rows& both)
{
  rows out;
  for (const auto& pixel : both) {
    const std::size_t half = pixel.size() / 2;
    out.emplace_back(half);
    for (std::size_t c = 0; c < half; ++c) {
      const double gate = pixel[half + c];
      out.back()[c] = pixel[c] * gate * 0.5 * std::erfc(-gate / std::sqrt(2.0));
    }
  }
  return out;
}

/// A transformer layer as plain numbers.
struct plain_layer {
  std::size_t heads;
  pixel_norm norm_1, norm_2, norm_3;
  linear queries, keys, values, self_out, text_queries, text_keys, text_values, text_out, forward, forward_out;

  plain_layer(test::numbers& next, std::size_t channels, std::size_t head_count, std::size_t text) :
      heads(head_count),
      norm_1(next, channels),
      norm_2(next, channels),
      norm_3(next, channels),
      queries(next, channels, channels, false),
      keys(next, channels, channels, false),
      values(next, channels, channels, false),
      self_out(next, channels, channels, true),
      text_queries(next, channels, channels, false),
      text_keys(next, text, channels, false),
      text_values(next, text, channels, false),
      text_out(next, channels, channels, true),
      forward(next, channels, 8 * channels, true),
      forward_out(next, 4 * channels, channels, true)
  {
  }

  static nn::convolution side_by_side(std::initializer_list<const linear*> layers)
  {
    std::vector<float> weights;
    std::size_t out = 0;
    for (const linear* l : layers) {
      weights.insert(weights.end(), l->weights.begin(), l->weights.end());
      out += l->out;
    }
    return nn::prepare_convolution({.in = (*layers.begin())->in, .out = out}, weights, {});
  }

  nn::transformer_layer prepared() const
  {
    return {.norm_1 = norm_1.prepared(),
            .queries_keys_values = side_by_side({&queries, &keys, &values}),
            .self_out = self_out.prepared(),
            .norm_2 = norm_2.prepared(),
            .text_queries = text_queries.prepared(),
            .text_out = text_out.prepared(),
            .norm_3 = norm_3.prepared(),
            .forward = forward.prepared(),
            .forward_out = forward_out.prepared()};
  }

  rows operator()(rows h, const rows& text) const
  {
    const rows x = norm_1(h);
    h = plus(h, self_out(attention(queries(x), keys(x), values(x), heads)));
    h = plus(h, text_out(attention(text_queries(norm_2(h)), text_keys(text), text_values(text), heads)));
    return plus(h, forward_out(gated(forward(norm_3(h)))));
  }
};

rows rows_of(const nn::feature& x, std::size_t image)
{
  rows out(x.height() * x.width());
  const float* from = x.pixel(image, 0, 0);
  for (auto& row : out) row.assign(from, from + x.channels()), from += x.channels();
  return out;
}

double largest_error(const nn::feature& found, std::size_t image, const rows& expected)
{
  const rows numbers = rows_of(found, image);
  double worst = 0;
  for (std::size_t r = 0; r < numbers.size(); ++r)
    for (std::size_t c = 0; c < numbers[r].size(); ++c)
      worst = std::max(worst, std::abs(numbers[r][c] - expected[r][c]));
  return worst;
}

}  // namespace

TEST_CASE("a transformer layer attends to the image, to the text, and goes through a gate", "[nn]")
{
  test::numbers next(51);
  // channels, heads, width of the text, its length, texts: one for each image, or one for all
  for (const auto& [channels, heads, width, length, texts] :
       std::vector<std::array<std::size_t, 5>>{{8, 2, 12, 7, 2}, {24, 3, 16, 1, 1}, {40, 5, 20, 19, 1}}) {
    CAPTURE(channels, length, texts);
    nn::workspace work(2);
    const plain_layer layer(next, channels, heads, width);
    nn::feature h = test::random_feature(work, next, 2, channels, 3, 5);
    const nn::feature text = test::random_feature(work, next, texts, width, 1, length);
    const nn::feature before = h;

    std::vector<nn::feature> keys_values;
    keys_values.push_back(
        nn::convolve(plain_layer::side_by_side({&layer.text_keys, &layer.text_values}), nn::plain(text), {}, work));
    const nn::embedding e{.texts = keys_values};
    nn::detail::run(layer.prepared(), heads, h, e, work);
    // h grows to about 10 in a dozen layers of up to 160 products each
    for (std::size_t image = 0; image < 2; ++image)
      REQUIRE_THAT(largest_error(h, image, layer(rows_of(before, image), rows_of(text, texts == 1 ? 0 : image))),
                   WithinAbs(0, 2e-5));
  }
}

TEST_CASE("a transformer normalises groups, projects, runs its layers, projects and adds", "[nn]")
{
  test::numbers next(52);
  nn::workspace work;
  const std::size_t channels = 16;
  const std::vector<plain_layer> layers{{next, channels, 4, 6}, {next, channels, 4, 6}};
  const linear in(next, channels, channels, true), out(next, channels, channels, true);
  const auto gamma = next(channels), beta = next(channels);
  const nn::feature x = test::random_feature(work, next, 1, channels, 4, 3);
  const nn::feature text = test::random_feature(work, next, 1, 6, 1, 5);

  nn::transformer_block block;
  block.norm = {1, 1e-6, gamma, beta};
  block.in = in.prepared(), block.out = out.prepared();
  block.heads = 4;
  std::vector<nn::feature> keys_values;
  for (const plain_layer& layer : layers) {
    block.layers.push_back(layer.prepared());
    block.layers.back().text = keys_values.size();
    keys_values.push_back(
        nn::convolve(plain_layer::side_by_side({&layer.text_keys, &layer.text_values}), nn::plain(text), {}, work));
  }

  // one group: mean and variance of all numbers
  rows h = rows_of(x, 0);
  const auto count = double(x.size());
  double mean = 0, variance = 0;
  for (const auto& pixel : h)
    for (const double number : pixel) mean += number / count;
  for (const auto& pixel : h)
    for (const double number : pixel) variance += (number - mean) * (number - mean) / count;
  for (auto& pixel : h)
    for (std::size_t c = 0; c < channels; ++c)
      pixel[c] = (pixel[c] - mean) / std::sqrt(variance + 1e-6) * double(gamma[c]) + double(beta[c]);
  h = in(h);
  for (const plain_layer& layer : layers) h = layer(h, rows_of(text, 0));
  const rows expected = plus(rows_of(x, 0), out(h));

  const nn::embedding e{.texts = keys_values};
  REQUIRE_THAT(largest_error(nn::run(block, {&x}, e, work), 0, expected), WithinAbs(0, 5e-5));
}
