/// @file
/// How large skips are beside what they are joined with: the diagnostic of Skip-Tuning (Ma et al. 2024,
/// arXiv:2402.15170, section 3). Networks that were distilled to few steps have smaller ratios.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/unet/unet.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace fewstep {

/// Where a network is to be looked at.
template <class X>
struct probe {
  X x;
  evaluation at;
};

/// Norms over all numbers of a batch: of the skip d_i and of the decoder's feature u_i that it is joined with.
struct skip_ratio {
  double skip = 0;
  double deep = 0;

  double value() const { return skip / deep; }
};

/// The ratios at one noise level, by connection.
struct skip_ratios_at {
  noise_level at{};
  std::vector<skip_ratio> connections{};
};

/// The mean of ||d_i|| / ||u_i|| over the connections: the one number by which the paper compares networks.
inline double mean_ratio(const skip_ratios_at& row)
{
  double sum = 0;
  for (const skip_ratio& ratio : row.connections) sum += ratio.value();
  return sum / static_cast<double>(row.connections.size());
}

/// Evaluates `net` at each input and returns the ratios there. `join` acts first: give a `skip_tuning` to see the
/// ratios that it leaves.
template <class X, unet<X> N, class J = plain_join>
std::vector<skip_ratios_at> skip_ratios(const N& net, const std::vector<probe<X>>& inputs, J&& join = {})
{
  using feature = typename N::feature;
  std::vector<skip_ratios_at> rows;
  for (const auto& [x, at] : inputs) {
    skip_ratios_at row{at, std::vector<skip_ratio>(net.connections())};
    const auto measure = [&](std::size_t i, const feature& deep, feature& skip, const evaluation&) {
      row.connections[i] = {fewstep::norm(skip), fewstep::norm(deep)};
    };
    evaluate(net, x, at, in_turn(join, measure));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace fewstep
