/// @file
/// The pixel clip of Analytic-DPM (Bao et al. 2022, arXiv:2201.06503, section 6 and appendix F): the last noise that a
/// plan adds is held to so many levels of a pixel, which the eye forgives.
#pragma once

#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/data_range.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>

namespace fewstep {

/// Noise of at most `pixels` levels on average, E|deviation z| <= pixels (high - low) / steps_of_pixel, in the last
/// `rows` rows that add any on the way to the data. The paper takes 2 pixels for DDPM on CIFAR-10 and CelebA, else 1.
struct pixel_clip {
  double pixels = 1;
  data_range range{};
  double pixel_steps = 255;  ///< from the darkest level to the brightest
  std::size_t rows = 1;
};

/// pixels (high - low) / pixel_steps sqrt(pi / 2), since E|z| = sqrt(2 / pi): 9.83e-3 for one pixel of [-1, 1].
inline double largest_deviation(const pixel_clip& clip)
{
  require_data_range(clip.range);
  if (!(clip.pixels > 0 && clip.pixel_steps > 0))
    throw std::invalid_argument("a pixel clip needs pixels and pixel_steps above 0, but has " +
                                std::to_string(clip.pixels) + " and " + std::to_string(clip.pixel_steps));
  return clip.pixels * (clip.range.high - clip.range.low) / clip.pixel_steps * std::sqrt(std::numbers::pi / 2);
}

/// The plan with the noise of its last noisy rows held. The row that reaches the data itself is not counted. Throws
/// std::invalid_argument if the clip is none.
inline sampling_plan clip_noise(sampling_plan plan, const pixel_clip& clip)
{
  const double most = largest_deviation(clip);
  const std::size_t last = plan.steps.size() - (plan.end.sigma == 0 && !plan.steps.empty() ? 1 : 0);
  for (std::size_t k = last - std::min(last, clip.rows); k < last; ++k)
    plan.steps[k].noise = std::min(plan.steps[k].noise, most);
  return plan;
}

}  // namespace fewstep
