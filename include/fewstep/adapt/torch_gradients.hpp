/// @file
/// LibTorch's at::Tensor as a tensor with gradients, 1.13 and newer: what LibTorch's autograd records, on any device.
/// The first extent of a batch is the number of its samples.
#pragma once

#include "fewstep/adapt/torch.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fewstep {

namespace detail {

/// One number a sample, with extents that multiply those of x: (n, 1, ..., 1).
inline at::Tensor by_sample(const std::vector<double>& weights, const at::Tensor& x)
{
  std::vector<std::int64_t> extents(static_cast<std::size_t>(x.dim()), 1);
  extents.front() = static_cast<std::int64_t>(weights.size());
  at::Tensor numbers = x.new_empty(extents, at::TensorOptions(at::kCPU).dtype(at::kDouble));
  std::copy(weights.begin(), weights.end(), numbers.data_ptr<double>());
  return numbers.to(x.device(), x.scalar_type());
}

}  // namespace detail

template <>
struct gradient_traits<at::Tensor> {
  using X = at::Tensor;

  static std::vector<std::size_t> shape(const X& x) { return {x.sizes().begin(), x.sizes().end()}; }

  static bool holds(const X& x, std::size_t samples)
  {
    return samples > 0 && x.dim() > 0 && x.numel() > 0 && x.size(0) == static_cast<std::int64_t>(samples);
  }

  static X sum(std::span<const sample_term<X>> terms, double constant)
  {
    X total;
    for (const auto& [weights, of] : terms) {
      const X part = of->mul(detail::by_sample(weights, *of));
      total = total.defined() ? total.add(part) : part;
    }
    return constant == 0 ? total : total.add(constant);
  }

  static X square(const X& x) { return x.square(); }
  static X magnitude(const X& x) { return x.abs(); }
  static X root(const X& x) { return x.sqrt(); }
  static X means(const X& x, std::size_t parts) { return x.reshape({static_cast<std::int64_t>(parts), -1}).mean(1); }

  template <class F>
  static auto without_gradients(F&& f)
  {
    const c10::NoGradGuard no_gradients;
    return f();
  }

  /// Into the storage that x has, so that a module sees it.
  static void update(X& x, double keep, std::span<const term<X>> terms)
  {
    const c10::NoGradGuard no_gradients;
    x.mul_(keep);
    for (const auto& [weight, of] : terms) x.add_(*of, weight);
  }
};

}  // namespace fewstep
