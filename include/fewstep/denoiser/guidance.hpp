/// @file
/// Classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598) with a negative condition, its restriction to an
/// interval of noise levels (Kynkaanniemi et al. 2024, arXiv:2404.07724), the rescaled form (Lin et al. 2023,
/// arXiv:2305.08891) and CFG++ (Chung et al. 2024, arXiv:2406.08070).
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace fewstep {

/// A guidance scale: a number, or a function of the noise level.
template <class S>
concept guidance_scale = std::convertible_to<S, double> || requires(const S& scale, const noise_level& at)
{
  static_cast<double>(scale(at));
};

/// `scale` where sigma / alpha lies in (low, high], and 1, which costs one evaluation, elsewhere.
struct guidance_interval {
  double scale;
  double low = 0;
  double high = HUGE_VAL;

  double operator()(const noise_level& at) const
  {
    const double ratio = noise_to_signal(at);
    return ratio > low && ratio <= high ? scale : 1;
  }
};

namespace detail {

template <guidance_scale S>
double scale_at(const S& scale, const noise_level& at)
{
  if constexpr (std::convertible_to<S, double>)
    return static_cast<double>(scale);
  else
    return static_cast<double>(scale(at));
}

inline void require_scale(double scale)
{
  if (!std::isfinite(scale))
    throw std::invalid_argument("a guidance scale must be finite, but is " + std::to_string(scale));
}

inline void require_scale(const guidance_interval& interval)
{
  require_scale(interval.scale);
  if (!(interval.low >= 0 && interval.high > interval.low))
    throw std::invalid_argument("guidance needs an interval 0 <= low < high of sigma / alpha, but has " +
                                std::to_string(interval.low) + " to " + std::to_string(interval.high));
}

template <class S>
void require_scale(const S&)
{
}

/// The standard deviation of a sample's numbers, with n - 1 below, as torch has it.
template <class S>
double deviation(std::span<S> numbers)
{
  double mean = 0, squares = 0;
  for (const auto number : numbers) mean += static_cast<double>(number);
  mean /= static_cast<double>(numbers.size());
  for (const auto number : numbers)
    squares += (static_cast<double>(number) - mean) * (static_cast<double>(number) - mean);
  return std::sqrt(squares / static_cast<double>(numbers.size() - 1));
}

}  // namespace detail

/// negative + scale * (conditional - negative), where both denoisers predict the same kind and `negative` is the
/// network without a condition, or with one to steer away from. Scale 1 is the conditional network and costs one
/// evaluation, scale 0 the negative one. Throws std::invalid_argument unless scale is finite.
template <class D, class N, guidance_scale S>
auto guided(D conditional, N negative, S scale)
{
  detail::require_scale(scale);
  return
      [ conditional = detail::held<D>{std::move(conditional)}, negative = detail::held<N>{std::move(negative)},
        scale ]<tensor X>(const X& x, const evaluation& at, X& out) requires single_denoiser<D, X> &&
      single_denoiser<N, X>
  {
    const double weight = detail::scale_at(scale, at);
    if (weight == 0) return predict(negative.call, x, at, out);
    predict(conditional.call, x, at, out);
    if (weight == 1) return;
    std::optional<X> away;
    predict(negative.call, x, at, away);
    tensor_traits<X>::combine(out, weight, std::array{term<X>{1 - weight, &*away}});
  };
}

/// How far guidance that overexposes is brought back: 0 not at all, 1 to the deviation of the conditional prediction. A
/// batch holds `samples` samples, slowest in storage.
struct guidance_rescale {
  double strength = 0.7;
  std::size_t samples = 1;
};

/// The guided prediction g of each sample times strength * std(conditional) / std(g) + 1 - strength, as in diffusers:
/// Lin et al., eq. (14) to (16). Throws std::invalid_argument unless strength lies in [0, 1].
template <class D, class N, guidance_scale S>
auto guided(D conditional, N negative, S scale, guidance_rescale rescale)
{
  detail::require_scale(scale);
  if (!(rescale.strength >= 0 && rescale.strength <= 1))
    throw std::invalid_argument("the strength of guidance rescaling lies in [0, 1], but is " +
                                std::to_string(rescale.strength));
  return [
    conditional = detail::held<D>{std::move(conditional)}, negative = detail::held<N>{std::move(negative)}, scale,
    rescale
  ]<has_elements X>(const X& x, const evaluation& at, X& out) requires single_denoiser<D, X> && single_denoiser<N, X>
  {
    const double weight = detail::scale_at(scale, at);
    std::optional<X> wanted, away;
    predict(conditional.call, x, at, wanted);
    if (weight != 1) predict(negative.call, x, at, away);
    const std::array parts{term<X>{weight, &*wanted}, term<X>{1 - weight, away ? &*away : &*wanted}};
    tensor_traits<X>::combine(out, 0, parts);
    visit_elements(*wanted, [&](auto numbers) {
      const std::size_t size = detail::sample_size(numbers.size(), rescale.samples);
      fill_samples(out, rescale.samples, [&](std::size_t k, auto guided) {
        const double goal = detail::deviation(numbers.subspan(k * size, size)), is = detail::deviation(guided);
        const double factor = is > 0 ? rescale.strength * goal / is + 1 - rescale.strength : 1;
        for (auto& number : guided) number *= static_cast<std::remove_reference_t<decltype(number)>>(factor);
      });
    });
  };
}

/// CFG++: a step lands on the guided data and takes its noise from the negative prediction, so that scales in [0, 1] do
/// what ordinary guidance needs scales far above 1 for. Both denoisers predict data; for plans that weigh one data
/// prediction a row.
template <class D, class N, guidance_scale S>
auto guided_plus_plus(D conditional, N negative, S scale)
{
  detail::require_scale(scale);
  return
      [ conditional = detail::held<D>{std::move(conditional)}, negative = detail::held<N>{std::move(negative)},
        scale ]<tensor X>(const X& x, const evaluation& at, two_estimates<X>& out) requires single_denoiser<D, X> &&
      single_denoiser<N, X>
  {
    const double weight = detail::scale_at(scale, at);
    predict(conditional.call, x, at, out.data);
    predict(negative.call, x, at, out.direction);
    tensor_traits<X>::combine(out.data, weight, std::array{term<X>{1 - weight, &out.direction}});
  };
}

}  // namespace fewstep
