/// @file
/// What training asks of a tensor: a few operations that record gradients, where each sample of a batch has weights of
/// its own.
#pragma once

#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace fewstep {

/// One summand of a combination by samples: weights[k] * (sample k of *of).
template <class X>
struct sample_term {
  std::vector<double> weights;
  const X* of;
};

/// Specialise to make X a tensor with gradients. A batch holds its samples one after the other, slowest in storage.
/// Nothing but `update` changes an argument; every result records how it came about, where X can. With n samples:
///
///     std::vector<std::size_t> shape(x);    // extents; none for a number
///     bool holds(x, n);                     // whether x is a batch of n samples
///     X sum(terms, constant);               // constant + sum of terms, at least one; each has n weights
///     X square(x), magnitude(x), root(x);   // x^2, |x| and sqrt(x), element by element
///     X means(x, n);                        // n numbers: the mean of each of n equal parts
///     R without_gradients(f);               // f(), a tensor, none of whose work is recorded: the stop-gradient
///     void update(x, keep, terms);          // x <- keep * x + terms, unrecorded, for all handles of x
template <class X>
struct gradient_traits;

namespace detail {

template <class X>
struct nothing_to_do {
  X operator()() const;
};

}  // namespace detail

// clang-format off
template <class X>
concept differentiable = tensor<X> && requires(X& x, const X& a, std::span<const sample_term<X>> terms,
                                               std::span<const term<X>> update, detail::nothing_to_do<X> f) {
  { gradient_traits<X>::shape(a) } -> std::same_as<std::vector<std::size_t>>;
  { gradient_traits<X>::holds(a, std::size_t{1}) } -> std::same_as<bool>;
  { gradient_traits<X>::sum(terms, 0.0) } -> std::same_as<X>;
  { gradient_traits<X>::square(a) } -> std::same_as<X>;
  { gradient_traits<X>::magnitude(a) } -> std::same_as<X>;
  { gradient_traits<X>::root(a) } -> std::same_as<X>;
  { gradient_traits<X>::means(a, std::size_t{1}) } -> std::same_as<X>;
  { gradient_traits<X>::without_gradients(f) } -> std::same_as<X>;
  gradient_traits<X>::update(x, 0.0, update);
};
// clang-format on

/// A vector of numbers has values and no gradients: objectives are proved on it, and trained on another tensor.
template <std::floating_point S>
struct gradient_traits<std::vector<S>> {
  using X = std::vector<S>;

  static std::vector<std::size_t> shape(const X& x) { return {x.size()}; }
  static bool holds(const X& x, std::size_t samples) { return samples > 0 && !x.empty() && x.size() % samples == 0; }

  static X sum(std::span<const sample_term<X>> terms, double constant)
  {
    const std::size_t samples = terms.front().weights.size(), size = terms.front().of->size() / samples;
    X out(samples * size);
    for (std::size_t i = 0; i < out.size(); ++i) {
      double total = constant;
      for (const auto& [weights, of] : terms) total += weights[i / size] * static_cast<double>((*of)[i]);
      out[i] = static_cast<S>(total);
    }
    return out;
  }

  static X square(const X& x)
  {
    return mapped(x, [](S number) { return number * number; });
  }
  static X magnitude(const X& x)
  {
    return mapped(x, [](S number) { return std::abs(number); });
  }
  static X root(const X& x)
  {
    return mapped(x, [](S number) { return std::sqrt(number); });
  }

  static X means(const X& x, std::size_t parts)
  {
    const std::size_t size = x.size() / parts;
    X out(parts);
    for (std::size_t k = 0; k < parts; ++k) {
      double total = 0;
      for (std::size_t i = 0; i < size; ++i) total += static_cast<double>(x[k * size + i]);
      out[k] = static_cast<S>(total / static_cast<double>(size));
    }
    return out;
  }

  template <class F>
  static auto without_gradients(F&& f)
  {
    return f();
  }

  static void update(X& x, double keep, std::span<const term<X>> terms) { tensor_traits<X>::combine(x, keep, terms); }

private:
  template <class F>
  static X mapped(X x, F f)
  {
    for (S& number : x) number = f(number);
    return x;
  }
};

/// A number is a batch of one.
template <std::floating_point X>
struct gradient_traits<X> {
  static std::vector<std::size_t> shape(X) { return {}; }
  static bool holds(X, std::size_t samples) { return samples == 1; }

  static X sum(std::span<const sample_term<X>> terms, double constant)
  {
    double total = constant;
    for (const auto& [weights, of] : terms) total += weights.front() * static_cast<double>(*of);
    return static_cast<X>(total);
  }

  static X square(X x) { return x * x; }
  static X magnitude(X x) { return std::abs(x); }
  static X root(X x) { return std::sqrt(x); }
  static X means(X x, std::size_t) { return x; }

  template <class F>
  static auto without_gradients(F&& f)
  {
    return f();
  }

  static void update(X& x, double keep, std::span<const term<X>> terms) { tensor_traits<X>::combine(x, keep, terms); }
};

/// The same numbers, with nothing recorded of where they came from.
template <differentiable X>
X stopped(const X& x, std::size_t samples)
{
  const sample_term<X> all{std::vector(samples, 1.0), &x};
  return gradient_traits<X>::without_gradients([&] { return gradient_traits<X>::sum(std::span(&all, 1), 0); });
}

}  // namespace fewstep
