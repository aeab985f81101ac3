// Consistency sampling: a network that jumps from any noise level to the data needs one or two evaluations.
// Its place is taken by the exact consistency function of a mixture of two normal laws; DDIM asks the exact denoiser.
#include "fewstep/audit/mixture_data.hpp"
#include "fewstep/fewstep.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

using image = std::vector<double>;

constexpr std::size_t count = 4000;
const fewstep::mixture_data data;

// How far the law of the samples is from that of the data: the mean distance of sorted samples to quantiles.
double distance(image samples)
{
  std::sort(samples.begin(), samples.end());
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k)
    sum += std::abs(samples[k] - data.quantile((static_cast<double>(k) + 0.5) / count, {}));
  return sum / count;
}

template <class D>
double run(const fewstep::sampling_plan& plan, D denoise)
{
  const fewstep::philox_noise noise{.seed = 1, .samples = count};
  const image start = noise.start(image(count), plan.start.sigma);
  const auto each = [&](const image& x, const fewstep::noise_level& at) {
    image out(count);
    std::transform(x.begin(), x.end(), out.begin(), [&](double number) { return denoise(number, at); });
    return out;
  };
  const double missed = distance(fewstep::sample(plan, start, each, noise));
  std::printf("%11zu %30.4f\n", plan.steps.size(), missed);
  return missed;
}

int main()
{
  // trained to land on sigma = 0.002, where the published grid ends
  const auto grid = fewstep::consistency_grid(fewstep::published::cd_imagenet64);
  const auto jump = [&](double x, const fewstep::noise_level& at) { return data.flow(x, at, grid.back()); };

  std::puts("consistency\nevaluations   mean distance to quantiles");
  const double one = run(fewstep::consistency(std::vector{grid.front(), grid.back()}), jump);
  const double two = run(fewstep::consistency(grid), jump);
  std::puts("DDIM");
  const double ddim = run(fewstep::ddim(fewstep::karras(fewstep::edm_schedule{}, 2, {})), data);
  run(fewstep::ddim(fewstep::karras(fewstep::edm_schedule{}, 40, {})), data);
  return one < 0.05 && two < 0.05 && ddim > 0.5 ? 0 : 1;  // 4000 samples of the data itself are off by about 0.02
}
