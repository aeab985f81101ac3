// A network behind a runtime's C interface, with a time of its own and noise for an answer, under two kinds of plan.
// Wrappers bring it to what a plan asks for; it draws normal data, so where samples have to end is known.
#include "fewstep/audit/gaussian_data.hpp"
#include "fewstep/fewstep.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

using image = std::vector<float>;

const fewstep::vp_table schedule = fewstep::scaled_linear_vp();  // Stable Diffusion's
const fewstep::gaussian_data data;

// The black box: trained on x = alpha * data + sigma * noise, told the time as t / 1000, it predicts the noise.
void run_session(const float* x, std::size_t size, float time, float* noise)
{
  const fewstep::noise_level at = schedule(std::min(1000.0 * static_cast<double>(time), 999.0));
  for (std::size_t k = 0; k < size; ++k) noise[k] = static_cast<float>((x[k] - at.alpha * data(x[k], at)) / at.sigma);
}

// As a callable of the form that fewstep asks for. `at.t` is the index of the table.
void network(const image& x, const fewstep::noise_level& at, image& noise)
{
  run_session(x.data(), x.size(), static_cast<float>(at.t / 1000), noise.data());
}

template <class D>
double missed(const fewstep::sampling_plan& plan, D denoise)
{
  const image normals = fewstep::philox_noise{.seed = 6}.start(image(1000));
  image start = normals;
  for (float& x : start) x *= static_cast<float>(plan.start.sigma);
  const image end = fewstep::sample(plan, start, denoise);
  double mean = 0;
  for (std::size_t k = 0; k < end.size(); ++k)
    mean += std::abs(end[k] - data.flow(start[k], plan.start, plan.end)) / 1000;
  std::printf("%4zu evaluations, %.4f from the exact end in the mean\n", plan.steps.size(), mean);
  return mean;
}

int main()
{
  using enum fewstep::prediction;
  // The table's own levels: nothing but the kind of prediction has to be converted.
  const auto solver = fewstep::dpm_solver_pp(fewstep::trailing(schedule, 50));
  const double first = missed(solver, fewstep::converted(network, noise, solver.predicts));

  // EDM's levels, x = data + sigma * noise, at the sigmas of the table: x is scaled and sigma turned into a time, too.
  std::vector<fewstep::noise_level> grid = fewstep::karras(schedule, 20);
  for (auto& [t, alpha, sigma] : grid) sigma /= alpha, alpha = 1;
  const double second = missed(fewstep::heun(grid), fewstep::preconditioned(network, fewstep::vp_table_scaling{}));
  return first < 0.02 && second < 0.02 ? 0 : 1;
}
