/// @file
/// A user's program: ten steps of DDIM over a number. The data are one point, so the exact denoiser knows the answer.
#include "fewstep/fewstep.hpp"

#include <cmath>

int main()
{
  const auto plan = fewstep::ddim(fewstep::trailing(fewstep::linear_vp(), 10));
  const double sample = fewstep::sample(plan, 1.3, [](double, const fewstep::noise_level&) { return 0.5; });
  return std::abs(sample - 0.5) < 1e-9 ? 0 : 1;
}
