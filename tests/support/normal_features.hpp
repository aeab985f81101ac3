/// @file
/// Features of a known law.
#pragma once

#include "fewstep/noise/philox.hpp"

#include <Eigen/Core>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fewstep::test {

/// Independent standard normals, a row for each feature.
inline Eigen::MatrixXd normal_features(Eigen::Index count, Eigen::Index width, std::uint64_t seed)
{
  const auto numbers = philox_noise{.seed = seed}.start(std::vector<double>(static_cast<std::size_t>(count * width)));
  return Eigen::Map<const Eigen::MatrixXd>(numbers.data(), count, width);
}

}  // namespace fewstep::test
