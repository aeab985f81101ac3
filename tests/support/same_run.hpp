/// @file
/// A run that uses all that the loop has, over any tensor: history, noise, clipping. Its numbers must not depend on the
/// tensor's type.
#pragma once

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/tensor/elements.hpp"
#include "support/typed.hpp"

#include <cmath>
#include <span>
#include <vector>

namespace fewstep::test {

/// Predicted data, number by number and in double, so that all types of one precision agree.
template <has_elements X>
X pointwise_network(const X& x, const evaluation& at)
{
  X out = duplicate(x);
  edit_elements(out, [&]<class S>(std::span<S> numbers) {
    for (S& number : numbers) number = static_cast<S>(1.2 * std::tanh(0.8 * static_cast<double>(number)) + 1e-4 * at.t);
  });
  return out;
}

/// DPM-Solver++ SDE-2M in twelve rows from keyed noise, over a tensor of the shape of `like` that holds `samples`
/// samples.
template <has_elements X>
X same_run(const X& like, std::size_t samples = 1, std::size_t first = 0)
{
  const sampling_plan plan = dpm_solver_pp(trailing(scaled_linear_vp(), 12), {.order = 2, .eta = 1});
  const philox_noise noise{.seed = 20, .first_sample = first, .samples = samples};
  const auto network = [](const X& x, const evaluation& at) { return pointwise_network(x, at); };
  return sample(plan, noise.start(like), clipped(network), noise);
}

/// Requires the numbers of a run over std::vector<S>, and that the caller's tensor keeps its own.
template <class S, has_elements X>
void require_same_run(const X& like)
{
  const std::vector<double> before = listed(like);
  const auto expected = listed(same_run(std::vector<S>(before.size())));
  REQUIRE(listed(same_run(like)) == expected);
  REQUIRE(listed(like) == before);
}

}  // namespace fewstep::test
