// Measures a checkpoint's moments on many machines: levels and samples are spread over the ranks of MPI and merged by
// one reduction. The file has the same bits as that of the program `moments`, whatever the number of ranks.
//
//     mpirun -n 3 moments_mpi --model models/fontdigits-ddpm --data data/fontdigits --samples 1000 --out moments.json
#include "support/measurement.hpp"
#include "support/ranks.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

/// Calls f(mean) for each mean of a level, in one order.
template <class L, class F>
void visit_means(L& level, F f)
{
  f(level.second_moment), f(level.residual), f(level.clipped);
  for (auto& part : level.parts) f(part.second_moment), f(part.residual);
}

/// A block's moments as three numbers a mean.
void store(const fewstep::moment_level& block, double* to)
{
  visit_means(block, [&](const fewstep::running_mean& mean) {
    *to++ = static_cast<double>(mean.count), *to++ = mean.mean, *to++ = mean.squares;
  });
}

fewstep::moment_level restored(const fewstep::noise_level& at, std::size_t parts, const double* from)
{
  fewstep::moment_level block{.at = at, .parts = std::vector<fewstep::part_moments>(parts)};
  visit_means(block, [&](fewstep::running_mean& mean) {
    mean = {static_cast<std::uint64_t>(from[0]), from[1], from[2]}, from += 3;
  });
  return block;
}

void measure(const examples::measurement_options& o, const examples::ranks& all)
{
  std::optional<examples::measurement> m;
  std::vector<std::size_t> places;
  std::vector<double> numbers;  // of all blocks, level by level; those of other ranks are 0
  std::size_t blocks = 0, size = 0;
  all.together([&] {
    if (std::filesystem::exists(o.out)) throw std::runtime_error(o.out.string() + ": is there already");
    if (all.first()) fewstep::require_writable(o.out);
    m.emplace(examples::open_measurement(o));
    places = fewstep::measured_places(m->levels, m->options);
    blocks = fewstep::moment_blocks(m->data, m->options);
    size = 3 * (3 + 2 * m->options.parts);
    numbers.resize(places.size() * blocks * size);
    const examples::round_denoiser network(*m);
    for (std::size_t k = 0; k < places.size() * blocks; ++k)
      if (all.mine(k))
        store(fewstep::measure_block(network, m->data, m->levels, places[k / blocks], k % blocks, m->options),
              numbers.data() + k * size);
  });
  all.collect(numbers);
  if (!all.first()) return;

  fewstep::moment_table moments = fewstep::no_moments(m->data, m->levels, m->options);
  for (std::size_t k = 0; k < places.size() * blocks; ++k)
    add(moments, restored(m->levels[places[k / blocks]], m->options.parts, numbers.data() + k * size));
  fewstep::write_moments(o.out, moments, m->notes);
  std::printf("%s: %zu levels of %zu\n", o.out.string().c_str(), moments.levels.size(), m->levels.size());
}

}  // namespace

int main(int argc, char** argv)
{
  examples::measurement_options chosen;
  const examples::program_title title{
      "moments_mpi", "Measures the moments of a diffusion model's U-Net for Analytic-DPM, on many machines."};
  const auto options_of = [&](CLI::App& app) { examples::declare(app, chosen); };
  return examples::run_on_ranks(title, argc, argv, options_of,
                                [&](const examples::ranks& all) { measure(chosen, all); });
}
