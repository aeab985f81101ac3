// What fewstep itself costs, without a network: building a plan of a thousand rows, and a row of the loop over a
// robot's tensor of 32 floats.
#include "fewstep/fewstep.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <vector>

namespace {

using levels = std::vector<fewstep::noise_level>;

const fewstep::vp_table& schedule()
{
  static const fewstep::vp_table table = fewstep::linear_vp();
  return table;
}

levels whole_grid()
{
  return fewstep::trailing(schedule(), 1000);
}

/// Goal: under 1 ms for 1000 rows, the grid included.
template <class B>
void build(benchmark::State& state, B builder)
{
  for (auto _ : state) benchmark::DoNotOptimize(builder(whole_grid()));
}

BENCHMARK_CAPTURE(build, ddim, [](const levels& grid) { return fewstep::ddim(grid); })->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(build, heun, [](const levels& grid) { return fewstep::heun(grid); })->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(build, dpm_solver_pp_3m, [](const levels& grid) {
  return fewstep::dpm_solver_pp(grid, {.order = 3});
})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(build, unipc_3, [](const levels& grid) {
  return fewstep::unipc(grid, {.order = 3});
})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(build, lms_4, [](const levels& grid) {
  return fewstep::lms(grid, 4);
})->Unit(benchmark::kMicrosecond);

/// One row of the loop over 32 floats. The network writes nothing, so what is measured is ours. Goal: under 60 ns
/// without noise.
template <class Z>
void row(benchmark::State& state, const fewstep::sampling_plan& plan, Z noise)
{
  const auto network = [](const auto&, const fewstep::evaluation&, auto& out) { benchmark::DoNotOptimize(out.data()); };
  const std::array<float, 32> start{0.5F};
  for (auto _ : state) benchmark::DoNotOptimize(fewstep::sample(plan, start, network, noise));
  state.counters["a_row"] =
      benchmark::Counter(static_cast<double>(plan.steps.size()),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(row, ddim, fewstep::ddim(whole_grid()), fewstep::no_noise{})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(row, dpm_solver_pp_2m, fewstep::dpm_solver_pp(whole_grid(), {.order = 2}), fewstep::no_noise{})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(row, unipc_3, fewstep::unipc(whole_grid(), {.order = 3}), fewstep::no_noise{})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(row, ddim_ancestral_with_noise, fewstep::ddim(whole_grid(), 1), fewstep::philox_noise{.seed = 1})
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
