/// @file
/// How far two of LibTorch's tensors are apart.
#pragma once

#include <ATen/core/ivalue.h>  // before ATen/ops: clang++ refuses LibTorch 1.13 otherwise

#include <ATen/TensorOperators.h>

namespace fewstep::test {

/// max |a - b|, taken in double.
inline double largest_difference(const at::Tensor& a, const at::Tensor& b)
{
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace fewstep::test
