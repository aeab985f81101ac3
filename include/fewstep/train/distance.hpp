/// @file
/// Distances of two batches, one number a sample: zero only for equal samples. Consistency models compare by L2, L1 and
/// features (Song et al. 2023, arXiv:2303.01469), iCT by the pseudo-Huber distance (arXiv:2310.14189), LCM and PCM by
/// its mean over elements.
#pragma once

#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/train/batch.hpp"

#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep::train {

/// distance(a, b, n) of two batches of n samples: n numbers.
// clang-format off
template <class M, class X>
concept distance = requires(const M& metric, const X& a, std::size_t samples) {
  { metric(a, a, samples) } -> std::same_as<X>;
};
// clang-format on

namespace detail {

template <differentiable X>
X difference(const X& a, const X& b, std::size_t samples)
{
  require_shape(a, b, "what a distance compares");
  require_samples(a, samples, "what a distance compares");
  return weighted(std::vector(samples, 1.0), a, std::vector(samples, -1.0), b);
}

/// Numbers in one of n samples.
template <differentiable X>
double sample_size(const X& x, std::size_t samples)
{
  double size = 1;
  for (const std::size_t extent : gradient_traits<X>::shape(x)) size *= static_cast<double>(extent);
  return size / static_cast<double>(samples);
}

inline double require_huber(double c)
{
  if (!(c > 0 && std::isfinite(c)))
    throw std::invalid_argument("the constant of a Huber distance must be positive, but is " + std::to_string(c));
  return c;
}

/// sqrt(squares + c^2) - c.
template <differentiable X>
X huber(const X& squares, std::size_t samples, double c, double factor = 1)
{
  const X root = gradient_traits<X>::root(weighted(std::vector(samples, factor), squares, c * c));
  return weighted(std::vector(samples, 1.0), root, -c);
}

}  // namespace detail

/// The mean of (a - b)^2.
struct l2 {
  template <differentiable X>
  X operator()(const X& a, const X& b, std::size_t samples) const
  {
    return gradient_traits<X>::means(gradient_traits<X>::square(detail::difference(a, b, samples)), samples);
  }
};

/// The mean of |a - b|.
struct l1 {
  template <differentiable X>
  X operator()(const X& a, const X& b, std::size_t samples) const
  {
    return gradient_traits<X>::means(gradient_traits<X>::magnitude(detail::difference(a, b, samples)), samples);
  }
};

/// The constant that iCT takes for samples of so many numbers: 0.00054 * sqrt(size); 0.0299 for 32 x 32 x 3.
inline double pseudo_huber_constant(std::size_t size)
{
  return 0.00054 * std::sqrt(static_cast<double>(size));
}

/// sqrt(|a - b|^2 + c^2) - c, |.| the Euclidean norm of a whole sample: squares nearby, a norm far off.
class pseudo_huber {
public:
  /// Throws std::invalid_argument unless c is positive.
  explicit pseudo_huber(double c) : c_(detail::require_huber(c)) {}

  template <differentiable X>
  X operator()(const X& a, const X& b, std::size_t samples) const
  {
    const double size = detail::sample_size(a, samples);
    return detail::huber(l2{}(a, b, samples), samples, c_, size);
  }

private:
  double c_;
};

/// The mean over elements of sqrt((a - b)^2 + c^2) - c: the Huber loss of the training code of LCM and PCM.
class element_huber {
public:
  /// Throws std::invalid_argument unless c is positive.
  explicit element_huber(double c = 0.001) : c_(detail::require_huber(c)) {}

  template <differentiable X>
  X operator()(const X& a, const X& b, std::size_t samples) const
  {
    const X squares = gradient_traits<X>::square(detail::difference(a, b, samples));
    return gradient_traits<X>::means(detail::huber(squares, samples, c_), samples);
  }

private:
  double c_;
};

/// The sum of the distances of features: features(x) is one batch of them, or a vector of batches, as LPIPS takes from
/// the layers of a classifier. Scaling, enlarging and normalising is the function's own; so is that equal features come
/// of equal samples only.
template <class F, class M = l2>
class feature_distance {
public:
  explicit feature_distance(F features, M metric = {}) : features_(std::move(features)), metric_(std::move(metric)) {}

  /// Throws std::invalid_argument if there is no feature.
  template <differentiable X>
  requires distance<M, X> X operator()(const X& a, const X& b, std::size_t samples) const
  {
    auto of_a = features_(a), of_b = features_(b);
    if constexpr (std::convertible_to<decltype(of_a), X>) {
      return metric_(static_cast<const X&>(of_a), static_cast<const X&>(of_b), samples);
    } else {
      if (of_a.empty()) throw std::invalid_argument("a feature distance needs at least one feature, but got none");
      X total = metric_(of_a.front(), of_b.front(), samples);
      const std::vector ones(samples, 1.0);
      for (std::size_t j = 1; j < of_a.size(); ++j)
        total = detail::weighted(ones, total, ones, metric_(of_a[j], of_b[j], samples));
      return total;
    }
  }

private:
  F features_;
  M metric_;
};

}  // namespace fewstep::train
