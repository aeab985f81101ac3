/// @file
/// An evaluation of a U-Net: this library's engine beside PyTorch on the processor, the same random weights, checked
/// equal before anything is timed. PyTorch has its images once channel by channel and once pixel by pixel
/// (channels_last); its better median counts. Ends with the ratios of medians, PyTorch / ours. A product of large
/// matrices in PyTorch shows what the processor can do.

#include "fewstep/io/safetensors.hpp"
#include "fewstep/nn/blueprint.hpp"
#include "fewstep/nn/cost.hpp"
#include "fewstep/nn/images.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/network.hpp"
#include "fewstep/nn/unet2d.hpp"
#include "fewstep/nn/weights.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/unet/cost.hpp"
#include "support/unet2d_torch.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>
#include <malloc.h>
#include <torch/utils.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace fewstep;

/// google/ddpm-cifar10-32: 35.7 M parameters, 6.05 G multiply-adds an image.
nn::blueprint large_design()
{
  return {.cosines_first = false,
          .frequency_shift = 1,
          .down = {{}, {true}, {}, {}},
          .up = {{}, {}, {true}, {}},
          .channels = {128, 256, 256, 256},
          .downsample_padding = 0,
          .head_width = std::nullopt,
          .norm_eps = 1e-6};
}

/// models/fontdigits-ddpm.
nn::blueprint small_design()
{
  return {.in_channels = 1,
          .out_channels = 1,
          .down = {{}, {}, {true}},
          .up = {{true}, {}, {}},
          .channels = {24, 48, 96},
          .layers_per_block = 1,
          .head_width = 16,
          .norm_groups = 8,
          .classes = 11};
}

/// A line of /proc/self/status, in bytes.
double memory(const std::string& line)
{
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kilobytes = 0; word == line && status >> kilobytes) return 1024 * kilobytes;
  return 0;
}

/// By how much memory in use grows at most while `run` runs.
template <class F>
double peak_bytes(F&& run)
{
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";  // forget the peak so far
  const double before = memory("VmRSS:");
  run();
  return memory("VmHWM:") - before;
}

/// The same network three times, and images for it.
struct networks {
  explicit networks(const nn::blueprint& design) : classes(design.classes.has_value()), rows(design), pixels(design)
  {
    const std::string text = safetensors_text(rows);
    const auto file = [&] { return read_safetensors(std::as_bytes(std::span(text)), "the random weights"); };
    nn::weights tensors(file());
    const double before = memory("VmRSS:");
    ours = nn::build_unet2d(design, tensors);
    malloc_trim(0);
    our_bytes = memory("VmRSS:") - before;
    torch_bytes = static_cast<double>(text.size());
    load(pixels, file());
    for (at::Tensor& parameter : pixels.parameters())
      if (parameter.dim() == 4) parameter.set_data(parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
  }

  bool classes;
  double our_bytes = 0, torch_bytes = 0;  ///< of the weights
  nn::network ours;
  examples::unet2d_torch rows, pixels;
};

/// A batch for all of them.
struct contest {
  contest(std::shared_ptr<networks> of, std::int64_t batch) :
      nets(std::move(of)),
      rows(at::randn({batch, std::int64_t(nets->ours.in_channels), 32, 32})),
      pixels(rows.contiguous(at::MemoryFormat::ChannelsLast)),
      labels(at::zeros({batch}, at::kLong)),
      x{std::size_t(batch), nets->ours.in_channels, 32, 32},
      y(x)
  {
    std::copy_n(rows.data_ptr<float>(), x.size(), x.data());
    if (nets->classes) condition.class_labels.assign(x.count, 0);
  }

  at::Tensor torch(examples::unet2d_torch& net, const at::Tensor& input) const
  {
    const c10::InferenceMode no_gradients;
    return evaluate(examples::unet2d_torch_lane{&net, labels}, input, at);
  }
  at::Tensor torch_rows() const { return torch(nets->rows, rows); }
  at::Tensor torch_pixels() const { return torch(nets->pixels, pixels); }
  void ours(nn::workspace& work) { nn::lane(nets->ours, work, condition)(x, at, y); }

  /// The largest difference between the outputs, relative to the largest number. Evaluates at its first call only.
  double error()
  {
    if (error_ >= 0) return error_;
    nn::workspace work;
    ours(work);
    for (const at::Tensor& theirs : {torch_rows(), torch_pixels()}) {
      const at::Tensor mine = at::from_blob(y.data(), theirs.sizes(), at::kFloat);
      error_ = std::max(error_, ((theirs - mine).abs().max() / theirs.abs().max()).item<double>());
    }
    return error_;
  }

  std::shared_ptr<networks> nets;
  at::Tensor rows, pixels, labels;
  nn::images x, y;
  nn::conditioning condition{};
  evaluation at{{500, 1, 0}, 0, 0};

private:
  double error_ = -1;
};

constexpr std::size_t most_threads = 2;

/// One of the three ways, under a name that the ratios below look up.
void add(const std::string& name, const std::shared_ptr<contest>& on, std::size_t threads,
         std::function<void(contest&, nn::workspace&)> evaluate_once)
{
  const auto work = std::make_shared<nn::workspace>(threads);
  const auto peak = std::make_shared<double>(-1);
  const auto run = [=](benchmark::State& state) {
    at::set_num_threads(static_cast<int>(threads));
    if (!(on->error() < 1e-4)) {
      state.SkipWithError(("the outputs differ by " + std::to_string(on->error()) + " of the largest").c_str());
      return;
    }
    // the first evaluation, for which memory has to be found
    if (*peak < 0) *peak = peak_bytes([&] { evaluate_once(*on, *work); });
    for (auto _ : state) evaluate_once(*on, *work);
    state.counters["GFLOP"] = 2e-9 * full_cost(nn::multiply_adds(on->nets->ours, 32, 32, on->x.count));
    state.counters["peak_MB"] = *peak / 1e6;
    state.counters["weights_MB"] = 1e-6 * (name.starts_with("ours") ? on->nets->our_bytes : on->nets->torch_bytes);
    state.counters["error"] = on->error();
    state.counters["threads"] = static_cast<double>(threads);
  };
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->Unit(benchmark::kMillisecond)
      ->MeasureProcessCPUTime()
      ->UseRealTime();
}

/// Prints as usual and keeps the medians. With one thread they are of the processor's time, for the time of the clock
/// counts what else the machine does.
class median_keeper : public benchmark::ConsoleReporter {
public:
  median_keeper() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override
  {
    for (const Run& run : runs)
      if (run.aggregate_name == "median")
        medians[run.run_name.function_name] =
            run.counters.at("threads") == 1 ? run.GetAdjustedCPUTime() : run.GetAdjustedRealTime();
    ConsoleReporter::ReportRuns(runs);
  }

  std::map<std::string, double> medians;
};

void print_ratios(const std::map<std::string, double>& medians)
{
  std::printf("\n%-18s %12s %12s %12s %8s\n", "network/batch/threads", "PyTorch", "channels_last", "ours", "ratio");
  for (const auto& [name, ours] : medians) {
    if (!name.starts_with("ours/")) continue;
    const std::string which = name.substr(5);
    const auto rows = medians.find("torch/" + which), pixels = medians.find("torch channels_last/" + which);
    if (rows == medians.end() || pixels == medians.end()) continue;
    std::printf("%-18s %9.1f ms %9.1f ms %9.1f ms %8.2f\n", which.c_str(), rows->second, pixels->second, ours,
                std::min(rows->second, pixels->second) / ours);
  }
}

/// The square product of matrices of 2^10 rows.
void add_peak(std::size_t threads)
{
  const auto run = [=](benchmark::State& state) {
    const c10::InferenceMode no_gradients;
    at::set_num_threads(static_cast<int>(threads));
    const at::Tensor a = at::randn({1024, 1024}), b = at::randn({1024, 1024});
    for (auto _ : state) benchmark::DoNotOptimize(at::mm(a, b));
    state.counters["GFLOP"] = 2.147483648;
    state.counters["threads"] = static_cast<double>(threads);
  };
  benchmark::RegisterBenchmark(("product of matrices/" + std::to_string(threads)).c_str(), run)
      ->Unit(benchmark::kMillisecond)
      ->MeasureProcessCPUTime()
      ->UseRealTime();
}

void add_all(const std::string& network, const nn::blueprint& design, const std::vector<std::int64_t>& batches)
{
  const auto nets = std::make_shared<networks>(design);
  for (const std::int64_t batch : batches) {
    const auto on = std::make_shared<contest>(nets, batch);
    for (std::size_t threads = 1; threads <= most_threads; ++threads) {
      const std::string which = "/" + network + "/" + std::to_string(batch) + "/" + std::to_string(threads);
      add("ours" + which, on, threads, [](contest& c, nn::workspace& work) { c.ours(work); });
      add("torch" + which, on, threads, [](contest& c, nn::workspace&) { c.torch_rows(); });
      add("torch channels_last" + which, on, threads, [](contest& c, nn::workspace&) { c.torch_pixels(); });
    }
  }
}

}  // namespace

int main(int argc, char** argv)
{
  torch::manual_seed(1);
  for (std::size_t threads = 1; threads <= most_threads; ++threads) add_peak(threads);
  add_all("large", large_design(), {1, 4, 16});
  add_all("small", small_design(), {1, 16, 64});

  // Runs take turns, so that a busy moment of the machine hits all alike.
  std::array<std::string, 5> defaults{"unet", "--benchmark_repetitions=7", "--benchmark_min_time=0.02",
                                      "--benchmark_enable_random_interleaving=true",
                                      "--benchmark_display_aggregates_only=true"};
  std::vector<char*> arguments;
  for (std::string& argument : defaults) arguments.push_back(argument.data());
  for (int k = 1; k < argc; ++k) arguments.push_back(argv[k]);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  median_keeper reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  print_ratios(reporter.medians);
}
