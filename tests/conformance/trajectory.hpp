/// @file
/// A run of a plan on recorded noise, with everything that it passed through.
#pragma once

#include "golden.hpp"
#include "report.hpp"

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/contiguous.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace conformance {

/// A noise source that hands out recorded draws in their order and notes which it gave last. The tape outlives it.
struct tape {
  const states* draws;
  std::size_t* used;

  void operator()(const numbers& x, const fewstep::evaluation&, numbers& out) const
  {
    if (*used == draws->size())
      throw mismatch("the plan draws more noise than the official run, which used " + std::to_string(*used) + " draws");
    out = (*draws)[(*used)++];
    if (out.size() != x.size()) throw mismatch("a draw has another size than the state");
  }
};

/// One entry a row, in order.
struct trajectory {
  states reached;      ///< the state after the row
  states noiseless;    ///< the same before the row's noise was added
  states predictions;  ///< the data that the network predicted there
  states outputs;      ///< what the plan weighed; empty for denoisers that estimate data and direction apart
};

/// Runs `plan` from the case's start on the noise that its official run used. That a plan draws fewer is no failure by
/// itself: some official runs draw noise of a scale of 1e-10, where exact arithmetic has none.
template <class D>
trajectory run(const fewstep::sampling_plan& plan, const sampler_case& golden, D denoise)
{
  trajectory out;
  const states draws = golden.noises();
  std::size_t used = 0;
  const auto record = [&](const fewstep::evaluation& at, const numbers& data, const numbers& x) {
    out.reached.push_back(x);
    out.predictions.push_back(data);
    const double noise = plan.steps[at.row].noise;
    numbers before = x;
    for (std::size_t k = 0; noise != 0 && k < x.size(); ++k) before[k] -= noise * draws.at(used - 1)[k];
    out.noiseless.push_back(before);
  };
  if constexpr (fewstep::single_denoiser<D, numbers>) {
    const auto recorded = [&](const numbers& x, const fewstep::evaluation& at, numbers& y) {
      fewstep::predict(denoise, x, at, y);
      out.outputs.push_back(y);
    };
    fewstep::sample(plan, golden.flat_at("initial"), recorded, tape{&draws, &used}, record);
  } else {
    fewstep::sample(plan, golden.flat_at("initial"), denoise, tape{&draws, &used}, record);
  }
  return out;
}

/// The last row of each of `steps` steps: a step has one row, or two but for a last step of one. Throws mismatch for
/// other numbers of rows.
std::vector<std::size_t> step_ends(std::size_t rows, std::size_t steps);

/// The states that an official run records before the churn of the step that follows: without the noise that our rows
/// fold in, and in the scale of the grid's own level.
states before_churn(const trajectory& ours, const fewstep::sampling_plan& plan,
                    const std::vector<fewstep::noise_level>& grid);

/// The states after each step of a grid.
states after_steps(const trajectory& ours, std::size_t steps);

/// sigma / alpha of every evaluation.
numbers network_sigmas(const fewstep::sampling_plan& plan);

/// sigma / alpha of every level.
numbers sigmas_of(const std::vector<fewstep::noise_level>& grid);

}  // namespace conformance
