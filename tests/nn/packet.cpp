#include "fewstep/nn/packet.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using namespace fewstep::nn;
using namespace fewstep::nn::detail;
using Catch::Matchers::WithinAbs;

namespace {

template <class F, activation A>
float activated(float x)
{
  std::array<float, F::lanes> numbers{};
  F::store(numbers.data(), activate<F, A>(F::fill(x)));
  return numbers.back();
}

}  // namespace

TEMPLATE_TEST_CASE("activations follow their formulas to single precision", "[nn]", floats, half_floats)
{
  for (double x = -80; x < 80; x += 0.37) {
    const auto number = static_cast<float>(x);
    const double exact = static_cast<double>(number);
    CAPTURE(x);
    const double silu = exact / (1 + std::exp(-exact));
    REQUIRE_THAT(double(activated<TestType, activation::silu>(number)), WithinAbs(silu, 1e-36 + 1e-6 * std::abs(silu)));
    const double gelu = 0.5 * exact * std::erfc(-exact / std::sqrt(2.0));
    REQUIRE_THAT(double(activated<TestType, activation::gelu>(number)), WithinAbs(gelu, 1e-7 * (1 + std::abs(exact))));
    // erfc keeps its digits where it is small, but for those of exp(-z^2), which loses some as z^2 grows
    if (x > -8 && x < 0) {
      const double lost = 4e-7 + 2e-7 * exact * exact;
      REQUIRE_THAT(double(activated<TestType, activation::gelu>(number)), WithinAbs(gelu, lost * std::abs(gelu)));
    }
    REQUIRE(activated<TestType, activation::relu>(number) == std::max(number, 0.0f));
    REQUIRE(activated<TestType, activation::none>(number) == number);
  }
}

TEMPLATE_TEST_CASE("activations keep zero and what is not a number, and end at infinity as their limits do", "[nn]",
                   floats, half_floats)
{
  const float nan = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(std::isnan(activated<TestType, activation::silu>(nan)));
  REQUIRE(std::isnan(activated<TestType, activation::gelu>(nan)));
  REQUIRE(std::isnan(activated<TestType, activation::relu>(nan)));
  REQUIRE(activated<TestType, activation::silu>(0) == 0);
  REQUIRE(activated<TestType, activation::gelu>(0) == 0);
  REQUIRE(activated<TestType, activation::silu>(1e30f) == 1e30f);
  REQUIRE(activated<TestType, activation::gelu>(1e30f) == 1e30f);
  REQUIRE_THAT(double(activated<TestType, activation::gelu>(-1e30f)), WithinAbs(0, 1e-8));
  REQUIRE_THAT(double(activated<TestType, activation::silu>(-1e3f)), WithinAbs(0, 1e-30));
}

TEST_CASE("counts are rounded up to whole registers", "[nn]")
{
  REQUIRE(whole_packets(0) == 0);
  REQUIRE(whole_packets(1) == lanes);
  REQUIRE(whole_packets(lanes) == lanes);
  REQUIRE(whole_packets(lanes + 1) == 2 * lanes);
}

TEST_CASE("unrolling calls with every index in order", "[nn]")
{
  std::vector<std::size_t> seen;
  unroll<4>([&](auto i) { seen.push_back(i); });
  REQUIRE(seen == std::vector<std::size_t>{0, 1, 2, 3});
}

TEST_CASE("registers cover all numbers, with half of one at the end where that is enough", "[nn]")
{
  for (std::size_t count = 0; count < 5 * lanes; ++count) {
    std::size_t next = 0;
    for_each_register(count, [&]<class F>(F, std::size_t first) {
      REQUIRE(first == next);
      REQUIRE(first < count);
      if (F::lanes < lanes) REQUIRE(count - first <= F::lanes);
      next += F::lanes;
    });
    REQUIRE(next >= count);
    REQUIRE(next < count + lanes);
  }
}
