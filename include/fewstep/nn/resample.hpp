/// @file
/// Features of half or twice the size, by a filter along both sides.
#pragma once

#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/input.hpp"
#include "fewstep/nn/workspace.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

namespace fewstep::nn {

enum class size_change { none, halved, doubled };

/// Along rows and columns, with pixels outside of x being zero and p = n / 2 - 1 for a filter of n numbers:
///
///     halved:   y(i) = sum over k of filter(k) * x(2 i + k - p)
///     doubled:  y(i) = 2 * sum over j of filter(i + p - 2 j) * x(j)
///
/// The filter 1/2, 1/2 takes the mean of four pixels, or repeats each one.
struct resampling {
  size_change change = size_change::none;
  std::vector<float> filter{0.5f, 0.5f};  ///< an even number of them, whose sum is 1
};

namespace detail {

/// What `length` pixels in a row become.
inline std::size_t resampled_length(const resampling& r, std::size_t length)
{
  return r.change == size_change::none ? length : r.change == size_change::halved ? length / 2 : 2 * length;
}

/// f(j, weight) for each of `length` pixels in a row that make the pixel i of the result.
template <class F>
void for_each_source(const resampling& r, std::size_t i, std::size_t length, F&& f)
{
  const std::size_t taps = r.filter.size(), before = taps / 2 - 1;
  for (std::size_t k = 0; k < taps; ++k) {
    const bool halved = r.change == size_change::halved;
    if (!halved && (i + before + k) % 2 != 0) continue;
    const std::size_t j = halved ? 2 * i + k - before : (i + before - k) / 2;  // below 0 is beyond the end
    if (j < length && (halved || k <= i + before)) f(j, halved ? r.filter[k] : 2 * r.filter[k]);
  }
}

/// One line of the result; `scratch` holds two lines of x.
inline void resample_line(const resampling& r, const input& x, std::size_t image, std::size_t y, float* scratch,
                          feature& out)
{
  const std::size_t channels = out.channels(), size = x.width * channels;
  float *const sum = scratch, *const line = scratch + size;
  std::fill_n(sum, size, 0.0f);
  for_each_source(r, y, x.height, [&](std::size_t source, float weight) {
    write_pixels(x, image, source, x.width, line);
    for (std::size_t k = 0; k < size; ++k) sum[k] += weight * line[k];
  });
  for (std::size_t column = 0; column < out.width(); ++column) {
    float* const to = out.pixel(image, y, column);
    std::fill_n(to, channels, 0.0f);
    for_each_source(r, column, x.width, [&](std::size_t source, float weight) {
      const float* from = sum + source * channels;
      for (std::size_t c = 0; c < channels; ++c) to[c] += weight * from[c];
    });
  }
}

}  // namespace detail

/// Whether all there is to do is to read each pixel twice along each side, which a layer does by itself.
inline bool repeats_pixels(const resampling& r)
{
  return r.change == size_change::doubled && r.filter.size() == 2 && r.filter[0] == r.filter[1];
}

/// The feature of half or twice the height and width of x.
inline feature resample(const resampling& r, const input& x, workspace& work)
{
  assert(r.change != size_change::none && r.filter.size() % 2 == 0);
  const std::size_t images = x.from.first->count(), channels = x.channels();
  const std::size_t height = detail::resampled_length(r, x.height), width = detail::resampled_length(r, x.width);
  feature out = work.make(images, channels, height, width);
  work.reserve_scratch(2 * x.width * channels);
  const auto task = [&](std::size_t k, std::size_t worker) {
    detail::resample_line(r, x, k / height, k % height, work.scratch(worker), out);
  };
  work.threads().run(images * height, task, out.size() < detail::worth_waking);
  return out;
}

}  // namespace fewstep::nn
