/// @file
/// What can be known of a plan without a network: whether its rows carry each level's law into the next's.
#pragma once

#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// How far a row misses the law of the next level, if every prediction is exact and the data is one point: the share of
/// the data that x holds less alpha, and its variance less sigma^2. A row that is right has zeros (to rounding).
struct law_residual {
  double signal = 0;
  double variance = 0;
};

/// The residual of every row. With m_j = data_j * data + noise_j * eps for the plan's kind of prediction at the level
/// of j rows ago,
///
///     signal   = keep * alpha + sum_j model[j] data_j - alpha_to
///     variance = (keep * sigma + sum_j model[j] noise_j)^2 + 2 keep last_noise noise_before
///                + last_noise^2 + noise^2 - sigma_to^2.
///
/// Exact for plans whose outputs are data; for other kinds it takes eps to be the same in the rows that are weighed, as
/// it is between them along the flow. Plans that aim at another law on purpose show it here (multistep consistency,
/// Analytic-DPM, DDPM with the interval's variance, diffusers' steps that do not end where the next one begins).
inline std::vector<law_residual> law_residuals(const sampling_plan& plan)
{
  const auto share = [&](const noise_level& at) -> law_residual {  // of data and of eps in a prediction at `at`
    switch (plan.predicts) {
      case prediction::noise:
        return {0, 1};
      case prediction::velocity:
        return {-at.sigma, at.alpha};
      case prediction::score:
        return {0, -1 / at.sigma};
      case prediction::flow:
        return {-1, 1};
      case prediction::data:
        break;
    }
    return {1, 0};
  };
  std::vector<law_residual> residuals;
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const plan_step& row = plan.steps[k];
    const noise_level& to = k + 1 < plan.steps.size() ? plan.steps[k + 1].at : plan.end;
    double signal = row.keep * row.at.alpha, noise = row.keep * row.at.sigma;
    for (std::size_t j = 0; j <= std::min(k, max_history - 1); ++j) {
      const auto [of_data, of_noise] = share(plan.steps[k - j].at);
      signal += row.model[j] * of_data;
      noise += row.model[j] * of_noise;
    }
    const double before = k > 0 ? plan.steps[k - 1].noise : 0;
    const double fresh = row.noise * row.noise + row.last_noise * (row.last_noise + 2 * row.keep * before);
    residuals.push_back({signal - to.alpha, noise * noise + fresh - to.sigma * to.sigma});
  }
  return residuals;
}

/// Throws std::invalid_argument unless the plan can be run: it has rows, all numbers are finite, levels are levels, no
/// row weighs an output or a noise from before the start. For plans that come from outside; builders make none that
/// fails.
inline void require_plan(const sampling_plan& plan)
{
  const auto refuse = [](const std::string& why) { throw std::invalid_argument("not a sampling plan: " + why); };
  if (plan.steps.empty()) refuse("it has no rows");
  require_level(plan.start), require_level(plan.end);
  if (!(plan.lift >= 0 && std::isfinite(plan.lift))) refuse("its lift is " + std::to_string(plan.lift));
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const plan_step& row = plan.steps[k];
    const std::string name = "row " + std::to_string(k);
    require_level(row.at);
    for (std::size_t j = 0; j < max_history; ++j) {
      if (!std::isfinite(row.model[j]))
        refuse(name + " weighs output " + std::to_string(j) + " by a number not finite");
      if (j > k && row.model[j] != 0)
        refuse(name + " weighs the output of " + std::to_string(j) + " rows ago, before the start");
    }
    if (!std::isfinite(row.keep) || !std::isfinite(row.noise) || !std::isfinite(row.last_noise))
      refuse(name + " holds a number that is not finite");
    if (k == 0 && row.last_noise != 0) refuse("row 0 weighs the noise of the row before");
  }
}

}  // namespace fewstep
