/// @file
/// A time as many numbers: sines and cosines at many frequencies.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <variant>
#include <vector>

namespace fewstep::nn {

/// Sines and cosines of t times `width / 2` frequencies (Ho et al. 2020, arXiv:2006.11239, after Vaswani et al. 2017):
///
///     frequency k = 10000^(-k / (width / 2 - shift))
struct sinusoid {
  std::size_t width = 0;      ///< even
  bool cosines_first = true;  ///< diffusers' `flip_sin_to_cos`
  double shift = 0;           ///< diffusers' `freq_shift`; 1 is EDM's `endpoint`
};

/// Sines, then cosines, of 2 pi t times frequencies that were drawn once and are saved with the weights (Tancik et al.
/// 2020, arXiv:2006.10739; Song et al. 2021, arXiv:2011.13456).
struct fourier_waves {
  std::vector<float> frequencies{};
  bool of_logarithm = false;  ///< of ln t in the place of t, which must be positive then
};

using time_waves = std::variant<sinusoid, fourier_waves>;

inline std::size_t width_of(const sinusoid& s)
{
  return s.width;
}

inline std::size_t width_of(const fourier_waves& f)
{
  return 2 * f.frequencies.size();
}

inline std::size_t width_of(const time_waves& waves)
{
  return std::visit([](const auto& kind) { return width_of(kind); }, waves);
}

/// Whether t must be positive.
inline bool takes_logarithm(const time_waves& waves)
{
  const auto* fourier = std::get_if<fourier_waves>(&waves);
  return fourier && fourier->of_logarithm;
}

namespace detail {

/// sines[k] and cosines[k] of angle(k).
template <class A>
void write_waves(std::span<float> sines, std::span<float> cosines, A&& angle)
{
  for (std::size_t k = 0; k < sines.size(); ++k) {
    const double phase = angle(k);
    sines[k] = static_cast<float>(std::sin(phase));
    cosines[k] = static_cast<float>(std::cos(phase));
  }
}

}  // namespace detail

/// Writes `width_of(s)` numbers.
inline void embed_time(const sinusoid& s, double t, float* to)
{
  const std::size_t half = s.width / 2;
  const std::span<float> first{to, half}, second{to + half, half};
  detail::write_waves(s.cosines_first ? second : first, s.cosines_first ? first : second, [&](std::size_t k) {
    const double exponent = static_cast<double>(k) / (static_cast<double>(half) - s.shift);
    return t * std::exp(-std::log(10000.0) * exponent);
  });
}

inline void embed_time(const fourier_waves& f, double t, float* to)
{
  const std::size_t half = f.frequencies.size();
  const double turns = f.of_logarithm ? std::log(t) : t;
  detail::write_waves({to, half}, {to + half, half}, [&](std::size_t k) {
    return 2 * std::numbers::pi * turns * static_cast<double>(f.frequencies[k]);
  });
}

inline void embed_time(const time_waves& waves, double t, float* to)
{
  std::visit([&](const auto& kind) { embed_time(kind, t, to); }, waves);
}

}  // namespace fewstep::nn
