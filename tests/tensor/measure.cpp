#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/typed.hpp"

#include "fewstep/tensor/measure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// A tensor on some device: no elements, but operations of its own.
struct remote {
  double low = 0, high = 0;
  bool finite = true;
};

}  // namespace

template <>
struct fewstep::tensor_traits<remote> {
  static void clamp(remote& x, double low, double high) { x.low = low, x.high = high; }
  static bool all_finite(const remote& x) { return x.finite; }
};

TEST_CASE("a tensor without elements may still be clamped and checked", "[tensor]")
{
  STATIC_REQUIRE_FALSE(has_elements<remote>);
  STATIC_REQUIRE(clampable<remote>);
  STATIC_REQUIRE(measurable<remote>);
  STATIC_REQUIRE_FALSE(clampable<std::string>);
  STATIC_REQUIRE_FALSE(measurable<std::vector<int>>);

  remote x;
  clamp(x, -1, 2);
  REQUIRE(x.low == -1);
  REQUIRE(x.high == 2);
  REQUIRE(all_finite(x));
  REQUIRE_FALSE(all_finite(remote{.finite = false}));
}

TEMPLATE_TEST_CASE("clamping holds every number in bounds", "[tensor]", float, double)
{
  std::vector<TestType> x{-3, -1, TestType(-0.5), 0, 1, 7, TestType(infinity), TestType(-infinity)};
  clamp(x, -1, 0.25);
  REQUIRE(x == std::vector<TestType>{-1, -1, TestType(-0.5), 0, TestType(0.25), TestType(0.25), TestType(0.25), -1});

  TestType number = 3;
  clamp(number, -1, 1);
  REQUIRE(number == 1);
}

TEST_CASE("clamping keeps NaN, so that a guard behind it sees it", "[tensor]")
{
  std::vector<double> x{not_a_number, 2};
  clamp(x, -1, 1);
  REQUIRE(std::isnan(x[0]));
  REQUIRE(x[1] == 1);
}

TEST_CASE("one number that is not finite is found wherever it is", "[tensor]")
{
  std::vector<float> x(70, 1e38f);
  REQUIRE(all_finite(x));
  for (const double bad : {infinity, -infinity, not_a_number})
    for (std::size_t k = 0; k < x.size(); ++k) {
      auto spoilt = x;
      spoilt[k] = static_cast<float>(bad);
      REQUIRE_FALSE(all_finite(spoilt));
    }
  REQUIRE(all_finite(1.0));
  REQUIRE_FALSE(all_finite(not_a_number));
  REQUIRE(all_finite(std::vector<float>{}));
}

TEST_CASE("norm, product and distance are those of a right triangle", "[tensor]")
{
  const std::array<float, 2> a{3, 0}, b{0, 4};
  REQUIRE(fewstep::norm(a) == 3);
  REQUIRE(fewstep::dot(a, b) == 0);
  REQUIRE(fewstep::dot(b, b) == 16);
  REQUIRE(squared_distance(a, b) == 25);
  REQUIRE(fewstep::norm(-2.5) == 2.5);
  REQUIRE(fewstep::norm(std::vector<double>{}) == 0);
}

TEST_CASE("sums are over every number, whatever the count", "[tensor]")
{
  // integers: every order of summation is exact, so 1^2 + ... + n^2 has to come out
  for (std::size_t n = 0; n < 1100; ++n) {
    std::vector<double> x(n);
    for (std::size_t k = 0; k < n; ++k) x[k] = static_cast<double>(k + 1);
    const auto m = static_cast<double>(n);
    REQUIRE(fewstep::dot(x, x) == m * (m + 1) * (2 * m + 1) / 6);
  }
}

TEST_CASE("sums over many numbers lose no digits", "[tensor]")
{
  // a sum one by one of 2^22 squares of 0.1 errs by more than 1e-11 of it
  const std::vector<double> x(1 << 22, 0.1);
  const double square = 0.1 * 0.1;
  REQUIRE_THAT(fewstep::dot(x, x), WithinRel(static_cast<double>(x.size()) * square, 1e-14));
}

TEST_CASE("a sum of floats is that of doubles", "[tensor]")
{
  const std::vector<float> x{1e20f, 1, -1e20f, 3}, y{1e-20f, 1, 1e-20f, 0.1f};
  const double expected = double{1e20f} * double{1e-20f} + 1 - double{1e20f} * double{1e-20f} + 3 * double{0.1f};
  REQUIRE_THAT(fewstep::dot(x, y), WithinAbs(expected, 1e-15));
}

TEST_CASE("quantiles are interpolated as numpy does", "[tensor]")
{
  // numpy.quantile([1, 2, 3, 4], q): 1 + 3 q
  const std::vector<float> x{-4, 1, -2, 3};
  for (const double q : {0.0, 0.1, 0.25, 0.5, 0.995, 1.0})
    REQUIRE_THAT(quantile_abs(x, 1, q).at(0), WithinAbs(1 + 3 * q, 1e-15 * 4));
}

TEST_CASE("quantiles are taken sample by sample and agree with sorting", "[tensor]")
{
  const auto x = test::scrambled(std::vector<double>(3 * 101), 1);
  for (const double q : {0.0, 0.333, 0.5, 0.995, 1.0}) {
    const auto quantiles = quantile_abs(x, 3, q);
    REQUIRE(quantiles.size() == 3);
    for (std::size_t k = 0; k < 3; ++k) {
      std::vector<double> sorted(x.begin() + static_cast<std::ptrdiff_t>(101 * k),
                                 x.begin() + static_cast<std::ptrdiff_t>(101 * (k + 1)));
      for (double& number : sorted) number = std::abs(number);
      std::sort(sorted.begin(), sorted.end());
      const double position = 100 * q;
      const auto below = std::min<std::size_t>(99, static_cast<std::size_t>(position));
      const double part = position - static_cast<double>(below);
      REQUIRE_THAT(quantiles[k], WithinAbs((1 - part) * sorted[below] + part * sorted[below + 1], 1e-15));
    }
  }
}

TEST_CASE("a quantile of one number is that number, and of NaN is NaN", "[tensor]")
{
  REQUIRE(quantile_abs(-2.0, 1, 0.3) == std::vector<double>{2});
  const auto quantiles = quantile_abs(std::vector<float>{1, 2, static_cast<float>(not_a_number), 4, 1, 2}, 2, 0.5);
  REQUIRE(std::isnan(quantiles[0]));
  REQUIRE(quantiles[1] == 2);
  REQUIRE(quantile_abs(std::vector<double>{1, infinity}, 1, 0.5) == std::vector<double>{infinity});
}

TEST_CASE("a quantile out of range and samples that do not fit are refused", "[tensor]")
{
  const std::vector<double> x(6);
  const auto refusal = [&](std::size_t samples, double q) {
    return test::refusal<std::invalid_argument>([&] { quantile_abs(x, samples, q); });
  };
  REQUIRE(refusal(1, 1.5) == "a quantile must lie in [0, 1], but is 1.500000");
  REQUIRE(refusal(1, -0.1) == "a quantile must lie in [0, 1], but is -0.100000");
  REQUIRE(test::contains(refusal(1, not_a_number), "a quantile must lie in [0, 1]"));
  REQUIRE(refusal(4, 0.5) == "a tensor of 6 numbers does not hold 4 samples of one size");
}
