/// @file
/// The blocks of EDM's networks from the tensors of a checkpoint, under the names that EDM's code gives them.
#pragma once

#include "fewstep/nn/blocks.hpp"
#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/edm_blueprint.hpp"
#include "fewstep/nn/layer_weights.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/normalisation.hpp"
#include "fewstep/nn/resample.hpp"
#include "fewstep/nn/weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::nn::detail {

/// A 3x3 convolution over x, one pixel beyond its borders, and then halving by a filter f, are one convolution with the
/// stride 2 and weights sum over j of f(k) w(j), k + j being the place: EDM's fused resampling.
inline convolution prepare_halving(std::size_t in, std::size_t out, const std::vector<float>& weights,
                                   const std::vector<float>& bias, const std::vector<float>& filter)
{
  const std::size_t taps = filter.size(), size = taps + 2;
  std::vector<double> sum(out * in * size * size);
  for (std::size_t pair = 0; pair < out * in; ++pair)
    for (std::size_t y = 0; y < 3 * taps; ++y)
      for (std::size_t x = 0; x < 3 * taps; ++x)
        sum[(pair * size + y / 3 + y % 3) * size + x / 3 + x % 3] +=
            static_cast<double>(filter[y / 3]) * static_cast<double>(filter[x / 3]) *
            static_cast<double>(weights[(pair * 3 + y % 3) * 3 + x % 3]);
  const convolution shape{.in = in, .out = out, .size = size, .stride = 2, .pad = taps / 2, .pad_behind = taps / 2};
  return prepare_convolution(shape, std::vector<float>(sum.begin(), sum.end()), bias);
}

/// Loads parts of the UNetBlock of EDM's code.
class edm_blocks {
public:
  edm_blocks(const edm_blueprint& design, weights& from) : design_(design), from_(from) {}

  group_norm norm(const std::string& name, std::size_t channels)
  {
    const std::size_t groups = std::min<std::size_t>(32, channels / 4);
    require_divides(groups, "the number of groups of " + name, channels);
    return load_norm(from_, name, channels, groups, design_.is_song() ? 1e-6 : 1e-5);
  }

  residual_block residual(const std::string& name, std::size_t in, std::size_t out,
                          size_change change = size_change::none)
  {
    residual_block b{.scale_shift = !design_.is_song(), .gain = gain()};
    const bool resampled = change != size_change::none;
    b.norm_1 = norm(name + ".norm0", in);
    if (resampled) b.resample = {change, filter(name + ".conv0")};
    b.conv_1 = load_convolution(from_, name + ".conv0", conv3x3(in, out));
    b.time = load_linear(from_, name + ".affine", design_.embedding_width(), b.scale_shift ? 2 * out : out);
    b.norm_2 = norm(name + ".norm1", out);
    b.conv_2 = load_convolution(from_, name + ".conv1", conv3x3(out, out));
    if (resampled) filter(name + ".skip");
    if (in != out || (resampled && design_.is_song()))
      b.shortcut = load_convolution(from_, name + ".skip", {.in = in, .out = out});
    return b;
  }

  /// Queries, keys and values of a channel are neighbours in the file.
  attention_block attention(const std::string& name, std::size_t channels)
  {
    attention_block b{.heads = design_.is_song() ? 1 : channels / design_.head_width, .gain = gain()};
    b.norm = norm(name + ".norm2", channels);
    const auto matrix = from_.take(name + ".qkv.weight", {3 * channels, channels, 1, 1});
    const auto bias = from_.take(name + ".qkv.bias", {3 * channels});
    std::vector<float> sorted_matrix, sorted_bias;
    for (std::size_t part = 0; part < 3; ++part)
      for (std::size_t row = part; row < 3 * channels; row += 3) {
        const auto first = matrix.begin() + static_cast<std::ptrdiff_t>(row * channels);
        sorted_matrix.insert(sorted_matrix.end(), first, first + static_cast<std::ptrdiff_t>(channels));
        sorted_bias.push_back(bias[row]);
      }
    b.queries_keys_values = prepare_convolution({.in = channels, .out = 3 * channels}, sorted_matrix, sorted_bias);
    b.out = load_convolution(from_, name + ".proj", {.in = channels, .out = channels});
    return b;
  }

  /// The aux_residual layer.
  path_end path_end_of(const std::string& name, std::size_t in, std::size_t out)
  {
    const auto matrix = from_.take(name + ".weight", {out, in, 3, 3}), bias = from_.take(name + ".bias", {out});
    return {prepare_halving(in, out, matrix, bias, filter(name)), gain()};
  }

private:
  float gain() const { return design_.is_song() ? static_cast<float>(1 / std::numbers::sqrt2) : 1; }

  /// The filter of a layer, which is saved with it, as its product with itself.
  std::vector<float> filter(const std::string& name)
  {
    const std::vector<float> along(design_.filter.begin(), design_.filter.end());
    const std::vector<float> saved = from_.take(name + ".resample_filter", {1, 1, along.size(), along.size()});
    for (std::size_t k = 0; k < saved.size(); ++k)
      if (!(std::abs(saved[k] - along[k / along.size()] * along[k % along.size()]) < 1e-5f))
        throw std::runtime_error(from_.subject(name + ".resample_filter") +
                                 " must hold the filter of the configuration, but has " + std::to_string(saved[k]) +
                                 " where that has " +
                                 std::to_string(along[k / along.size()] * along[k % along.size()]));
    return along;
  }

  const edm_blueprint& design_;
  weights& from_;
};

}  // namespace fewstep::nn::detail
