/// @file
/// A sampler is a table: one row per evaluation of the network, with every coefficient in it.
#pragma once

#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fewstep {

/// What the output of a network stands for, given x = alpha * data + sigma * noise:
///
///     velocity = alpha * noise - sigma * data    (Salimans and Ho 2022, arXiv:2202.00512)
///     score    = -noise / sigma                  (Song et al. 2021, arXiv:2011.13456)
///     flow     = noise - data                    (rectified flow, Liu et al. 2022, arXiv:2209.03003)
enum class prediction { data, noise, velocity, score, flow };

/// How many outputs a row may weigh. UniPC-3 and LMS-4 need four, PLMS with its doubled start five.
inline constexpr std::size_t max_history = 5;

/// Evaluates the network once, m_0 = denoise(x, at), then sets
///
///     x <- keep * x + sum_j model[j] * m_j + noise * z + last_noise * (z of the row before),   z ~ N(0, I),
///
/// where m_j is the output of j rows ago. The new x lives at the level of the next row.
struct plan_step {
  noise_level at{};
  double keep = 0;
  std::array<double, max_history> model{};
  double noise = 0;
  double last_noise = 0;

  bool operator==(const plan_step&) const = default;
};

/// Rows from the noisiest level to the cleanest.
struct sampling_plan {
  prediction predicts = prediction::data;  ///< what the outputs m_j stand for
  noise_level start{};                     ///< the level of the x that is given in
  double lift = 0;                         ///< deviation of the noise that is added to x before row 0
  std::vector<plan_step> steps{};
  noise_level end{};  ///< the level that the last row reaches

  bool operator==(const sampling_plan&) const = default;
};

/// The number of outputs that the plan weighs at once: 1 for first-order plans, at most `max_history`.
inline std::size_t depth(const sampling_plan& plan)
{
  std::size_t deepest = 1;
  for (const plan_step& step : plan.steps)
    for (std::size_t j = deepest; j < max_history; ++j)
      if (step.model[j] != 0) deepest = j + 1;
  return deepest;
}

/// Whether the plan draws noise.
inline bool is_stochastic(const sampling_plan& plan)
{
  const auto draws = [](const plan_step& step) { return step.noise != 0 || step.last_noise != 0; };
  return plan.lift != 0 || std::any_of(plan.steps.begin(), plan.steps.end(), draws);
}

/// A number that tells plans apart, by every coefficient. A saved run carries it, so that it is not continued with
/// another plan.
inline std::uint64_t hash(const sampling_plan& plan)
{
  bit_hash sum;
  sum.add(static_cast<double>(plan.predicts));
  sum.add(plan.start);
  sum.add(plan.lift);
  for (const plan_step& step : plan.steps) {
    sum.add(step.at);
    sum.add(step.keep);
    for (double weight : step.model) sum.add(weight);
    sum.add(step.noise);
    sum.add(step.last_noise);
  }
  sum.add(plan.end);
  return sum.code;
}

}  // namespace fewstep
