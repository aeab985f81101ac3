/// @file
/// A user's program with a component: the same over an Eigen array.
#include "fewstep/adapt/eigen.hpp"
#include "fewstep/fewstep.hpp"

#include <Eigen/Core>

int main()
{
  const auto plan = fewstep::ddim(fewstep::trailing(fewstep::linear_vp(), 10));
  const Eigen::ArrayXf start = Eigen::ArrayXf::Constant(3, 1.3f);
  const Eigen::ArrayXf data = Eigen::ArrayXf::Constant(3, 0.5f);
  const Eigen::ArrayXf sample =
      fewstep::sample(plan, start, [&](const Eigen::ArrayXf&, const fewstep::noise_level&) { return data; });
  return (sample - data).abs().maxCoeff() < 1e-5f ? 0 : 1;
}
