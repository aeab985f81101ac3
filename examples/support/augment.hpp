/// @file
/// Sprites changed at random as they are drawn: moved, turned, scaled, made thicker or thinner.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>

namespace examples {

/// A map of an image's plane about its middle, then a change of the strokes.
struct warp {
  double angle = 0;               ///< radians, counter-clockwise
  double scale = 1;               ///< above 1 enlarges
  std::array<double, 2> shift{};  ///< pixels, down and to the right
  double thickness = 0;           ///< part of the way from the image to its 3 x 3 maximum, below 0 to its minimum
};

/// The warp that six uniform numbers in (0, 1) draw: at strength 1 within 10 degrees, 10 % in scale, 2 pixels and half
/// of a stroke's widening; at strength 0 none.
inline warp drawn_warp(std::span<const double, 6> uniform, double strength)
{
  const auto symmetric = [&](std::size_t i, double most) { return (2 * uniform[i] - 1) * most * strength; };
  return {.angle = symmetric(0, std::numbers::pi / 18),
          .scale = std::exp(symmetric(1, 0.1)),
          .shift = {symmetric(2, 2), symmetric(3, 2)},
          .thickness = symmetric(4, 0.5)};
}

namespace detail {

/// The image at a place between pixels, linearly, and -1 outside.
inline float at_place(std::span<const float> image, std::size_t side, double y, double x)
{
  const double row = std::floor(y), column = std::floor(x), below = y - row, right = x - column;
  const auto pixel = [&](double v, double u) {
    if (v < 0 || u < 0 || v >= static_cast<double>(side) || u >= static_cast<double>(side)) return -1.0;
    return static_cast<double>(image[static_cast<std::size_t>(v) * side + static_cast<std::size_t>(u)]);
  };
  return static_cast<float>((1 - below) * ((1 - right) * pixel(row, column) + right * pixel(row, column + 1)) +
                            below * ((1 - right) * pixel(row + 1, column) + right * pixel(row + 1, column + 1)));
}

/// The largest of the 3 x 3 numbers around a pixel, or the smallest.
inline float extreme(std::span<const float> image, std::size_t side, std::size_t y, std::size_t x, bool largest)
{
  float out = image[y * side + x];
  for (std::size_t v = y - std::min<std::size_t>(y, 1); v <= std::min(y + 1, side - 1); ++v)
    for (std::size_t u = x - std::min<std::size_t>(x, 1); u <= std::min(x + 1, side - 1); ++u)
      out = largest ? std::max(out, image[v * side + u]) : std::min(out, image[v * side + u]);
  return out;
}

}  // namespace detail

/// out <- the square image `in` under the warp, both of side * side numbers in [-1, 1], -1 being empty.
inline void apply(const warp& by, std::span<const float> in, std::span<float> out, std::size_t side)
{
  const double middle = (static_cast<double>(side) - 1) / 2;
  const double cosine = std::cos(by.angle) / by.scale, sine = std::sin(by.angle) / by.scale;
  std::array<float, 64 * 64> moved;
  for (std::size_t y = 0; y < side; ++y)
    for (std::size_t x = 0; x < side; ++x) {
      const double v = static_cast<double>(y) - middle - by.shift[0], u = static_cast<double>(x) - middle - by.shift[1];
      moved[y * side + x] = detail::at_place(in, side, middle + cosine * v + sine * u, middle + cosine * u - sine * v);
    }
  const auto part = static_cast<float>(std::abs(by.thickness));
  const std::span<const float> image(moved.data(), side * side);
  for (std::size_t y = 0; y < side; ++y)
    for (std::size_t x = 0; x < side; ++x) {
      const float before = image[y * side + x];
      out[y * side + x] = before + part * (detail::extreme(image, side, y, x, by.thickness > 0) - before);
    }
}

}  // namespace examples
