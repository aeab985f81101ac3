/// @file
/// What a network is asked for besides the noise level.
#pragma once

#include <vector>

namespace fewstep::nn {

/// What the images of a batch are to be, besides the noise level.
struct conditioning {
  std::vector<int> class_labels{};  ///< one for each image, or one for all; empty for none
  /// For networks that take something else than the number of a class: a number (`class_numbers`) or a vector
  /// (`class_vectors`, one after another) for each image, or one for all.
  std::vector<double> class_values{};
  std::vector<double> timesteps{};  ///< one for each image, instead of the level's own t; mostly empty
};

}  // namespace fewstep::nn
