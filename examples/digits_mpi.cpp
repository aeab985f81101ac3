// Draws digits on many machines: images are spread over the ranks of MPI. Image k is the same whatever the number of
// ranks, for its noise depends on seed and k alone.
//
//     mpirun -n 3 digits_mpi --model models/fontdigits-ddpm --sampler ddim --steps 20 --count 1000 --out digits.png
#include "fewstep/fewstep.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/workspace.hpp"
#include "support/checkpoint.hpp"
#include "support/drawing.hpp"
#include "support/picture.hpp"
#include "support/ranks.hpp"
#include "support/sampler_choice.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

namespace {

using fewstep::nn::images;

/// Images that are drawn in one batch. It is fixed, so that ranks change no batch.
constexpr std::size_t batch = 10;

struct options {
  std::filesystem::path model = "models/fontdigits-ddpm", out = "digits.png";
  examples::sampler_choice sampler;
  std::size_t count = 40;
  std::uint64_t seed = 7;
};

void declare(CLI::App& app, options& o)
{
  app.add_option("--model", o.model, "checkpoint folder in diffusers' layout")->capture_default_str();
  examples::declare(app, o.sampler);
  app.add_option("--count", o.count, "images, all classes in turn")->capture_default_str();
  app.add_option("--seed", o.seed, "image k depends on seed and k alone")->capture_default_str();
  app.add_option("--out", o.out, "picture to write")->capture_default_str();
}

void draw(const options& o, const examples::ranks& all)
{
  images drawn;
  all.together([&] {
    if (o.count == 0) throw std::invalid_argument("--count must be at least 1, but is 0");
    if (all.first()) fewstep::require_writable(o.out);
    const examples::checkpoint trained = examples::open_checkpoint(o.model);
    const examples::drawing how{.sampler = o.sampler};
    const fewstep::sampling_plan plan = plan_of(o.sampler, trained.schedule);
    drawn = examples::shape_of(trained.network, o.count);  // 0 where other ranks draw
    fewstep::nn::workspace workspace;
    for (std::size_t first = 0; first < o.count; first += batch) {
      if (!all.mine(first / batch)) continue;
      const std::size_t count = std::min(batch, o.count - first);
      const fewstep::philox_noise noise{.seed = o.seed, .first_sample = first, .samples = count};
      const images part = draw_batch(how, plan, trained, workspace, noise);
      std::copy(part.values.begin(), part.values.end(),
                drawn.values.begin() + static_cast<std::ptrdiff_t>(first * drawn.size() / o.count));
    }
  });
  all.collect(drawn.values);
  if (!all.first()) return;
  const auto columns = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(o.count) * 1.6)));
  examples::write_png(o.out, examples::tiled(drawn, columns));
  std::printf("%s: %zu images\n", o.out.string().c_str(), o.count);
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{"digits_mpi", "Draws pictures with a diffusion model's U-Net on many machines."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_on_ranks(title, argc, argv, options_of, [&](const examples::ranks& all) { draw(chosen, all); });
}
