/// @file
/// Layers from the tensors of a checkpoint, as PyTorch names and lays them out: NAME.weight and NAME.bias.
#pragma once

#include "fewstep/nn/convolution.hpp"
#include "fewstep/nn/normalisation.hpp"
#include "fewstep/nn/weights.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace fewstep::nn::detail {

enum class has_bias { yes, no };

/// A convolution with weight (out, in, size, size).
inline convolution load_convolution(weights& from, const std::string& name, convolution shape,
                                    has_bias biased = has_bias::yes)
{
  if (from.filters() == filtering::direct) shape.tile = 1;
  const auto filter = from.take(name + ".weight", {shape.out, shape.in, shape.size, shape.size});
  const auto bias = biased == has_bias::yes ? from.take(name + ".bias", {shape.out}) : std::vector<float>();
  return prepare_convolution(shape, filter, bias);
}

/// The weight (out, in) of a linear layer. Old files have some as convolutions of size 1, (out, in, 1, 1).
inline std::vector<float> take_matrix(weights& from, const std::string& name, std::size_t in, std::size_t out)
{
  std::vector<std::size_t> shape{out, in};
  if (from.rank(name + ".weight") == 4) shape.insert(shape.end(), {1, 1});
  return from.take(name + ".weight", shape);
}

/// A linear layer with weight (out, in) and bias.
inline convolution load_linear(weights& from, const std::string& name, std::size_t in, std::size_t out)
{
  const auto matrix = take_matrix(from, name, in, out);
  return prepare_convolution({.in = in, .out = out}, matrix, from.take(name + ".bias", {out}));
}

/// Several linear layers over the same input as one, their outputs side by side.
inline convolution load_linears(weights& from, const std::vector<std::string>& names, std::size_t in, std::size_t out,
                                has_bias biased = has_bias::yes)
{
  std::vector<float> matrix, bias;
  for (const std::string& name : names) {
    const auto rows = take_matrix(from, name, in, out);
    matrix.insert(matrix.end(), rows.begin(), rows.end());
    if (biased == has_bias::no) continue;
    const auto numbers = from.take(name + ".bias", {out});
    bias.insert(bias.end(), numbers.begin(), numbers.end());
  }
  return prepare_convolution({.in = in, .out = out * names.size()}, matrix, bias);
}

inline group_norm load_norm(weights& from, const std::string& name, std::size_t channels, std::size_t groups,
                            double eps)
{
  return {groups, eps, from.take(name + ".weight", {channels}), from.take(name + ".bias", {channels})};
}

inline convolution conv3x3(std::size_t in, std::size_t out)
{
  return {.in = in, .out = out, .size = 3, .pad = 1, .pad_behind = 1};
}

}  // namespace fewstep::nn::detail
