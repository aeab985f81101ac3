/// @file
/// What a layer reads: features that are normalised, activated, gated, joined, enlarged and padded while they are read,
/// so that none of this is a pass over memory of its own.
#pragma once

#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/layer_norm.hpp"
#include "fewstep/nn/packet.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace fewstep::nn {

/// One feature, or two of the same height and width with their channels side by side, the first one's first.
struct joined {
  const feature* first = nullptr;
  const feature* second = nullptr;

  std::size_t channels() const { return first->channels() + (second ? second->channels() : 0); }
};

/// What a layer reads: act(scale * x + shift), with each image's scales and shifts, enlarged to height x width by
/// repeating pixels, the one at floor(y * height of x / height). One feature of that size may be read in two other
/// ways: each of its pixels normalised, or the first half of its channels times act(the second half).
struct input {
  joined from;
  std::size_t height, width;
  const feature* scales = nullptr;  ///< (count, 2 * channels): scales, then shifts; null for 1 and 0
  activation act = activation::none;
  const layer_norm* norm = nullptr;  ///< of the pixels; then there are neither scales nor activation
  bool gated = false;                ///< x = (a, b) is read as a * act(b); then there are no scales

  std::size_t channels() const { return gated ? from.channels() / 2 : from.channels(); }
};

/// The feature as it is.
inline input plain(const feature& x)
{
  return {{&x}, x.height(), x.width()};
}

namespace detail {

/// Lines of pixels from input line `first` on, which may lie outside, each `columns` pixels from column -pad on.
struct band {
  std::ptrdiff_t first;
  std::size_t lines, columns, pad;
};

/// Writes `count` pixels of a line. Whole registers are written; what exceeds a pixel is overwritten by the next one,
/// and the last one's excess by the padding or the next line.
template <activation A>
void write_pixels(const input& x, std::size_t image, std::size_t y, std::size_t count, float* to)
{
  const std::size_t channels = x.from.channels();
  const float* scales = x.scales ? x.scales->pixel(image, 0, 0) : nullptr;
  const auto write_part = [&](const feature& part, std::size_t column, std::size_t first) {
    const std::size_t source = part.width() == x.width ? column : column * part.width() / x.width;
    const float* from = part.pixel(image, part.height() == x.height ? y : y * part.height() / x.height, source);
    for_each_register(part.channels(), [&]<class F>(F, std::size_t c) {
      auto number = F::load(from + c);
      if (scales) {
        const float* scale = scales + first + c;
        number = F::multiply_add(number, F::load(scale), F::load(scale + channels));
      }
      F::store(to + first + c, activate<F, A>(number));
    });
  };
  for (std::size_t column = 0; column < count; ++column, to += channels) {
    write_part(*x.from.first, column, 0);
    if (x.from.second) write_part(*x.from.second, column, x.from.first->channels());
  }
}

/// The same for a * act(b).
template <activation A>
void write_gated(const input& x, std::size_t image, std::size_t y, std::size_t count, float* to)
{
  const std::size_t channels = x.channels();
  const float* from = x.from.first->pixel(image, y, 0);
  for (std::size_t column = 0; column < count; ++column, from += 2 * channels, to += channels)
    for_each_register(channels, [&]<class F>(F, std::size_t c) {
      F::store(to + c, F::multiply(F::load(from + c), activate<F, A>(F::load(from + channels + c))));
    });
}

inline void write_normalised(const input& x, std::size_t image, std::size_t y, std::size_t count, float* to)
{
  const std::size_t channels = x.channels();
  for (std::size_t column = 0; column < count; ++column, to += channels)
    normalise_pixel(*x.norm, x.from.first->pixel(image, y, column), channels, to);
}

inline void write_pixels(const input& x, std::size_t image, std::size_t y, std::size_t count, float* to)
{
  if (x.norm) return write_normalised(x, image, y, count, to);
  const auto write = [&](auto act) {
    return x.gated ? write_gated<act.value>(x, image, y, count, to) : write_pixels<act.value>(x, image, y, count, to);
  };
  switch (x.act) {
    case activation::none:
      return write(std::integral_constant<activation, activation::none>{});
    case activation::silu:
      return write(std::integral_constant<activation, activation::silu>{});
    case activation::gelu:
      return write(std::integral_constant<activation, activation::gelu>{});
    case activation::relu:
      return write(std::integral_constant<activation, activation::relu>{});
  }
}

inline void write_band(const input& x, std::size_t image, const band& b, float* to)
{
  const std::size_t channels = x.channels();
  for (std::size_t line = 0; line < b.lines; ++line, to += b.columns * channels) {
    const std::ptrdiff_t y = b.first + static_cast<std::ptrdiff_t>(line);
    if (y < 0 || y >= static_cast<std::ptrdiff_t>(x.height)) {
      std::fill_n(to, b.columns * channels, 0.0f);
      continue;
    }
    const std::size_t count = std::min(x.width, b.columns - b.pad);
    std::fill_n(to, b.pad * channels, 0.0f);
    write_pixels(x, image, static_cast<std::size_t>(y), count, to + b.pad * channels);
    std::fill_n(to + (b.pad + count) * channels, (b.columns - b.pad - count) * channels, 0.0f);
  }
}

}  // namespace detail

}  // namespace fewstep::nn
