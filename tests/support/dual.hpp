/// @file
/// Batches of numbers that carry one derivative: the smallest tensor with gradients, by forward differentiation.
#pragma once

#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace fewstep::test {

/// Numbers and their derivatives with respect to one parameter.
struct dual_batch {
  std::vector<double> value;
  std::vector<double> slope;

  /// Numbers that do not depend on the parameter.
  static dual_batch constant(std::vector<double> numbers)
  {
    std::vector<double> zeros(numbers.size(), 0.0);
    return {std::move(numbers), std::move(zeros)};
  }
};

/// Whether derivatives are being recorded.
inline bool& recording()
{
  static bool on = true;
  return on;
}

}  // namespace fewstep::test

template <>
struct fewstep::tensor_traits<fewstep::test::dual_batch> {
  using X = test::dual_batch;

  static void combine(X& x, double keep, std::span<const term<X>> terms)
  {
    for (std::size_t i = 0; i < x.value.size(); ++i) {
      x.value[i] *= keep, x.slope[i] *= keep;
      for (const auto& [weight, of] : terms) x.value[i] += weight * of->value[i], x.slope[i] += weight * of->slope[i];
    }
  }
};

template <>
struct fewstep::gradient_traits<fewstep::test::dual_batch> {
  using X = test::dual_batch;
  using numbers = gradient_traits<std::vector<double>>;

  static std::vector<std::size_t> shape(const X& x) { return numbers::shape(x.value); }
  static bool holds(const X& x, std::size_t samples) { return numbers::holds(x.value, samples); }

  static X sum(std::span<const sample_term<X>> terms, double constant)
  {
    std::vector<sample_term<std::vector<double>>> values, slopes;
    for (const auto& [weights, of] : terms) {
      values.push_back({weights, &of->value});
      slopes.push_back({weights, &of->slope});
    }
    return kept({numbers::sum(values, constant), numbers::sum(slopes, 0)});
  }

  static X square(const X& x)
  {
    return mapped(x, [](double v) { return std::pair{v * v, 2 * v}; });
  }
  static X magnitude(const X& x)
  {
    return mapped(x, [](double v) { return std::pair{std::abs(v), v < 0 ? -1.0 : 1.0}; });
  }
  static X root(const X& x)
  {
    return mapped(x, [](double v) { return std::pair{std::sqrt(v), 0.5 / std::sqrt(v)}; });
  }
  static X means(const X& x, std::size_t parts)
  {
    return kept({numbers::means(x.value, parts), numbers::means(x.slope, parts)});
  }

  template <class F>
  static auto without_gradients(F&& f)
  {
    const bool before = std::exchange(test::recording(), false);
    auto result = f();
    test::recording() = before;
    return result;
  }

  static void update(X& x, double keep, std::span<const term<X>> terms) { tensor_traits<X>::combine(x, keep, terms); }

  /// f(v) is value and derivative of a function at v.
  template <class F>
  static X mapped(X x, F f)
  {
    for (std::size_t i = 0; i < x.value.size(); ++i) {
      const auto [value, slope] = f(x.value[i]);
      x.value[i] = value;
      x.slope[i] *= slope;
    }
    return kept(std::move(x));
  }

private:
  static X kept(X x)
  {
    if (!test::recording()) x.slope.assign(x.slope.size(), 0.0);
    return x;
  }
};
