/// @file
/// Access to the numbers of a tensor, for the features that need more than the linear combination.
#pragma once

#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace fewstep {

namespace detail {

struct any_numbers {
  template <class S>
  void operator()(std::span<S>) const
  {
  }
};

}  // namespace detail

/// X gives access to its numbers. Scalars and contiguous tensors do; for another, add two members to tensor_traits<X>:
///
///     static void visit(const X& x, F&& f);   // f(std::span<const S>), once, S a floating-point type
///     static void edit(X& x, F&& f);          // f(std::span<S>), once; what f leaves there becomes x
///
/// The span holds all numbers of x, samples slowest. It may be a copy. If X is a handle, `edit` does not write to
/// storage that x shares with another handle.
template <class X>
concept has_elements = std::floating_point<X> || contiguous<X> || requires(X& x, const X& source, detail::any_numbers f)
{
  tensor_traits<X>::visit(source, f);
  tensor_traits<X>::edit(x, f);
};

/// Calls f(numbers of x) with a std::span<const S>.
template <has_elements X, class F>
void visit_elements(const X& x, F&& f)
{
  if constexpr (std::floating_point<X>)
    f(std::span<const X>(&x, 1));
  else if constexpr (contiguous<X>)
    f(elements(x));
  else
    tensor_traits<X>::visit(x, f);
}

/// Calls f(numbers of x) with a std::span<S>, to be read and written.
template <has_elements X, class F>
void edit_elements(X& x, F&& f)
{
  if constexpr (std::floating_point<X>)
    f(std::span<X>(&x, 1));
  else if constexpr (contiguous<X>)
    f(elements(x));
  else
    tensor_traits<X>::edit(x, f);
}

namespace detail {

/// Numbers of one sample. Throws std::invalid_argument if `samples` do not fit.
inline std::size_t sample_size(std::size_t numbers, std::size_t samples)
{
  if (samples == 0 || numbers % samples != 0)
    throw std::invalid_argument("a tensor of " + std::to_string(numbers) + " numbers does not hold " +
                                std::to_string(samples) + " samples of one size");
  return numbers / samples;
}

}  // namespace detail

/// Calls f(k, numbers of sample k) for each of `samples` samples, with a std::span<S> that holds what was there, to be
/// read and written. Throws std::invalid_argument if the numbers of x do not divide into so many samples.
template <has_elements X, class F>
void fill_samples(X& x, std::size_t samples, F&& f)
{
  edit_elements(x, [&](auto numbers) {
    const std::size_t size = detail::sample_size(numbers.size(), samples);
    for (std::size_t k = 0; k < samples; ++k) f(k, numbers.subspan(k * size, size));
  });
}

}  // namespace fewstep
