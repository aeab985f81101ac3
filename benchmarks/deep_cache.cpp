/// @file
/// What DeepCache saves of a whole run of 50 DDIM steps with the bundled checkpoint, beside what its multiply-adds
/// promise. Runs of all settings take turns, so that other programs on the machine disturb all alike.

#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/nn/cost.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/load.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/trajectory.hpp"
#include "fewstep/unet/refresh.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace nn = fewstep::nn;
using nn::images;

constexpr std::size_t steps = 50, count = 8;

/// What all runs share.
struct setting {
  nn::network net;
  nn::workspace work{1};
  fewstep::sampling_plan plan = fewstep::ddim(fewstep::even_grid(fewstep::linear_vp(), steps));
  images start{};
  nn::lane lane;

  explicit setting(nn::network network) :
      net(std::move(network)),
      start(fewstep::philox_noise{.seed = 1, .samples = count}.start(
          images{count, net.in_channels, net.sample_size.at(0), net.sample_size.at(1)})),
      lane(net, work, {.class_labels = {0, 1, 2, 3, 4, 5, 6, 7}})
  {
  }
};

void run(benchmark::State& state, setting& all, std::size_t branch, std::size_t every)
{
  fewstep::cache_report report;
  for (auto _ : state) {
    fewstep::deep_cache<nn::feature> cache({.branch = branch, .refresh = fewstep::every(every)});
    const auto denoise = [&](const images& x, const fewstep::evaluation& at, images& out) {
      all.lane(x, at, out, fewstep::plain_join{}, cache);
    };
    const auto data = fewstep::converted(denoise, fewstep::prediction::noise, all.plan.predicts);
    benchmark::DoNotOptimize(fewstep::sample(all.plan, all.start, fewstep::clipped_keeping_direction(data, 1.0)));
    report = cache.report(nn::multiply_adds(all.net, all.start.height, all.start.width, count));
  }
  state.counters["branch"] = static_cast<double>(branch);
  state.counters["every"] = static_cast<double>(every);
  state.counters["ideal"] = (report.done + report.saved) / report.done;
  state.counters["bytes"] = static_cast<double>(report.bytes);
}

}  // namespace

/// benchmark_deep_cache MODEL [options of Google Benchmark]
int main(int argc, char** argv)
{
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: benchmark_deep_cache MODEL [--benchmark_...]\n");
    return 2;
  }
  try {
    setting all(nn::load_unet(argv[1]).net);
    for (std::size_t branch = 0; branch < all.net.connections.size(); ++branch)
      for (const std::size_t every : {1, 2, 3, 5, 10}) {
        if (every == 1 && branch > 0) continue;
        const std::string name = "branch " + std::to_string(branch) + ", every " + std::to_string(every);
        benchmark::RegisterBenchmark(name.c_str(), [&all, branch, every](benchmark::State& state) {
          run(state, all, branch, every);
        })->Unit(benchmark::kMillisecond);
      }
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "benchmark_deep_cache: %s\n", error.what());
    return 2;
  }
  return 0;
}
