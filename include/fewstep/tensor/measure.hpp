/// @file
/// What some features ask of a tensor besides the linear combination: to be held in bounds, and to be measured.
#pragma once

#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace fewstep {

namespace detail {

/// Sum of summand(k), first <= k < last, in an order that depends on the range alone. The error grows with the
/// logarithm of the count, not with the count.
template <class F>
double pairwise_sum(std::size_t first, std::size_t last, const F& summand)
{
  if (last - first > 512) {
    const std::size_t middle = first + (last - first) / 2;
    return pairwise_sum(first, middle, summand) + pairwise_sum(middle, last, summand);
  }
  std::array<double, 8> lanes{};
  for (; first + lanes.size() <= last; first += lanes.size())
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) lanes[lane] += summand(first + lane);
  for (std::size_t lane = 0; first < last; ++first, ++lane) lanes[lane] += summand(first);
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/// Sum of f(a[k], b[k]) over the numbers of two tensors, in double.
template <class X, class F>
double sum_over(const X& a, const X& b, F f)
{
  double sum = 0;
  visit_elements(a, [&](auto u) {
    visit_elements(b, [&](auto v) {
      assert(u.size() == v.size());
      const auto summand = [&](std::size_t k) { return f(static_cast<double>(u[k]), static_cast<double>(v[k])); };
      sum = pairwise_sum(0, u.size(), summand);
    });
  });
  return sum;
}

/// The q-quantile of numbers that may be reordered, interpolated linearly; NaN if one of them is or there is none.
template <class S>
double quantile(std::span<S> numbers, double q)
{
  if (numbers.empty() || std::any_of(numbers.begin(), numbers.end(), [](S number) { return std::isnan(number); }))
    return std::numeric_limits<double>::quiet_NaN();
  const double position = q * static_cast<double>(numbers.size() - 1);
  const auto below = numbers.begin() + static_cast<std::ptrdiff_t>(position);
  std::nth_element(numbers.begin(), below, numbers.end());
  const double low = *below;
  const double part = position - std::floor(position);
  return part == 0 ? low : std::lerp(low, static_cast<double>(*std::min_element(below + 1, numbers.end())), part);
}

}  // namespace detail

template <class X>
concept clampable = has_elements<X> || requires(X& x)
{
  tensor_traits<X>::clamp(x, 0.0, 1.0);
};

/// x <- min(max(x, low), high), elementwise; NaN stays. A member `clamp` of tensor_traits<X> goes before.
template <clampable X>
void clamp(X& x, double low, double high)
{
  if constexpr (requires { tensor_traits<X>::clamp(x, low, high); })
    tensor_traits<X>::clamp(x, low, high);
  else
    edit_elements(x, [&]<class S>(std::span<S> numbers) {
      for (S& number : numbers) number = std::clamp(number, static_cast<S>(low), static_cast<S>(high));
    });
}

template <class X>
concept measurable = has_elements<X> || requires(const X& x)
{
  bool{tensor_traits<X>::all_finite(x)};
};

/// Whether x holds neither NaN nor infinity. A member `all_finite` of tensor_traits<X> goes before.
template <measurable X>
bool all_finite(const X& x)
{
  if constexpr (requires { tensor_traits<X>::all_finite(x); }) {
    return tensor_traits<X>::all_finite(x);
  } else {
    bool finite = true;
    visit_elements(x, [&](auto numbers) {
      finite = std::all_of(numbers.begin(), numbers.end(), [](auto number) { return std::isfinite(number); });
    });
    return finite;
  }
}

/// Sum of a * b. This and the next two are summed in double; write fewstep:: before them, for some libraries have
/// functions of these names.
template <has_elements X>
double dot(const X& a, const X& b)
{
  return detail::sum_over(a, b, [](double u, double v) { return u * v; });
}

/// Sum of (a - b)^2.
template <has_elements X>
double squared_distance(const X& a, const X& b)
{
  return detail::sum_over(a, b, [](double u, double v) { return (u - v) * (u - v); });
}

/// The Euclidean norm.
template <has_elements X>
double norm(const X& x)
{
  return std::sqrt(fewstep::dot(x, x));
}

/// The q-quantile of |x| in each of `samples` samples, interpolated linearly between neighbours as numpy and torch do.
/// What dynamic thresholding asks for (Saharia et al. 2022, arXiv:2205.11487). Throws std::invalid_argument if q is
/// not in [0, 1] or the numbers of x do not divide into so many samples.
template <has_elements X>
std::vector<double> quantile_abs(const X& x, std::size_t samples, double q)
{
  if (!(q >= 0 && q <= 1)) throw std::invalid_argument("a quantile must lie in [0, 1], but is " + std::to_string(q));
  std::vector<double> quantiles;
  visit_elements(x, [&]<class S>(std::span<S> numbers) {
    const std::size_t size = detail::sample_size(numbers.size(), samples);
    std::vector<std::remove_const_t<S>> sizes(size);
    for (std::size_t k = 0; k < samples; ++k) {
      std::ranges::transform(numbers.subspan(k * size, size), sizes.begin(), [](auto n) { return std::abs(n); });
      quantiles.push_back(detail::quantile(std::span(sizes), q));
    }
  });
  return quantiles;
}

}  // namespace fewstep
