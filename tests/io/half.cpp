#include "fewstep/io/half.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using namespace fewstep;

namespace {

/// (-1)^sign * 2^(exponent - 15) * (1 + fraction / 1024), or 2^-14 * fraction / 1024 for exponent 0.
double value_of(std::uint16_t bits)
{
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

bool is_finite(std::uint16_t bits)
{
  return (bits & 0x7c00) != 0x7c00;
}

bool is_nan(std::uint16_t bits)
{
  return (bits & 0x7fff) > 0x7c00;
}

/// The nearest half of a positive number by search among all of them; ties go to the even one.
std::uint16_t nearest(double number)
{
  std::uint16_t above = 0;
  for (std::uint16_t step = 0x4000; step != 0; step >>= 1)  // binary search: positive halves are sorted as integers
    if (above + step <= 0x7c00 && value_of(static_cast<std::uint16_t>(above + step - 1)) < number) above += step;
  if (above == 0) return 0;
  const auto below = static_cast<std::uint16_t>(above - 1);
  const double up = value_of(above) - number, down = number - value_of(below);  // value_of(0x7c00) is 2^16
  if (up == down) return above % 2 == 0 ? above : below;
  return up < down ? above : below;
}

}  // namespace

TEST_CASE("every half is the float that its bits define", "[io][half]")
{
  for (unsigned all = 0; all < 0x10000; ++all) {
    const auto bits = static_cast<std::uint16_t>(all);
    const float number = half_to_float(bits);
    CAPTURE(bits, number);
    REQUIRE(std::signbit(number) == (bits >= 0x8000));
    if (is_finite(bits)) REQUIRE(static_cast<double>(number) == value_of(bits));
    if (!is_finite(bits)) REQUIRE((is_nan(bits) ? std::isnan(number) : std::isinf(number)));
  }
}

TEST_CASE("every half comes back from its float", "[io][half]")
{
  for (unsigned all = 0; all < 0x10000; ++all) {
    const auto bits = static_cast<std::uint16_t>(all);
    const std::uint16_t back = float_to_half(half_to_float(bits));
    CAPTURE(bits, back);
    if (is_nan(bits)) REQUIRE((is_nan(back) && (back | 0x200) == (bits | 0x200)));
    if (!is_nan(bits)) REQUIRE(back == bits);
  }
}

TEST_CASE("a float becomes the nearest half, ties to even", "[io][half]")
{
  std::vector<float> numbers{0.0f, 65504.0f, 65519.99f, 65520.0f, 65536.0f, 1e30f, 1e-30f, 0x1p-25f, 0x1.000002p-25f};
  for (std::uint16_t bits = 0; bits < 0x7bff; ++bits) {  // the middle of two halves, and the floats beside it
    const auto middle = static_cast<float>((value_of(bits) + value_of(static_cast<std::uint16_t>(bits + 1))) / 2);
    numbers.insert(numbers.end(), {std::nextafter(middle, 0.0f), middle, std::nextafter(middle, 1e9f)});
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i)
    numbers.push_back(std::ldexp(static_cast<float>(random()), static_cast<int>(random() % 60) - 62));

  for (const float number : numbers) {
    CAPTURE(number);
    const std::uint16_t expected = number >= 65520.0f ? std::uint16_t{0x7c00} : nearest(number);
    REQUIRE(float_to_half(number) == expected);
    REQUIRE(float_to_half(-number) == (expected | 0x8000));
  }
}

TEST_CASE("infinities and NaN stay what they are", "[io][half]")
{
  const float infinity = std::numeric_limits<float>::infinity();
  REQUIRE(to_half(std::vector{infinity, -infinity, 1.0f, -2.0f}) ==
          std::vector<std::uint16_t>{0x7c00, 0xfc00, 0x3c00, 0xc000});
  REQUIRE(is_nan(float_to_half(std::numeric_limits<float>::quiet_NaN())));
  REQUIRE(is_nan(float_to_half(std::bit_cast<float>(0x7f800001u))));  // its payload does not fit in a half
}
