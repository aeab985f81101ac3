// DDIM on data whose best denoiser is known in closed form: four blobs in the plane. No network, no checkpoint; any
// callable takes the denoiser's place.
#include "fewstep/fewstep.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

using point = std::array<double, 2>;  // a tensor, as std::vector, Eigen's types and numbers are

constexpr std::array<point, 4> centres{{{2, 0}, {0, 2}, {-2, 0}, {0, -2}}};
constexpr double width = 0.1;

// E[data | x]: for each blob the posterior mean, weighed by how likely x comes from it.
point denoise(const point& x, const fewstep::noise_level& at)
{
  const double variance = at.alpha * at.alpha * width * width + at.sigma * at.sigma;
  const double gain = at.alpha * width * width / variance;
  std::array<double, 4> logs{};
  for (std::size_t k = 0; k < 4; ++k)
    logs[k] =
        -0.5 * (std::pow(x[0] - at.alpha * centres[k][0], 2) + std::pow(x[1] - at.alpha * centres[k][1], 2)) / variance;
  const double most = *std::max_element(logs.begin(), logs.end());
  point mean{};
  double total = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const double likely = std::exp(logs[k] - most);
    for (std::size_t i = 0; i < 2; ++i) mean[i] += likely * (centres[k][i] + gain * (x[i] - at.alpha * centres[k][i]));
    total += likely;
  }
  return {mean[0] / total, mean[1] / total};
}

int main()
{
  const auto schedule = fewstep::linear_vp({.steps = 1000, .first_beta = 1e-4, .last_beta = 2e-2});
  const auto fine = fewstep::ddim(fewstep::trailing(schedule, 1000));  // as good as exact

  std::puts("evaluations   points within 3 widths of a blob   mean distance to the 1000-step result");
  double worst = 0;
  for (std::size_t steps : {5, 10, 20, 50}) {
    const auto plan = fewstep::ddim(fewstep::trailing(schedule, steps));
    int near = 0;
    double distance = 0;
    for (std::uint64_t k = 0; k < 400; ++k) {
      const point start = fewstep::philox_noise{.seed = 1, .first_sample = k}.start(point{});
      const point end = fewstep::sample(plan, start, denoise), exact = fewstep::sample(fine, start, denoise);
      for (const point& centre : centres) near += std::hypot(end[0] - centre[0], end[1] - centre[1]) < 3 * width;
      distance += std::hypot(end[0] - exact[0], end[1] - exact[1]) / 400;
    }
    std::printf("%11zu %36.1f%% %39.4f\n", steps, near / 4.0, distance);
    worst = distance;
  }
  return worst < 0.05 ? 0 : 1;  // 50 steps: within half a width
}
