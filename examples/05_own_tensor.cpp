// A tensor type of your own: numbers that do not lie side by side. One function makes it one, `combine`.
// Sampling over it gives the bits that sampling over std::vector gives, and leaves what lies between alone.
#include "fewstep/audit/mixture_data.hpp"
#include "fewstep/fewstep.hpp"

#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

// One channel of an image whose channels are interleaved: every `stride`-th number of `pixels`, from `first` on.
struct channel {
  std::vector<float> pixels;
  std::size_t first, stride;

  std::size_t size() const { return pixels.size() / stride; }
  float& operator[](std::size_t k) { return pixels[first + k * stride]; }
  float operator[](std::size_t k) const { return pixels[first + k * stride]; }
};

template <>
struct fewstep::tensor_traits<channel> {
  // x <- keep * x + sum of weight * (*of), summed in double, in one pass
  static void combine(channel& x, double keep, std::span<const term<channel>> terms)
  {
    for (std::size_t k = 0; k < x.size(); ++k) {
      double sum = keep * x[k];
      for (const auto& [weight, of] : terms) sum += weight * (*of)[k];
      x[k] = static_cast<float>(sum);
    }
  }
};

int main()
{
  const fewstep::mixture_data data;
  const auto denoise = [&](const auto& x, const fewstep::noise_level& at) {
    auto out = x;
    for (std::size_t k = 0; k < x.size(); ++k) out[k] = static_cast<float>(data(x[k], at));
    return out;
  };
  const auto plan = fewstep::dpm_solver_pp(fewstep::trailing(fewstep::linear_vp(), 10));

  const auto flat = fewstep::philox_noise{.seed = 5}.start(std::vector<float>(64));
  channel green{std::vector<float>(3 * flat.size(), 42.0F), 1, 3};
  for (std::size_t k = 0; k < flat.size(); ++k) green[k] = flat[k];

  const auto expected = fewstep::sample(plan, flat, denoise);
  const channel sampled = fewstep::sample(plan, green, denoise);
  std::size_t same = 0, untouched = 0;
  for (std::size_t k = 0; k < flat.size(); ++k) {
    same += sampled[k] == expected[k];
    untouched += sampled.pixels[3 * k] == 42.0F && sampled.pixels[3 * k + 2] == 42.0F;
  }
  std::printf("%zu of %zu numbers are those of std::vector, %zu neighbours untouched\n", same, flat.size(), untouched);
  return same == flat.size() && untouched == flat.size() ? 0 : 1;
}
