/// @file
/// The loop over a plan's rows on a number, written out once more so that plans are proved without the library's own.
#pragma once

#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace fewstep::test {

/// Numbers in the place of the k-th normal ones, for runs that are compared draw by draw.
inline double normal(std::size_t k)
{
  return std::sin(3 * static_cast<double>(k) + 1);
}

/// What a network that `predicts` would say where the posterior mean of the data is `data`.
inline double as_output(prediction predicts, double x, double data, const noise_level& at)
{
  const double noise = (x - at.alpha * data) / at.sigma;
  switch (predicts) {
    case prediction::data:
      return data;
    case prediction::noise:
      return noise;
    case prediction::velocity:
      return at.alpha * noise - at.sigma * data;
    case prediction::score:
      return -noise / at.sigma;
    case prediction::flow:
      return noise - data;
  }
  return data;
}

/// Runs `plan` on x with the denoiser `model` (predicted data) and the normal numbers `normal(k)`: one for every row
/// whose noise is not zero, in order; k = 0 is the lift. The first `exact` rows follow the model's flow instead.
template <class M, class Z>
double run(const sampling_plan& plan, double x, const M& model, Z normal, std::size_t exact = 0)
{
  std::array<double, max_history> outputs{};
  double last = 0;
  if (plan.lift != 0) x += plan.lift * (last = normal(std::size_t{0}));
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const plan_step& row = plan.steps[k];
    for (std::size_t j = max_history - 1; j > 0; --j) outputs[j] = outputs[j - 1];
    outputs[0] = as_output(plan.predicts, x, model(x, row.at), row.at);
    if (k < exact) {
      x = model.flow(x, row.at, k + 1 < plan.steps.size() ? plan.steps[k + 1].at : plan.end);
      continue;
    }
    x *= row.keep;
    for (std::size_t j = 0; j < max_history; ++j) x += row.model[j] * outputs[j];
    if (row.last_noise != 0) x += row.last_noise * last;
    if (row.noise != 0) x += row.noise * (last = normal(k + 1));
  }
  return x;
}

/// The same without noise.
template <class M>
double run(const sampling_plan& plan, double x, const M& model, std::size_t exact = 0)
{
  return run(
      plan, x, model, [](std::size_t) { return 0.0; }, exact);
}

}  // namespace fewstep::test
