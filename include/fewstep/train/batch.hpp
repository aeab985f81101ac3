/// @file
/// What an objective is given of the data: clean samples, noise, and the level of each sample.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/differentiable.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::train {

/// Clean samples and the standard normal noise that is put on them, of one shape.
template <differentiable X>
struct batch {
  X data;
  X noise;
};

/// One level for each sample of a batch.
using batch_levels = std::span<const noise_level>;

namespace detail {

template <differentiable X>
std::string shape_of(const X& x)
{
  std::string text;
  for (const std::size_t extent : gradient_traits<X>::shape(x))
    text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + text + ")";
}

/// Throws std::invalid_argument unless x is a batch of so many samples.
template <differentiable X>
void require_samples(const X& x, std::size_t samples, const std::string& what)
{
  if (!gradient_traits<X>::holds(x, samples))
    throw std::invalid_argument(what + " of shape " + shape_of(x) + " cannot be a batch of " + std::to_string(samples) +
                                " samples, one for each level");
}

/// Throws std::invalid_argument unless x has the shape of `like`.
template <differentiable X>
void require_shape(const X& x, const X& like, const std::string& what)
{
  if (gradient_traits<X>::shape(x) != gradient_traits<X>::shape(like))
    throw std::invalid_argument(what + " must have the shape " + shape_of(like) + ", but has " + shape_of(x));
}

/// Throws std::invalid_argument unless there is one number for each of `samples` samples.
inline void require_count(std::size_t count, std::size_t samples, const std::string& what)
{
  if (count != samples)
    throw std::invalid_argument("a batch of " + std::to_string(samples) + " samples needs as many " + what +
                                ", but has " + std::to_string(count));
}

/// f(level) for each level.
template <class F>
std::vector<double> for_each_level(batch_levels at, F f)
{
  std::vector<double> each;
  for (const noise_level& level : at) each.push_back(f(level));
  return each;
}

/// constant + a_k x_k + b_k y_k for every sample k.
template <differentiable X>
X weighted(std::vector<double> a, const X& x, std::vector<double> b, const X& y, double constant = 0)
{
  const std::array<sample_term<X>, 2> terms{{{std::move(a), &x}, {std::move(b), &y}}};
  return gradient_traits<X>::sum(terms, constant);
}

template <differentiable X>
X weighted(std::vector<double> a, const X& x, double constant = 0)
{
  const std::array<sample_term<X>, 1> terms{{{std::move(a), &x}}};
  return gradient_traits<X>::sum(terms, constant);
}

}  // namespace detail

/// alpha * data + sigma * noise, each sample at its own level. Throws std::invalid_argument if data and noise differ in
/// shape, there are not as many levels as samples, or a level is none.
template <differentiable X>
X noised(const batch<X>& clean, batch_levels at)
{
  detail::require_shape(clean.noise, clean.data, "the noise of a batch");
  detail::require_samples(clean.data, at.size(), "data");
  for (const noise_level& level : at) require_level(level);
  return detail::weighted(detail::for_each_level(at, [](const noise_level& level) { return level.alpha; }), clean.data,
                          detail::for_each_level(at, [](const noise_level& level) { return level.sigma; }),
                          clean.noise);
}

/// What an objective gives: the loss of each sample, and the two tensors whose distance it is. The target has no
/// gradient.
template <differentiable X>
struct compared {
  X losses;
  X estimate;
  X target;
};

/// The mean over the batch of weights[k] * losses[k]; without weights of the losses. Throws std::invalid_argument
/// unless there is a finite weight for each loss.
template <differentiable X>
X mean(const X& losses, const std::vector<double>& weights)
{
  detail::require_samples(losses, weights.size(), "losses");
  for (const double weight : weights)
    if (!std::isfinite(weight))
      throw std::invalid_argument("the weight of a loss must be finite, but is " + std::to_string(weight));
  return gradient_traits<X>::means(detail::weighted(weights, losses), 1);
}

template <differentiable X>
X mean(const X& losses)
{
  return gradient_traits<X>::means(losses, 1);
}

}  // namespace fewstep::train
