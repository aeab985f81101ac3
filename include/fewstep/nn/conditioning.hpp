/// @file
/// What a network is asked for besides the noise level.
#pragma once

#include "fewstep/nn/encoded_text.hpp"

#include <vector>

namespace fewstep::nn {

/// What the images of a batch are to be, besides the noise level.
struct conditioning {
  std::vector<int> class_labels{};  ///< one for each image, or one for all; empty for none
  /// For networks that take something else than the number of a class: a number (`class_numbers`) or a vector
  /// (`class_vectors`, one after another) for each image, or one for all.
  std::vector<double> class_values{};
  std::vector<double> timesteps{};  ///< one for each image, instead of the level's own t; mostly empty
  encoded_text text{};              ///< diffusers' encoder_hidden_states
  encoded_text pooled{};            ///< SDXL's text_embeds: the text as one vector, so of length 1
  /// SDXL's time_ids, those of one image after another, or of one for all: height and width of the original, top and
  /// left of the crop, height and width of the picture.
  std::vector<double> picture_sizes{};
  /// For networks that were distilled with it: the weight w of the guidance, for each image or for all. Pipelines of
  /// diffusers have w = guidance_scale - 1.
  std::vector<double> guidance{};
};

}  // namespace fewstep::nn
