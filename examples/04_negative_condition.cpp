// Guidance with a negative condition: away from what is not wanted, at all noise levels or in an interval of them.
// Both networks are exact denoisers of normal data, for which the guided samples are known: their mean is moved as far.
#include "fewstep/audit/gaussian_data.hpp"
#include "fewstep/fewstep.hpp"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

using image = std::vector<double>;

constexpr std::size_t count = 2000;

// A network that draws from N(mean, 0.25^2).
auto network(double mean)
{
  return [data = fewstep::gaussian_data{mean, 0.25}](const image& x, const fewstep::evaluation& at, image& out) {
    for (std::size_t k = 0; k < x.size(); ++k) out[k] = data(x[k], at);
  };
}

template <class D>
double mean_of(const char* name, D denoise)
{
  const auto schedule = fewstep::cosine_vp();
  const auto plan = fewstep::ddim(fewstep::trailing(schedule, 100));
  const fewstep::philox_noise noise{.seed = 3, .samples = count};
  const image samples = fewstep::sample(plan, noise.start(image(count)), denoise);
  double mean = 0, square = 0;
  for (double x : samples) mean += x / count;
  for (double x : samples) square += (x - mean) * (x - mean) / count;
  std::printf("%-44s %6.3f %6.3f\n", name, mean, std::sqrt(square));
  return mean;
}

int main()
{
  const auto wanted = network(1), unwanted = network(0.4);  // "a portrait", "blurry"
  std::puts("samples                                        mean deviation");
  const double plain = mean_of("the condition alone", wanted);
  const double guided = mean_of("away from the negative one, scale 3", fewstep::guided(wanted, unwanted, 3.0));
  const double within = mean_of("the same where 0.2 < sigma / alpha <= 2",
                                fewstep::guided(wanted, unwanted, fewstep::guidance_interval{3, 0.2, 2}));

  // equal deviations: the guided denoiser is that of normal data with mean 0.4 + 3 (1 - 0.4)
  const bool exact = std::abs(plain - 1) < 0.03 && std::abs(guided - 2.2) < 0.03;
  return exact && within > 1.2 && within < 2.1 ? 0 : 1;
}
