/// @file
/// Batches of normal data: the best denoiser, and the functions that consistency models and phased ones should learn.
#pragma once

#include "fewstep/audit/gaussian_data.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace fewstep::test {

using numbers = std::vector<double>;

/// f(x, level, k) for every number x of sample k.
template <class F>
numbers by_number(const numbers& x, std::span<const noise_level> at, F f)
{
  numbers out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t k = i / (x.size() / at.size());
    out[i] = f(x[i], at[k], k);
  }
  return out;
}

/// E[data | x].
inline auto exact_data(const gaussian_data& data = {})
{
  return [data](const numbers& x, std::span<const noise_level> at) {
    return by_number(x, at, [&](double number, const noise_level& level, std::size_t) { return data(number, level); });
  };
}

/// Where the flow takes x down to `end`.
inline auto exact_consistency(const noise_level& end, const gaussian_data& data = {})
{
  return [=](const numbers& x, std::span<const noise_level> at) {
    return by_number(
        x, at, [&](double number, const noise_level& level, std::size_t) { return data.flow(number, level, end); });
  };
}

/// The data by which one step of DDIM's form lands where the flow does, sample k at ends[k].
inline auto exact_phased(const std::vector<noise_level>& ends, const gaussian_data& data = {})
{
  return [=](const numbers& x, std::span<const noise_level> at) {
    return by_number(x, at, [&](double number, const noise_level& level, std::size_t k) {
      if (level == ends[k]) return 0.0;
      const plan_step row = first_order(level, ends[k], 0);
      return (data.flow(number, level, ends[k]) - row.keep * number) / row.model[0];
    });
  };
}

}  // namespace fewstep::test
