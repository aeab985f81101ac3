/// @file
/// Layer normalisation (Ba et al. 2016, arXiv:1607.06450) of one pixel at a time, done by the layer that reads it.
#pragma once

#include "fewstep/nn/packet.hpp"

#include <cmath>
#include <cstddef>

namespace fewstep::nn {

/// y = (x - mean) / sqrt(variance + eps) * gamma + beta, where mean and (biased) variance are those of the channels of
/// a pixel.
struct layer_norm {
  double eps = 1e-5;
  aligned_floats gamma{}, beta{};  ///< (channels), readable in whole registers
};

namespace detail {

/// The sum of f(x) over a pixel's channels.
template <class F, class G>
float sum_over(const float* x, std::size_t channels, const F& of_packet, const G& of_number)
{
  packet sums = floats::fill(0);
  std::size_t c = 0;
  for (; c + lanes <= channels; c += lanes) sums = floats::add(sums, of_packet(floats::load(x + c)));
  float sum = floats::sum(sums);
  for (; c < channels; ++c) sum += of_number(x[c]);
  return sum;
}

/// Writes a normalised pixel in whole registers. The variance is taken about the mean, so it keeps its digits where the
/// mean is large.
inline void normalise_pixel(const layer_norm& norm, const float* from, std::size_t channels, float* to)
{
  const auto count = static_cast<double>(channels);
  const auto same = [](const auto& x) { return x; };
  const auto mean = static_cast<float>(static_cast<double>(sum_over(from, channels, same, same)) / count);
  const packet means = floats::fill(mean);
  const auto square = [&](const packet& x) {
    const packet apart = floats::subtract(x, means);
    return floats::multiply(apart, apart);
  };
  const auto square_of = [&](float x) { return (x - mean) * (x - mean); };
  const double variance = static_cast<double>(sum_over(from, channels, square, square_of)) / count;
  const packet scale = floats::fill(static_cast<float>(1 / std::sqrt(variance + norm.eps)));
  for (std::size_t c = 0; c < channels; c += lanes) {
    const packet x = floats::multiply(floats::subtract(floats::load(from + c), means), scale);
    floats::store(to + c,
                  floats::multiply_add(x, floats::load(norm.gamma.data() + c), floats::load(norm.beta.data() + c)));
  }
}

}  // namespace detail

}  // namespace fewstep::nn
