/// @file
/// Data that follow a mixture of normal laws in one dimension, by the short name that tests use, and what plans are
/// tried on: such data, under EDM's process.
#pragma once

#include "fewstep/audit/mixture_data.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/gaussian.hpp"

#include <vector>

namespace fewstep::test {

using mixture = mixture_data;

inline const mixture two_peaks;
inline const edm_schedule edm;

inline std::vector<noise_level> edm_levels(const std::vector<double>& sigmas)
{
  std::vector<noise_level> grid;
  for (const double sigma : sigmas) grid.push_back(edm(sigma));
  return grid;
}

}  // namespace fewstep::test
