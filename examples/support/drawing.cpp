#include "support/drawing.hpp"

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/unet/refresh.hpp"
#include "fewstep/unet/rho.hpp"
#include "fewstep/unet/skip_tuning.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace examples {

std::string name_of(const drawing& o)
{
  std::string name = o.sampler.name + "-" + o.sampler.spacing + "-" + std::to_string(o.sampler.steps);
  if (o.sampler.spacing == "blend") name += "-share" + fewstep::json::write(o.sampler.blend);
  if (o.sampler.eta != 0) name += "-eta" + fewstep::json::write(o.sampler.eta);
  if (o.sampler.pixels) name += "-pixels" + fewstep::json::write(*o.sampler.pixels);
  if (o.sampler.repair) name += "-repaired";
  if (o.refresh > 1) name += "-branch" + std::to_string(o.branch) + "-every" + std::to_string(o.refresh);
  if (o.rho != 1) name += "-rho" + fewstep::json::write(o.rho);
  return name;
}

int digit_of(std::size_t k)
{
  return static_cast<int>(k % 10);
}

fewstep::nn::images draw_batch(const drawing& o, const fewstep::sampling_plan& plan, const checkpoint& from,
                               fewstep::nn::workspace& work, const fewstep::philox_noise& noise)
{
  namespace nn = fewstep::nn;
  std::vector<int> labels(noise.samples);
  for (std::size_t k = 0; k < labels.size(); ++k) labels[k] = digit_of(noise.first_sample + k);
  const nn::lane lane(from.network, work, {.class_labels = labels});
  const fewstep::skip_tuning tuned(fewstep::linear_rho(lane.connections(), {.bottom = o.rho, .top = 1}));
  fewstep::deep_cache<nn::feature> cache({.branch = o.branch, .refresh = fewstep::every(o.refresh)});
  const auto network = [&](const nn::images& x, const fewstep::evaluation& at, nn::images& out) {
    lane(x, at, out, tuned, cache);
  };
  const auto data = fewstep::converted(fewstep::finite(network), from.schedule.predicts, plan.predicts);
  const nn::images start = noise.start(shape_of(from.network, noise.samples));
  if (keeps_direction(o.sampler))
    return fewstep::sample(plan, start, fewstep::clipped_keeping_direction(data, 1.0), noise);
  return fewstep::sample(plan, start, fewstep::clipped(data, 1.0), noise);
}

fewstep::nn::images draw(const drawing& o, const checkpoint& from, const image_numbers& numbers, std::size_t threads)
{
  constexpr std::size_t batch = 50;
  const auto plan = plan_of(o.sampler, from.schedule);
  fewstep::nn::images all = shape_of(from.network, numbers.images);
  const std::size_t size = all.size() / all.count;
  std::atomic<std::size_t> next = 0;
  std::vector<std::exception_ptr> failures(threads);
  const auto work = [&](std::size_t worker) {
    try {
      fewstep::nn::workspace memory(1);
      for (std::size_t first; (first = next.fetch_add(batch)) < numbers.images;) {
        const std::size_t count = std::min(batch, numbers.images - first);
        const fewstep::philox_noise noise{.seed = numbers.seed, .first_sample = first, .samples = count};
        const auto drawn = draw_batch(o, plan, from, memory, noise);
        std::copy_n(drawn.data(), drawn.size(), all.data() + first * size);
      }
    } catch (...) {
      failures[worker] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (std::size_t worker = 1; worker < threads; ++worker) others.emplace_back(work, worker);
  work(0);
  for (std::thread& thread : others) thread.join();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return all;
}

}  // namespace examples
