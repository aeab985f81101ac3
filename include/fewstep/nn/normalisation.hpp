/// @file
/// Group normalisation (Wu and He 2018, arXiv:1803.08494), reduced to one scale and one shift per image and channel:
/// the layer that follows applies them while it reads.
#pragma once

#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/packet.hpp"
#include "fewstep/nn/workspace.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// y = (x - mean) / sqrt(variance + eps) * gamma + beta, where mean and (biased) variance are taken over the pixels of
/// an image and the channels of a group.
struct group_norm {
  std::size_t groups = 1;
  double eps = 1e-5;
  std::vector<float> gamma{}, beta{};  ///< (channels)
  std::vector<double> group_eps{};     ///< one for each group in the place of eps; mostly empty
};

namespace detail {

/// Sums in single precision run over at most so many numbers, and go on in double.
inline constexpr std::size_t single_run = 64;

/// Per channel, the mean over all pixels and the sum of squared deviations from it.
struct moments {
  std::span<double> means, deviations;

  moments part(std::size_t first, std::size_t count) const
  {
    return {means.subspan(first, count), deviations.subspan(first, count)};
  }
};

/// The moments of up to V registers of neighbouring channels of an image. Sums are taken relative to the first pixel,
/// so a large mean does not drown a small variance.
template <std::size_t V>
void channel_moments(const float* from, std::size_t pixels, std::size_t channels, const moments& to)
{
  packet origin[V];
  unroll<V>([&](auto v) { origin[v] = floats::load(from + v * lanes); });
  double sums[V * lanes]{}, squares[V * lanes]{};
  for (std::size_t begin = 0; begin < pixels; begin += single_run) {
    packet sum[V], square[V];
    unroll<V>([&](auto v) { sum[v] = square[v] = floats::fill(0); });
    for (std::size_t pixel = begin; pixel < std::min(pixels, begin + single_run); ++pixel)
      unroll<V>([&](auto v) {
        const packet x = floats::subtract(floats::load(from + pixel * channels + v * lanes), origin[v]);
        sum[v] = floats::add(sum[v], x);
        square[v] = floats::multiply_add(x, x, square[v]);
      });
    float run[2][V * lanes];
    unroll<V>([&](auto v) {
      floats::store(run[0] + v * lanes, sum[v]);
      floats::store(run[1] + v * lanes, square[v]);
    });
    for (std::size_t c = 0; c < V * lanes; ++c) sums[c] += run[0][c], squares[c] += run[1][c];
  }
  const auto n = static_cast<double>(pixels);
  for (std::size_t c = 0; c < to.means.size(); ++c) {
    to.means[c] = static_cast<double>(from[c]) + sums[c] / n;
    to.deviations[c] = std::max(0.0, squares[c] - sums[c] * sums[c] / n);
  }
}

/// Channels whose moments one task takes: four registers.
inline constexpr std::size_t slab = 4 * lanes;

/// `first` is a multiple of `slab`, `to` as long as the slab.
inline void slab_moments(const feature& x, std::size_t image, std::size_t first, const moments& to)
{
  const float* from = x.pixel(image, 0, 0) + first;
  const std::size_t pixels = x.height() * x.width();
  switch (whole_packets(to.means.size()) / lanes) {
    case 1:
      return channel_moments<1>(from, pixels, x.channels(), to);
    case 2:
      return channel_moments<2>(from, pixels, x.channels(), to);
    case 3:
      return channel_moments<3>(from, pixels, x.channels(), to);
    default:
      return channel_moments<4>(from, pixels, x.channels(), to);
  }
}

/// The moments (count, channels of both parts) of every image and channel.
inline moments all_moments(const joined& x, workspace& work)
{
  const std::size_t channels = x.channels(), images = x.first->count();
  const std::span<double> numbers = work.statistics(2 * images * channels);
  const moments all{numbers.first(images * channels), numbers.last(images * channels)};
  std::size_t before = 0;
  for (const feature* part : {x.first, x.second}) {
    if (!part) continue;
    const std::size_t slabs = (part->channels() + slab - 1) / slab;
    const auto task = [&](std::size_t k, std::size_t) {
      const std::size_t image = k / slabs, first = k % slabs * slab;
      const std::size_t count = std::min(slab, part->channels() - first);
      slab_moments(*part, image, first, all.part(image * channels + before + first, count));
    };
    work.threads().run(images * slabs, task, part->size() < worth_waking);
    before += part->channels();
  }
  return all;
}

/// Mean and sqrt(variance + eps) of a group of channels of `pixels` numbers each.
inline std::pair<double, double> group_moments(const moments& channels, double pixels, double eps)
{
  const auto width = static_cast<double>(channels.means.size());
  double mean = 0, deviations = 0;
  for (const double channel : channels.means) mean += channel / width;
  for (const double channel : channels.means) deviations += (channel - mean) * (channel - mean) * pixels;
  for (const double channel : channels.deviations) deviations += channel;
  return {mean, std::sqrt(deviations / (pixels * width) + eps)};
}

}  // namespace detail

/// (count, 2 * channels): the scales gamma / sqrt(variance + eps), then the shifts beta - mean * scale. Groups run over
/// the channels of both parts and may straddle the border.
inline feature normalise(const group_norm& norm, const joined& x, workspace& work)
{
  const std::size_t channels = x.channels(), width = channels / norm.groups;
  assert(norm.gamma.size() == channels && width * norm.groups == channels);
  const auto pixels = static_cast<double>(x.first->height() * x.first->width());
  const detail::moments all = detail::all_moments(x, work);
  feature out = work.make(x.first->count(), 2 * channels);
  for (std::size_t image = 0; image < out.count(); ++image) {
    float* const scales = out.pixel(image, 0, 0);
    for (std::size_t first = 0; first < channels; first += width) {
      const auto group = all.part(image * channels + first, width);
      const double eps = norm.group_eps.empty() ? norm.eps : norm.group_eps[first / width];
      const auto [mean, deviation] = detail::group_moments(group, pixels, eps);
      for (std::size_t c = first; c < first + width; ++c) {
        const double scale = static_cast<double>(norm.gamma[c]) / deviation;
        scales[c] = static_cast<float>(scale);
        scales[channels + c] = static_cast<float>(static_cast<double>(norm.beta[c]) - mean * scale);
      }
    }
  }
  return out;
}

}  // namespace fewstep::nn
