#include "fewstep/nn/load_edm_blocks.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/files.hpp"

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

/// A convolution of 3 x 3 over x, which is 0 outside, at a pixel that may lie outside itself.
double convolved(const nn::feature& x, const std::vector<float>& weights, std::ptrdiff_t y, std::ptrdiff_t column)
{
  double sum = 0;
  for (std::size_t c = 0; c < x.channels(); ++c)
    for (std::ptrdiff_t k = 0; k < 9; ++k) {
      const std::ptrdiff_t sy = y + k / 3 - 1, sx = column + k % 3 - 1;
      if (sy < 0 || sx < 0 || sy >= std::ptrdiff_t(x.height()) || sx >= std::ptrdiff_t(x.width())) continue;
      sum += double(weights[c * 9 + std::size_t(k)]) * double(x.pixel(0, std::size_t(sy), std::size_t(sx))[c]);
    }
  return sum;
}

nn::weights weights_in(const std::string& bytes)
{
  return nn::weights(read_safetensors(std::as_bytes(std::span(bytes)), "w.safetensors"));
}

}  // namespace

TEST_CASE("a convolution and then halving by a filter are one convolution, also at the borders", "[nn]")
{
  test::numbers next(71);
  nn::workspace work;
  const nn::feature x = test::random_feature(work, next, 1, 2, 6, 4);
  const std::vector<float> weights = next(18), bias{0.5f};
  for (const std::vector<float>& filter : {std::vector{0.5f, 0.5f}, {0.125f, 0.375f, 0.375f, 0.125f}}) {
    const nn::convolution both = nn::detail::prepare_halving(2, 1, weights, bias, filter);
    const nn::feature y = nn::convolve(both, nn::plain(x), {}, work);
    REQUIRE((y.height() == 3 && y.width() == 2));
    const auto taps = std::ptrdiff_t(filter.size()), before = taps / 2 - 1;
    for (std::ptrdiff_t k = 0; k < 6; ++k) {
      double sum = 0.5;
      for (std::ptrdiff_t j = 0; j < taps * taps; ++j)
        sum += double(filter[std::size_t(j / taps)]) * double(filter[std::size_t(j % taps)]) *
               convolved(x, weights, 2 * (k / 2) + j / taps - before, 2 * (k % 2) + j % taps - before);
      REQUIRE_THAT(double(y.data()[k]), WithinAbs(sum, 2e-6));
    }
  }
}

TEST_CASE("queries, keys and values are sorted, which are neighbours in EDM's files", "[nn]")
{
  // q, k and v are row + 1 times the sum of the input's channels, with rows in the order of the file
  std::vector<float> matrix, bias, out(64), ones(8, 1), zeros(8);
  for (std::size_t row = 0; row < 24; ++row) {
    matrix.insert(matrix.end(), 8, 0);
    bias.push_back(float(row));
  }
  const std::vector<tensor_view> tensors{
      view_of("a.qkv.weight", matrix, {24, 8, 1, 1}), view_of("a.qkv.bias", bias, {24}),
      view_of("a.proj.weight", out, {8, 8, 1, 1}),    view_of("a.proj.bias", zeros, {8}),
      view_of("a.norm2.weight", ones, {8}),           view_of("a.norm2.bias", zeros, {8})};
  const std::string bytes = safetensors_text(tensors);
  nn::weights from = weights_in(bytes);
  const nn::edm_blueprint design{.head_width = 4};
  const nn::attention_block b = nn::detail::edm_blocks(design, from).attention("a", 8);
  REQUIRE(b.heads == 2);
  REQUIRE((b.norm->groups == 2 && b.norm->eps == 1e-5 && b.gain == 1));
  // head h and channel c have rows 3 * (4 h + c) to 3 * (4 h + c) + 2
  for (std::size_t c = 0; c < 8; ++c)
    for (std::size_t part = 0; part < 3; ++part)
      REQUIRE(b.queries_keys_values.bias[8 * part + c] == float(3 * c + part));
}

TEST_CASE("a filter in the file that is not the configuration's is refused", "[nn]")
{
  const std::vector<float> eights(8 * 8 * 9), few(8), saved(4, 0.5f);
  const std::vector<tensor_view> tensors{view_of("a.norm0.weight", few, {8}), view_of("a.norm0.bias", few, {8}),
                                         view_of("a.conv0.resample_filter", saved, {1, 1, 2, 2})};
  const std::string bytes = safetensors_text(tensors);
  nn::weights from = weights_in(bytes);
  const nn::edm_blueprint design;
  nn::detail::edm_blocks blocks(design, from);
  REQUIRE(test::refusal<std::runtime_error>([&] { blocks.residual("a", 8, 8, nn::size_change::halved); }) ==
          "w.safetensors: tensor \"a.conv0.resample_filter\" must hold the filter of the configuration, but has "
          "0.500000 where that has 0.250000");
}

TEST_CASE("numbers of channels that GroupNorm cannot divide are refused", "[nn]")
{
  const std::string bytes = safetensors_text(std::vector<tensor_view>{});
  nn::weights from = weights_in(bytes);
  const nn::edm_blueprint design;
  REQUIRE(test::refusal<std::invalid_argument>([&] { nn::detail::edm_blocks(design, from).norm("a", 132); }) ==
          "the number of groups of a must divide every number of channels it meets, but is 32 where there are 132 "
          "channels");
}
