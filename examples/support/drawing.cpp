#include "support/drawing.hpp"

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/guidance.hpp"
#include "fewstep/denoiser/precondition.hpp"
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

void declare(CLI::App& app, drawing& o)
{
  declare(app, o.sampler);
  app.add_option("--rho", o.rho, "Skip-Tuning: the factor of the deepest skip; the outermost has 1")
      ->capture_default_str();
  app.add_option("--branch", o.branch, "DeepCache: connections 0 to this are computed by every call")
      ->capture_default_str();
  app.add_option("--refresh", o.refresh, "DeepCache: every so many calls compute the whole network")
      ->capture_default_str();
  app.add_option("--guidance", o.guidance, "scale of classifier-free guidance; 1 is none")->capture_default_str();
  app.add_flag("--avoid", o.avoided, "ask for no class, and guide away from the digit");
  app.add_flag("!--unclipped", o.clipped, "let predicted data leave [-1, 1] on the way; pictures clip what was drawn");
}

std::string name_of(const drawing& o)
{
  const bool has_grid = o.sampler.name != "consistency" && o.sampler.name != "phased";
  std::string name = o.sampler.name + (has_grid ? "-" + o.sampler.spacing : "");
  if (o.sampler.times.empty()) name += "-" + std::to_string(o.sampler.steps);
  for (const double time : o.sampler.times) name += "-at" + fewstep::json::write(time);
  if (o.sampler.spacing == "blend") name += "-share" + fewstep::json::write(o.sampler.blend);
  if (o.sampler.eta != 0) name += "-eta" + fewstep::json::write(o.sampler.eta);
  if (o.sampler.pixels) name += "-pixels" + fewstep::json::write(*o.sampler.pixels);
  if (o.sampler.repair) name += "-repaired";
  if (o.refresh > 1) name += "-branch" + std::to_string(o.branch) + "-every" + std::to_string(o.refresh);
  if (o.rho != 1) name += "-rho" + fewstep::json::write(o.rho);
  if (o.guidance != 1) name += "-guided" + fewstep::json::write(o.guidance);
  if (o.avoided) name += "-avoided";
  if (!o.clipped) name += "-unclipped";
  return name;
}

std::vector<int> digits_of(std::size_t first, std::size_t count)
{
  std::vector<int> digits(count);
  for (std::size_t k = 0; k < count; ++k) digits[k] = static_cast<int>((first + k) % 10);
  return digits;
}

fewstep::nn::images draw_batch(const drawing& o, const fewstep::sampling_plan& plan, const checkpoint& from,
                               fewstep::nn::workspace& work, const fewstep::philox_noise& noise)
{
  namespace nn = fewstep::nn;
  const std::vector<int> digits = digits_of(noise.first_sample, noise.samples);
  const std::vector<int> none(digits.size(), static_cast<int>(class_count(from.network.conditions)) - 1);
  const nn::lane wanted(from.network, work, {.class_labels = o.avoided ? none : digits});
  const nn::lane away(from.network, work, {.class_labels = o.avoided ? digits : none});
  const fewstep::skip_tuning tuned(fewstep::linear_rho(wanted.connections(), {.bottom = o.rho, .top = 1}));
  const auto cheaper = [&](const nn::lane& lane) {
    return [&lane, &tuned,
            cache = fewstep::deep_cache<nn::feature>({.branch = o.branch, .refresh = fewstep::every(o.refresh)})](
               const nn::images& x, const fewstep::evaluation& at, nn::images& out) mutable {
      lane(x, at, out, tuned, cache);
    };
  };
  const auto data = fewstep::converted(fewstep::finite(fewstep::guided(cheaper(wanted), cheaper(away), o.guidance)),
                                       from.schedule.predicts, plan.predicts);
  const nn::images start = noise.start(shape_of(from.network, noise.samples));
  const auto sampled = [&](const auto& denoise) {
    if (!o.clipped) return fewstep::sample(plan, start, denoise, noise);
    if (keeps_direction(o.sampler))
      return fewstep::sample(plan, start, fewstep::clipped_keeping_direction(denoise, 1.0), noise);
    return fewstep::sample(plan, start, fewstep::clipped(denoise, 1.0), noise);
  };
  const auto boundary = boundary_of(o.sampler, from.schedule);
  return boundary ? sampled(fewstep::preconditioned(data, *boundary)) : sampled(data);
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
