#include "fewstep/nn/convolution.hpp"

#include "fewstep/nn/convolution_layer.hpp"
#include "fewstep/nn/direct_convolution.hpp"
#include "fewstep/nn/narrow_product.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/winograd.hpp"
#include "fewstep/nn/winograd_convolution.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

/// One convolution with all that can be asked of it.
struct scene {
  nn::convolution shape;
  std::size_t images, height, width;
  std::size_t second = 0;   ///< channels of a second part
  std::size_t enlarge = 1;  ///< how many times larger than the feature its input is
  bool scales = false;
  nn::activation act = nn::activation::none;
  bool adds = false;
  std::size_t threads = 1;
};

struct inputs {
  explicit inputs(const scene& s) :
      work(s.threads),
      next(s.images * 1000 + s.shape.in),
      weights(next(s.shape.in * s.shape.out * s.shape.size * s.shape.size)),
      bias(next(s.shape.out)),
      first(
          test::random_feature(work, next, s.images, s.shape.in - s.second, s.height / s.enlarge, s.width / s.enlarge)),
      second(test::random_feature(work, next, s.images, s.second, s.height / s.enlarge, s.width / s.enlarge)),
      scales(test::random_feature(work, next, s.images, 2 * s.shape.in)),
      shift(test::random_feature(work, next, s.images, s.shape.out)),
      layer(nn::prepare_convolution(s.shape, weights, bias)),
      add(test::random_feature(work, next, s.images, s.shape.out, nn::output_length(layer, s.height),
                               nn::output_length(layer, s.width)))
  {
  }

  nn::workspace work;
  test::numbers next;
  std::vector<float> weights, bias;
  nn::feature first, second, scales, shift;
  nn::convolution layer;
  nn::feature add;
};

nn::feature run(const scene& s, inputs& in)
{
  const nn::input x{
      {&in.first, s.second ? &in.second : nullptr}, s.height, s.width, s.scales ? &in.scales : nullptr, s.act};
  const nn::addend plus{s.adds ? &in.shift : nullptr, s.adds ? &in.add : nullptr, s.adds ? 0.7f : 1.0f};
  return nn::convolve(in.layer, x, plus, in.work);
}

double activated(nn::activation act, double x)
{
  if (act == nn::activation::silu) return x / (1 + std::exp(-x));
  if (act == nn::activation::gelu) return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  return x;
}

/// What the layer reads at a pixel, by the definitions of `joined` and `input`.
double read(const scene& s, const inputs& in, std::size_t image, std::size_t c, std::ptrdiff_t y, std::ptrdiff_t x)
{
  if (y < 0 || x < 0 || y >= std::ptrdiff_t(s.height) || x >= std::ptrdiff_t(s.width)) return 0;
  const std::size_t border = s.shape.in - s.second;
  const nn::feature& part = c < border ? in.first : in.second;
  const float* pixel = part.pixel(image, std::size_t(y) / s.enlarge, std::size_t(x) / s.enlarge);
  const double number = double(pixel[c < border ? c : c - border]);
  const float* scales = in.scales.pixel(image, 0, 0);
  return activated(s.act, s.scales ? number * double(scales[c]) + double(scales[s.shape.in + c]) : number);
}

double expected(const scene& s, const inputs& in, std::size_t image, std::size_t o, std::size_t y, std::size_t x)
{
  const nn::convolution& k = s.shape;
  double sum = double(in.bias[o]);
  for (std::size_t c = 0; c < k.in; ++c)
    for (std::size_t dy = 0; dy < k.size; ++dy)
      for (std::size_t dx = 0; dx < k.size; ++dx)
        sum += double(in.weights[((o * k.in + c) * k.size + dy) * k.size + dx]) *
               read(s, in, image, c, std::ptrdiff_t(y * k.stride + dy) - std::ptrdiff_t(k.pad),
                    std::ptrdiff_t(x * k.stride + dx) - std::ptrdiff_t(k.pad));
  if (!s.adds) return sum;
  return 0.7 * (sum + double(in.shift.data()[image * k.out + o]) + double(in.add.pixel(image, y, x)[o]));
}

double largest_error(const scene& s, const inputs& in, const nn::feature& out)
{
  double worst = 0;
  for (std::size_t image = 0; image < out.count(); ++image)
    for (std::size_t y = 0; y < out.height(); ++y)
      for (std::size_t x = 0; x < out.width(); ++x)
        for (std::size_t o = 0; o < out.channels(); ++o)
          worst = std::max(worst, std::abs(double(out.pixel(image, y, x)[o]) - expected(s, in, image, o, y, x)));
  return worst;
}

/// How much larger than its inputs and weights the numbers inside of a form may be, along one axis: the largest sum of
/// |A| |G| |B| over what goes into an output, or of a filter's three taps.
template <std::size_t N>
double growth()
{
  using form = nn::detail::winograd<N>;
  using nn::detail::floats;
  std::array<double, form::size> products{};
  for (std::size_t k = 0; k < form::size; ++k) {
    nn::detail::packet unit[form::size];
    for (std::size_t i = 0; i < form::size; ++i) unit[i] = floats::fill(i == k);
    form::template read<floats>(unit);
    for (std::size_t i = 0; i < form::size; ++i) {
      const auto [g0, g1, g2] = form::g[i];
      const double read = double(floats::sum(unit[i])) / double(nn::detail::lanes);
      products[i] += std::abs(read) * (std::abs(g0) + std::abs(g1) + std::abs(g2));
    }
  }
  double most = 0;
  for (std::size_t j = 0; j < N; ++j) {
    double sum = 0;
    for (std::size_t k = 0; k < form::size; ++k) {
      nn::detail::packet unit[form::size], y[N];
      for (std::size_t i = 0; i < form::size; ++i) unit[i] = floats::fill(i == k);
      form::template write<floats>(unit, y);
      sum += std::abs(double(floats::sum(y[j]))) / double(nn::detail::lanes) * products[k];
    }
    most = std::max(most, sum);
  }
  return most;
}

/// What rounding may do to an output: numbers of size one, read numbers below 3, are summed; each sum and product
/// rounds by 6e-8 of what has gathered, and roundings go either way.
double rounding(const scene& s)
{
  const auto channels = static_cast<double>(s.shape.in);
  if (s.shape.tile == 2) return 3 * 6e-8 * channels * std::pow(growth<2>(), 2) * std::sqrt(channels + 20);
  if (s.shape.tile == 4) return 3 * 6e-8 * channels * std::pow(growth<4>(), 2) * std::sqrt(channels + 30);
  const double terms = channels * double(s.shape.size * s.shape.size) + 3;
  return 3 * 6e-8 * terms * std::sqrt(terms);
}

const nn::convolution same_size{.in = 5, .out = 7, .size = 3, .pad = 1, .pad_behind = 1};

nn::convolution sized(std::size_t in, std::size_t out, nn::convolution shape)
{
  shape.in = in;
  shape.out = out;
  return shape;
}

const std::vector<scene> listed{
    {.shape = same_size, .images = 1, .height = 4, .width = 6},
    {.shape = sized(1, 24, same_size), .images = 2, .height = 9, .width = 5},
    {.shape = sized(24, 1, same_size), .images = 1, .height = 5, .width = 13},
    {.shape = sized(24, 2, same_size), .images = 2, .height = 5, .width = 5, .scales = true, .adds = true},
    {.shape = sized(33, 3, same_size), .images = 1, .height = 9, .width = 7, .act = nn::activation::silu, .threads = 2},
    {.shape = {.in = 70, .out = 4}, .images = 2, .height = 3, .width = 7, .adds = true},
    {.shape = {.in = 30, .out = 3, .size = 3, .stride = 2, .pad = 1}, .images = 1, .height = 8, .width = 6},
    {.shape = sized(48, 130, same_size), .images = 1, .height = 3, .width = 3},
    {.shape = sized(17, 65, same_size), .images = 3, .height = 6, .width = 6, .threads = 2},
    {.shape = sized(64, 48, same_size), .images = 1, .height = 33, .width = 40, .threads = 3},
    {.shape = sized(16, 200, same_size), .images = 1, .height = 4, .width = 4, .threads = 4},
    {.shape = {.in = 6, .out = 10, .size = 3, .stride = 2, .pad = 1, .pad_behind = 1},
     .images = 2,
     .height = 8,
     .width = 10},
    {.shape = {.in = 6, .out = 10, .size = 3, .stride = 2, .pad = 1, .pad_behind = 1},
     .images = 1,
     .height = 7,
     .width = 5},
    {.shape = {.in = 6, .out = 10, .size = 3, .stride = 2, .pad_behind = 1}, .images = 2, .height = 8, .width = 10},
    {.shape = {.in = 3, .out = 20, .size = 6, .stride = 2, .pad = 2, .pad_behind = 2},
     .images = 2,
     .height = 8,
     .width = 10},
    {.shape = {.in = 5, .out = 7, .size = 4, .stride = 2, .pad = 1, .pad_behind = 1},
     .images = 1,
     .height = 4,
     .width = 2,
     .adds = true},
    {.shape = {.in = 40, .out = 12}, .images = 2, .height = 3, .width = 7},
    {.shape = {.in = 33, .out = 96}, .images = 1, .height = 1, .width = 11, .adds = true},
    {.shape = sized(20, 20, same_size), .images = 2, .height = 8, .width = 12, .enlarge = 2},
    {.shape = sized(40, 24, same_size),
     .images = 2,
     .height = 8,
     .width = 8,
     .second = 23,
     .scales = true,
     .act = nn::activation::silu,
     .adds = true},
    {.shape = sized(9, 24, same_size),
     .images = 3,
     .height = 5,
     .width = 9,
     .second = 4,
     .scales = true,
     .act = nn::activation::gelu,
     .adds = true,
     .threads = 2},
    {.shape = {.in = 30, .out = 24}, .images = 2, .height = 4, .width = 4, .second = 14, .act = nn::activation::silu},
};

/// Each of the scenes in all forms that can do it.
std::vector<scene> in_all_forms()
{
  std::vector<scene> all;
  for (scene s : listed)
    for (const std::size_t tile : {1u, 2u, 4u}) {
      s.shape.tile = tile;
      if (tile == 1 || (s.shape.size == 3 && s.shape.stride == 1)) all.push_back(s);
    }
  return all;
}

const std::vector<scene> scenes = in_all_forms();

}  // namespace

TEST_CASE("layers of few outputs and long filters are summed along the filter", "[nn]")
{
  REQUIRE(nn::detail::is_narrow(sized(3 * nn::detail::lanes, nn::detail::most_narrow_columns, {.tile = 1})));
  REQUIRE_FALSE(nn::detail::is_narrow(sized(3 * nn::detail::lanes, nn::detail::most_narrow_columns + 1, {.tile = 1})));
  REQUIRE_FALSE(nn::detail::is_narrow(sized(3 * nn::detail::lanes - 1, 1, {.tile = 1})));
}

TEST_CASE("a convolution is the sum over its filter, whatever it reads and adds", "[nn]")
{
  for (const scene& s : scenes) {
    CAPTURE(s.shape.in, s.shape.out, s.shape.size, s.shape.stride, s.shape.tile, s.height, s.width, s.second,
            s.threads);
    inputs in(s);
    const nn::feature out = run(s, in);
    REQUIRE_THAT(largest_error(s, in, out), WithinAbs(0, rounding(s)));
  }
}

TEST_CASE("an image has the same bits alone and in a batch, on any number of threads", "[nn]")
{
  for (scene s : scenes) {
    s.threads = 1;
    inputs in(s);
    const nn::feature whole = run(s, in);
    const std::size_t image_size = whole.size() / whole.count();
    for (std::size_t threads : {1u, 2u, 5u}) {
      s.threads = threads;
      inputs same_numbers(s);
      const nn::feature again = run(s, same_numbers);
      REQUIRE(std::equal(whole.data(), whole.data() + whole.size(), again.data()));
    }
    if (s.adds || s.scales || s.second) continue;
    nn::feature last = in.work.make(1, in.first.channels(), in.first.height(), in.first.width());
    std::copy_n(in.first.pixel(s.images - 1, 0, 0), last.size(), last.data());
    const nn::feature alone = nn::convolve(in.layer, {{&last}, s.height, s.width, nullptr, s.act}, {}, in.work);
    REQUIRE(std::equal(alone.data(), alone.data() + image_size, whole.pixel(s.images - 1, 0, 0)));
  }
}

TEST_CASE("a convolution may add to what is in its result", "[nn]")
{
  for (const std::size_t tile : {1u, 2u, 4u}) {
    scene s{.shape = sized(10, 23, same_size), .images = 2, .height = 7, .width = 6, .adds = true};
    s.shape.tile = tile;
    inputs in(s);
    const nn::feature apart = run(s, in);
    nn::feature within = in.add;
    nn::convolve(in.layer, nn::plain(in.first), {&in.shift, &within, 0.7f}, in.work, within);
    REQUIRE(std::equal(apart.data(), apart.data() + apart.size(), within.data()));
  }
}

TEST_CASE("the form of a convolution follows from its shape", "[nn]")
{
  const auto tile = [](nn::convolution shape) {
    const std::vector<float> weights(shape.in * shape.out * shape.size * shape.size);
    return nn::prepare_convolution(shape, weights, {}).tile;
  };
  REQUIRE(tile(sized(64, 64, same_size)) == 4);
  REQUIRE(tile(sized(512, 1024, same_size)) == 4);
  REQUIRE(tile(sized(512, 1025, same_size)) == 2);
  REQUIRE(tile(sized(3, 64, same_size)) == 1);
  REQUIRE(tile(sized(64, 1, same_size)) == 1);
  REQUIRE(tile({.in = 64, .out = 64}) == 1);
  REQUIRE(tile({.in = 64, .out = 64, .size = 3, .stride = 2, .pad = 1, .pad_behind = 1}) == 1);
  nn::convolution forced = sized(64, 64, same_size);
  forced.tile = 1;
  REQUIRE(tile(forced) == 1);
}
