/// @file
/// What LibTorch computes of a network, for the program `conformance` to compare the engine with.
#pragma once

#include "sprites.hpp"
#include "tensor_file.hpp"
#include "unet2d_torch.hpp"

#include "fewstep/adapt/torch.hpp"
#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace examples {

/// Four calls, each image at a time of its own, and the states of DDIM from one start of each digit along ten trailing
/// times to the data: predicted data held in [-1, 1], the direction as the network gave it, the recursion in double.
/// The names are those of models/README.md.
inline named_tensors reference_outputs(unet2d_torch& net, const fewstep::vp_table& table, fewstep::prediction predicts)
{
  const c10::NoGradGuard no_gradients;
  constexpr std::int64_t digits = 10;
  const auto start = [](std::int64_t count, std::uint64_t seed) {
    const fewstep::philox_noise noise{.seed = seed, .samples = static_cast<std::size_t>(count)};
    return noise.start(at::zeros({count, 1, sprite_side, sprite_side}));
  };
  named_tensors all;
  const at::Tensor x = start(4, 1), times = at::tensor({0, 250, 500, 999}, at::kLong);
  const at::Tensor labels = at::tensor({3, 10, 0, 7}, at::kLong);
  all.emplace_back("call.sample", x);
  all.emplace_back("call.timestep", times);
  all.emplace_back("call.class_labels", labels);
  all.emplace_back("call.output", net.forward(x, times, labels));

  const auto grid = fewstep::trailing(table, digits);
  const at::Tensor initial = start(digits, 2), all_digits = at::arange(digits, at::kLong);
  std::vector<std::int64_t> visited;
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) visited.push_back(static_cast<std::int64_t>(grid[k].t));
  all.emplace_back("ddim.initial", initial);
  all.emplace_back("ddim.class_labels", all_digits);
  all.emplace_back("ddim.timesteps", at::tensor(visited, at::kLong));
  const auto network = [&](const at::Tensor& at_x, const fewstep::evaluation& at) {
    return net.forward(at_x.to(at::kFloat), at::full({digits}, at.t, at::kDouble), all_digits).to(at::kDouble);
  };
  const auto plan = fewstep::ddim(grid);
  const auto denoise = fewstep::clipped_keeping_direction(fewstep::converted(network, predicts, plan.predicts), 1.0);
  const auto keep = [&](const fewstep::evaluation& at, const at::Tensor&, const at::Tensor& state) {
    all.emplace_back("ddim.state." + std::to_string(at.row), state.clone());
  };
  fewstep::sample(plan, initial.to(at::kDouble), denoise, fewstep::no_noise{}, keep);
  return all;
}

}  // namespace examples
