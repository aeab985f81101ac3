/// @file
/// Half precision (IEEE 754 binary16) as 16 bits: to float and back.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace fewstep {

/// The float that 16 bits of a half (IEEE 754 binary16) stand for, exactly; payloads of NaN are kept.
inline float half_to_float(std::uint16_t bits)
{
  const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 0x1fu, fraction = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;  // subnormal: all of them are normal floats
  return sign != 0 ? -magnitude : magnitude;
}

/// The nearest half, ties to even; above 65504 and its rounding interval an infinity. NaN stays NaN.
inline std::uint16_t float_to_half(float number)
{
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const std::uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  const auto with_sign = [&](std::uint32_t half) { return static_cast<std::uint16_t>(sign | half); };
  if (magnitude > 0x7f800000u) return with_sign(0x7e00u | (magnitude >> 13 & 0x3ffu));
  if (magnitude >= 0x477ff000u) return with_sign(0x7c00u);  // 65520, half way to 2^16
  const bool subnormal = magnitude < 0x38800000u;           // 2^-14
  if (magnitude < 0x33000000u) return with_sign(0);         // 2^-25, half way to the smallest
  // The fraction with its leading one, to be shifted down to the units of the half.
  const std::uint32_t exponent = magnitude >> 23;
  const std::uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
  const std::uint32_t shift = subnormal ? 126 - exponent : 13;
  const std::uint32_t kept = fraction >> shift, lost = fraction & ((1u << shift) - 1), tie = 1u << (shift - 1);
  const std::uint32_t rounded = kept + (lost > tie || (lost == tie && (kept & 1u) != 0) ? 1 : 0);
  return with_sign(subnormal ? rounded : ((exponent - 113) << 10) + rounded);
}

/// The nearest halves.
inline std::vector<std::uint16_t> to_half(std::span<const float> numbers)
{
  std::vector<std::uint16_t> halves(numbers.size());
  std::transform(numbers.begin(), numbers.end(), halves.begin(), float_to_half);
  return halves;
}

}  // namespace fewstep
