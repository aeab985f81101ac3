#include "trajectory.hpp"

#include <algorithm>

namespace conformance {

std::vector<std::size_t> step_ends(std::size_t rows, std::size_t steps)
{
  if (rows != steps && rows + 1 != 2 * steps && rows != 2 * steps)
    throw mismatch("a plan of " + std::to_string(steps) + " steps has " + std::to_string(rows) + " rows");
  std::vector<std::size_t> ends;
  for (std::size_t k = 0; k < steps; ++k) ends.push_back(rows == steps ? k : std::min(2 * k + 1, rows - 1));
  return ends;
}

states before_churn(const trajectory& ours, const fewstep::sampling_plan& plan,
                    const std::vector<fewstep::noise_level>& grid)
{
  states out;
  for (const std::size_t row : step_ends(plan.steps.size(), grid.size() - 1)) {
    numbers x = ours.noiseless[row];
    const std::size_t step = out.size() + 1;
    const double scale = row + 1 < plan.steps.size() ? plan.steps[row + 1].at.alpha / grid[step].alpha : 1;
    for (double& value : x) value /= scale;
    out.push_back(x);
  }
  return out;
}

states after_steps(const trajectory& ours, std::size_t steps)
{
  states out;
  for (const std::size_t row : step_ends(ours.reached.size(), steps)) out.push_back(ours.reached[row]);
  return out;
}

numbers network_sigmas(const fewstep::sampling_plan& plan)
{
  numbers out;
  for (const fewstep::plan_step& row : plan.steps) out.push_back(noise_to_signal(row.at));
  return out;
}

numbers sigmas_of(const std::vector<fewstep::noise_level>& grid)
{
  numbers out;
  for (const fewstep::noise_level& at : grid) out.push_back(noise_to_signal(at));
  return out;
}

}  // namespace conformance
