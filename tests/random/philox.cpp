#include "fewstep/random/philox.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

using counter = std::array<std::uint32_t, 4>;

std::vector<double> normals(std::size_t count, const philox_key& key)
{
  std::vector<double> z(count);
  fill_normal(z, key);
  return z;
}

/// sum of f(k) / sqrt(count), a standard normal if the f(k) are independent with mean 0 and variance 1.
template <class F>
double standard_score(std::size_t count, F f)
{
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) sum += f(k);
  return sum / std::sqrt(static_cast<double>(count));
}

double correlation_score(const std::vector<double>& a, const std::vector<double>& b)
{
  return standard_score(a.size(), [&](std::size_t k) { return a[k] * b[k]; });
}

constexpr std::size_t many = 1'000'000;

}  // namespace

TEST_CASE("philox4x32 gives the known answers published with Random123", "[random]")
{
  REQUIRE(philox4x32({0, 0, 0, 0}, {0, 0}) == counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  REQUIRE(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
          counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  REQUIRE(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  STATIC_REQUIRE(philox4x32({0, 0, 0, 0}, {0, 0})[0] == 0x6627e8d5);
}

TEST_CASE("a key is laid out in counter and key as documented", "[random]")
{
  constexpr philox_key key{.seed = 0x299f31d0a4093822, .sample = 0x0370734413198a2e, .row = 0x85a308d3};
  const auto words = philox_words(key, 0x243f6a88);
  REQUIRE(words == std::array<std::uint64_t, 2>{0x94fdccebd16cfe09, 0x24126ea15001e420});
}

// The documented formula in 40 digits, by an independent program (Python integers and mpmath).
TEST_CASE("a normal is the documented function of seed, sample, row and element", "[random]")
{
  struct known {
    philox_key key;
    std::uint64_t element;
    double normal;
  };
  const known answers[] = {
      {{0x0, 0x0, 0x0}, 0, -0.50067616100199780726},
      {{0x0, 0x0, 0x0}, 1, 0.061710665181288771613},
      {{0x7, 0x0, 0x0}, 0, 0.73521107108642541733},
      {{0x7, 0x0, 0x0}, 1, -0.18553420556743574754},
      {{0x7, 0x1, 0x0}, 0, 1.5165798988075839025},
      {{0x7, 0x0, 0x1}, 0, -1.4107413080849979148},
      {{0x123456789abcdef, 0xfedcba9876543210, 0xffffffff}, 8589934591, 1.9867986120385826024},
      {{0x123456789abcdef, 0xfedcba9876543210, 0xfffffffe}, 123456, -0.36062219487474231344},
  };
  // Rounding of radius (up to 8.6) and angle (up to pi/4), a few units each.
  for (const auto& [key, element, normal] : answers)
    REQUIRE_THAT(philox_normal(key, element), WithinAbs(normal, 8.6 * 4 * 0x1p-53));
}

TEST_CASE("uniforms are the midpoints of 2^52 cells of the open unit interval", "[random]")
{
  REQUIRE(open_uniform(0) == 0x1p-53);
  REQUIRE(open_uniform(0xfff) == 0x1p-53);
  REQUIRE(open_uniform(0x1000) == 3 * 0x1p-53);
  REQUIRE(open_uniform(0x8000000000000000) == 0.5 + 0x1p-53);
  REQUIRE(open_uniform(~std::uint64_t{0}) == 1 - 0x1p-53);
  const philox_key key{.seed = 5, .sample = 6, .row = 7};
  REQUIRE(philox_uniform(key, 9) == open_uniform(philox_words(key, 4)[1]));
}

TEST_CASE("no normal exceeds sqrt(106 ln 2)", "[random]")
{
  const double largest = std::sqrt(106 * std::numbers::ln2);
  const auto diagonal = box_muller({0, 0});  // u = 2^-53, angle = -pi/4 + 2^-54 pi
  REQUIRE_THAT(std::hypot(diagonal[0], diagonal[1]), WithinAbs(largest, 1e-14));
  const auto axis = box_muller({0, 0x2000000000000000});  // v = 1/2 + 2^-53
  REQUIRE_THAT(axis[0], WithinAbs(largest, 1e-14));
  REQUIRE_THAT(axis[1], WithinAbs(0, 1e-14));
}

TEST_CASE("the top two bits turn a pair by quarters", "[random]")
{
  const std::uint64_t low = 0x0123456789abcdef, quarter = 0x4000000000000000;
  const auto [x, y] = box_muller({~low, low});
  REQUIRE(box_muller({~low, low + quarter}) == std::array{-y, x});
  REQUIRE(box_muller({~low, low + 2 * quarter}) == std::array{-x, -y});
  REQUIRE(box_muller({~low, low + 3 * quarter}) == std::array{y, -x});
}

TEST_CASE("filling a slice gives the numbers of its elements, wherever it begins and ends", "[random]")
{
  const philox_key key{.seed = 11, .sample = std::uint64_t{1} << 40, .row = start_row};
  std::vector<double> all(400);
  for (std::size_t k = 0; k < all.size(); ++k) all[k] = philox_normal(key, k);
  for (std::size_t first : std::array<std::size_t, 7>{0, 1, 2, 63, 127, 128, 129})
    for (std::size_t count : std::array<std::size_t, 9>{0, 1, 2, 3, 126, 127, 128, 129, 257}) {
      std::vector<double> slice(count);
      fill_normal(slice, key, first);
      CAPTURE(first, count);
      REQUIRE(std::equal(slice.begin(), slice.end(), all.begin() + static_cast<std::ptrdiff_t>(first)));
    }
}

TEST_CASE("the last elements of a stream can be reached", "[random]")
{
  const philox_key key{.seed = 3};
  const std::uint64_t end = std::uint64_t{1} << 33;
  std::array<double, 3> last{};
  fill_normal(last, key, end - 3);
  REQUIRE(last == std::array{philox_normal(key, end - 3), philox_normal(key, end - 2), philox_normal(key, end - 1)});
}

TEST_CASE("floats are the doubles rounded", "[random]")
{
  const philox_key key{.seed = 1, .sample = 2, .row = 3};
  const auto doubles = normals(999, key);
  std::vector<float> floats(doubles.size());
  fill_normal(floats, key);
  for (std::size_t k = 0; k < doubles.size(); ++k) REQUIRE(floats[k] == static_cast<float>(doubles[k]));
}

// Scores are standard normal: five is five standard errors. E z^2 = 1, E z^4 = 3, E z^6 = 15, E z^8 = 105.
TEST_CASE("a million normals have the moments of the normal law", "[random]")
{
  const auto z = normals(many, {.seed = 2024});
  const auto score = [&](auto f) { return standard_score(many, [&](std::size_t k) { return f(z[k]); }); };
  REQUIRE_THAT(score([](double x) { return x; }), WithinAbs(0, 5));
  REQUIRE_THAT(score([](double x) { return (x * x - 1) / std::sqrt(2.0); }), WithinAbs(0, 5));
  REQUIRE_THAT(score([](double x) { return x * x * x / std::sqrt(15.0); }), WithinAbs(0, 5));
  REQUIRE_THAT(score([](double x) { return (x * x * x * x - 3) / std::sqrt(96.0); }), WithinAbs(0, 5));
}

TEST_CASE("a million normals pass the Kolmogorov-Smirnov test", "[random]")
{
  auto z = normals(many, {.seed = 2025});
  std::sort(z.begin(), z.end());
  double distance = 0;
  for (std::size_t k = 0; k < many; ++k) {
    const double law = 0.5 * std::erfc(-z[k] / std::numbers::sqrt2);
    const double below = static_cast<double>(k) / many, above = static_cast<double>(k + 1) / many;
    distance = std::max({distance, law - below, above - law});
  }
  // P(sqrt(n) D > x) tends to 2 exp(-2 x^2), which is 1e-6 here.
  REQUIRE(std::sqrt(static_cast<double>(many)) * distance < std::sqrt(std::log(2e6) / 2));
}

TEST_CASE("neighbouring elements are uncorrelated, and so are their squares", "[random]")
{
  const auto z = normals(many, {.seed = 2026});
  for (std::size_t lag : std::array<std::size_t, 5>{1, 2, 3, 16, 128}) {
    CAPTURE(lag);
    const auto square = [&](std::size_t k) { return (z[k] * z[k] - 1) / 2; };
    REQUIRE_THAT(standard_score(many - lag, [&](std::size_t k) { return z[k] * z[k + lag]; }), WithinAbs(0, 5));
    REQUIRE_THAT(standard_score(many - lag, [&](std::size_t k) { return 2 * square(k) * square(k + lag); }),
                 WithinAbs(0, 5));
  }
}

TEST_CASE("streams of other seeds, samples and rows are uncorrelated", "[random]")
{
  const std::uint64_t high = std::uint64_t{1} << 32;
  const philox_key keys[] = {
      {.seed = 0},        {.seed = 1},       {.seed = high},
      {.sample = 1},      {.sample = high},  {.row = 1},
      {.row = start_row}, {.row = lift_row}, {.seed = 1, .sample = 1, .row = 1},
  };
  std::vector<std::vector<double>> streams;
  for (const philox_key& key : keys) streams.push_back(normals(100'000, key));
  for (std::size_t a = 0; a < streams.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) {
      CAPTURE(a, b);
      REQUIRE_THAT(correlation_score(streams[a], streams[b]), WithinAbs(0, 5));
    }
}
