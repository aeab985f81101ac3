/// @file
/// Eigen's matrices and arrays, fixed and dynamic, in either storage order, as tensors.
#pragma once

#include "fewstep/tensor/contiguous.hpp"

#include <Eigen/Core>

#include <concepts>

namespace fewstep {

// Only what owns its numbers: a Map or a Block shares them when copied, and an expression has none.

template <std::floating_point S, int R, int C, int O, int MR, int MC>
inline constexpr bool is_contiguous<Eigen::Matrix<S, R, C, O, MR, MC>> = true;

template <std::floating_point S, int R, int C, int O, int MR, int MC>
inline constexpr bool is_contiguous<Eigen::Array<S, R, C, O, MR, MC>> = true;

}  // namespace fewstep
