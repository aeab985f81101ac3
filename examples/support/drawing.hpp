/// @file
/// Many images of a checkpoint, drawn in batches on several threads. Image k of a seed does not depend on either.
#pragma once

#include "fewstep/nn/images.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/plan.hpp"
#include "support/checkpoint.hpp"
#include "support/sampler_choice.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace examples {

/// A sampler, and what makes its network cheaper.
struct drawing {
  sampler_choice sampler{};
  double rho = 1;                       ///< Skip-Tuning at the bottom; 1 at the top
  std::size_t branch = 0, refresh = 1;  ///< DeepCache
  double guidance = 1;                  ///< away from no class
  bool avoided = false;                 ///< the digit is what guidance leads away from, and no class is wanted
  bool clipped = true;                  ///< the predicted data is held in [-1, 1]
};

void declare(CLI::App& app, drawing& o);

/// "ddim-even-10", "ddim-even-50-branch1-every3-rho0.8", "phased-4-guided2.0".
std::string name_of(const drawing& o);

/// The digits that images first, first + 1, ... show, or avoid: all in turn.
std::vector<int> digits_of(std::size_t first, std::size_t count);

/// Images 0, 1, ... of a seed.
struct image_numbers {
  std::uint64_t seed;
  std::size_t images;
};

/// The images whose noise that is. The predicted data is clipped as the sampler's official code does.
fewstep::nn::images draw_batch(const drawing& o, const fewstep::sampling_plan& plan, const checkpoint& from,
                               fewstep::nn::workspace& work, const fewstep::philox_noise& noise);

/// All images of a seed.
fewstep::nn::images draw(const drawing& o, const checkpoint& from, const image_numbers& numbers, std::size_t threads);

}  // namespace examples
