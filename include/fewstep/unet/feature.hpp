/// @file
/// What hooks ask of a feature besides being a tensor: its shape and its size in memory, as far as it tells.
#pragma once

#include "fewstep/tensor/contiguous.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace fewstep {

/// Lengths of the dimensions, zeros behind the last.
using feature_shape = std::array<std::size_t, 8>;

namespace detail {

/// By `sizes()` (LibTorch), `shape()` (xtensor, the engine of nn/, and what you write), `rows()` and `cols()` (Eigen)
/// or `size()` (containers); zeros for anything else, a number say.
template <class H>
feature_shape shape_of(const H& h)
{
  feature_shape out{};
  const auto fill = [&](const auto& lengths) {
    std::size_t rank = 0;
    for (const auto length : lengths)
      if (rank < out.size()) out[rank++] = static_cast<std::size_t>(length);
  };
  if constexpr (requires { h.sizes().begin(); }) {
    fill(h.sizes());
  } else if constexpr (requires { h.shape().begin(); }) {
    fill(h.shape());
  } else if constexpr (requires { h.rows() == h.cols(); }) {
    out = {static_cast<std::size_t>(h.rows()), static_cast<std::size_t>(h.cols())};
  } else if constexpr (requires { h.size() > 0; }) {
    out = {static_cast<std::size_t>(h.size())};
  }
  return out;
}

/// By `nbytes()` (LibTorch), or the numbers of a contiguous tensor; else the object itself.
template <class H>
std::size_t bytes_of(const H& h)
{
  if constexpr (requires { h.nbytes() > 0; })
    return static_cast<std::size_t>(h.nbytes());
  else if constexpr (contiguous<H>)
    return elements(h).size_bytes();
  else
    return sizeof(H);
}

}  // namespace detail

}  // namespace fewstep
