/// @file
/// A run of a plan on recorded noise, with everything that it passed through.
#pragma once

#include "golden.hpp"
#include "report.hpp"

#include "fewstep/plan/plan.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace conformance {

/// A noise source that hands out recorded draws in their order. The tape outlives it.
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
  states predictions;  ///< the data that the network predicted there
};

/// Runs `plan` from `start`. Throws mismatch unless it draws exactly as often as `draws` holds.
template <class D>
trajectory run(const fewstep::sampling_plan& plan, numbers start, D denoise, const states& draws)
{
  trajectory out;
  std::size_t used = 0;
  const auto record = [&](const fewstep::evaluation&, const numbers& data, const numbers& x) {
    out.reached.push_back(x);
    out.predictions.push_back(data);
  };
  fewstep::sample(plan, std::move(start), std::move(denoise), tape{&draws, &used}, record);
  if (used != draws.size())
    throw mismatch("the plan draws noise " + std::to_string(used) + " times, the official run used " +
                   std::to_string(draws.size()) + " draws");
  return out;
}

/// The times of a plan's rows.
inline numbers times_of(const fewstep::sampling_plan& plan)
{
  numbers times;
  for (const fewstep::plan_step& row : plan.steps) times.push_back(row.at.t);
  return times;
}

}  // namespace conformance
