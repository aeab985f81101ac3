/// @file
/// Whether the rows of a plan carry each level's law into the next's, as one number.
#pragma once

#include "fewstep/plan/check.hpp"
#include "fewstep/plan/plan.hpp"

#include <algorithm>
#include <cmath>

namespace fewstep::test {

/// The largest residual of any row: the signal's, and the variance's in units of the largest variance (or 1).
inline double law_error(const sampling_plan& plan)
{
  const double scale = std::max(1.0, plan.start.sigma * plan.start.sigma);
  double worst = 0;
  for (const auto& [signal, variance] : law_residuals(plan))
    worst = std::max({worst, std::abs(signal), std::abs(variance) / scale});
  return worst;
}

}  // namespace fewstep::test
