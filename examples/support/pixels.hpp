/// @file
/// Pixels of 8 bits and the numbers in [-1, 1] that networks see: x = p / 127.5 - 1.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace examples {

/// The pixel nearest to a number; what lies outside of [-1, 1] is black or white.
inline std::uint8_t pixel_of(float number)
{
  return static_cast<std::uint8_t>(std::lround((std::clamp(number, -1.0F, 1.0F) + 1) * 127.5F));
}

inline float number_of(std::uint8_t pixel)
{
  return static_cast<float>(pixel / 127.5 - 1);
}

}  // namespace examples
