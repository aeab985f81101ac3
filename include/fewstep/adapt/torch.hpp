/// @file
/// LibTorch's at::Tensor as a tensor, 1.13 and newer: floating-point tensors of any type, device and strides.
///
/// Float and double tensors on the CPU that lie dense in the same order take one pass a row, by our own kernel, on the
/// calling thread. All others (CUDA, float16, bfloat16, slices) take LibTorch's operators, term by term, those of 16
/// bits summed in float32. That path is tested on the CPU only; no CUDA machine was at hand.
///
/// No call records gradients. An at::Tensor is a handle: what a call changes gets fresh storage, unless this handle is
/// the only one to storage that LibTorch itself allocated.
#pragma once

#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cassert>
#include <cstddef>
#include <span>
#include <utility>

namespace fewstep {

namespace detail {

/// Whether nobody else can see what is written into x: no other tensor or view, no gradient, nor the owner of memory
/// that LibTorch was lent (from_blob, numpy).
inline bool may_write_into(const at::Tensor& x)
{
  return x.use_count() == 1 && x.storage().use_count() == 1 && x.storage().allocator() != nullptr && !x.requires_grad();
}

/// Whether the numbers of x lie in one piece of the CPU's memory.
inline bool is_dense(const at::Tensor& x)
{
  return x.is_cpu() && x.layout() == at::kStrided && x.is_non_overlapping_and_dense() && !x.is_neg();
}

/// Whether those of `of` lie beside them in the same order.
inline bool fits(const at::Tensor& x, const at::Tensor& of)
{
  return of.scalar_type() == x.scalar_type() && is_dense(of) && of.strides() == x.strides();
}

/// One pass by our kernel.
template <class S>
void combine_dense(at::Tensor& x, double keep, std::span<const term<at::Tensor>> terms)
{
  at::Tensor out = may_write_into(x) ? x : x.new_empty_strided(x.sizes(), x.strides());
  combine(out.data_ptr<S>(), x.data_ptr<S>(), static_cast<std::size_t>(x.numel()), keep, terms,
          [](const at::Tensor& of) { return of.data_ptr<S>(); });
  x = std::move(out);
}

/// 16-bit floating-point numbers, which LibTorch does not do all arithmetic on.
inline bool is_narrow(const at::Tensor& x)
{
  return x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16;
}

/// By LibTorch's operators, wherever the tensors live.
inline void combine_anywhere(at::Tensor& x, double keep, std::span<const term<at::Tensor>> terms)
{
  at::Tensor sum = is_narrow(x) ? x.to(at::kFloat).mul_(keep) : x.mul(keep);
  for (const auto& [weight, of] : terms) sum.add_(*of, weight);
  x = sum.to(x.scalar_type());
}

/// x in the CPU's memory, row-major, as double or float: x itself if it is that already.
inline at::Tensor visited(const at::Tensor& x)
{
  const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return x.to(at::kCPU, type).resolve_neg().contiguous();
}

template <class F>
void pass_numbers(const at::Tensor& x, F&& f)
{
  const auto size = static_cast<std::size_t>(x.numel());
  if (x.scalar_type() == at::kDouble)
    f(std::span(x.data_ptr<double>(), size));
  else
    f(std::span(x.data_ptr<float>(), size));
}

}  // namespace detail

template <>
struct tensor_traits<at::Tensor> {
  static void combine(at::Tensor& x, double keep, std::span<const term<at::Tensor>> terms)
  {
    const c10::NoGradGuard no_gradients;
    bool dense = detail::is_dense(x);
    for (const auto& summand : terms) {
      assert(summand.of->sizes() == x.sizes());
      dense = dense && detail::fits(x, *summand.of);
    }
    if (dense && x.scalar_type() == at::kFloat)
      detail::combine_dense<float>(x, keep, terms);
    else if (dense && x.scalar_type() == at::kDouble)
      detail::combine_dense<double>(x, keep, terms);
    else
      detail::combine_anywhere(x, keep, terms);
  }

  static void clamp(at::Tensor& x, double low, double high)
  {
    const c10::NoGradGuard no_gradients;
    if (detail::is_narrow(x))
      x = x.to(at::kFloat).clamp_(low, high).to(x.scalar_type());
    else if (detail::may_write_into(x))
      x.clamp_(low, high);
    else
      x = x.clamp(low, high);
  }

  static bool all_finite(const at::Tensor& x)
  {
    const c10::NoGradGuard no_gradients;
    return x.isfinite().all().item<bool>();
  }

  /// Row-major order whatever the strides, so that samples are slowest and noise goes by index. Numbers that are
  /// neither float nor double, or live elsewhere, are copied to the CPU as float.
  template <class F>
  static void visit(const at::Tensor& x, F&& f)
  {
    const c10::NoGradGuard no_gradients;
    detail::pass_numbers(detail::visited(x), [&]<class S>(std::span<S> numbers) { f(std::span<const S>(numbers)); });
  }

  template <class F>
  static void edit(at::Tensor& x, F&& f)
  {
    const c10::NoGradGuard no_gradients;
    const bool in_place = detail::may_write_into(x);
    at::Tensor numbers = detail::visited(x);
    const bool copied = !numbers.is_same(x);
    if (!copied && !in_place) numbers = numbers.clone();
    detail::pass_numbers(numbers, f);
    if (copied)
      x = x.clone().copy_(numbers);
    else if (!in_place)
      x = std::move(numbers);
  }
};

}  // namespace fewstep
