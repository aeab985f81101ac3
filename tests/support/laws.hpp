/// @file
/// Whether the rows of a plan carry each level's law into the next's, as one number.
#pragma once

#include "fewstep/plan/check.hpp"
#include "fewstep/plan/plan.hpp"

#include <algorithm>
#include <cmath>

namespace fewstep::test {

/// The largest residual of any row: the signal's, and the variance's in units of `scale`.
inline double law_error(const sampling_plan& plan, double scale)
{
  double worst = 0;
  for (const auto& [signal, variance] : law_residuals(plan))
    worst = std::max({worst, std::abs(signal), std::abs(variance) / scale});
  return worst;
}

/// The same in units of the largest variance (or 1).
inline double law_error(const sampling_plan& plan)
{
  return law_error(plan, std::max(1.0, plan.start.sigma * plan.start.sigma));
}

}  // namespace fewstep::test
