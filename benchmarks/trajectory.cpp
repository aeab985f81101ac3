/// @file
/// What the search for the best trajectory costs: ours on exact and on measured moments, ours for any cost, and the
/// dynamic program as the paper has it (Bao et al. 2022, arXiv:2201.06503, algorithm 2), over a matrix of all costs and
/// without the temporaries of its authors' code. All paths of up to so many stops are found. Ends with the ratios.

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/least_cost_path.hpp"
#include "fewstep/search/lower_envelope.hpp"
#include "fewstep/search/path_cost.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using fewstep::path_node;

/// Normal data whose numbers have variances from 1 to 0.001, along the linear schedule. Residuals off by `deviation` of
/// themselves are what some hundred samples give.
std::vector<path_node> nodes_of(std::size_t count, double deviation)
{
  const double scale = 1000 / static_cast<double>(count);
  const auto table = fewstep::linear_vp({.steps = count, .first_beta = 1e-4 * scale, .last_beta = 2e-2 * scale});
  std::mt19937 bits(1);
  std::normal_distribution<double> normal(1, deviation);
  std::vector<path_node> nodes;
  for (const fewstep::noise_level& at : levels_of(table)) {
    const double n = fewstep::noise_variance(at);
    double residual = 0;
    for (const double v : {1.0, 0.25, 0.05, 0.01, 0.001}) residual += v / (v + n) / 5;
    nodes.push_back({n, std::clamp(residual * (deviation > 0 ? normal(bits) : 1), 0.0, 1.0)});
  }
  return nodes;
}

std::vector<double> ours(const std::vector<path_node>& nodes, std::size_t most)
{
  return fewstep::ddpm_paths(nodes, most).costs();
}

std::vector<double> any_cost(const std::vector<path_node>& nodes, std::size_t most)
{
  const auto cost = [&](std::size_t s, std::size_t t) { return telescoped_cost(nodes[s], nodes[t]); };
  return fewstep::least_cost_paths(nodes.size(), most, cost).costs();
}

/// C[k, n] = min_s C[k - 1, s] + F[s, n] with all back pointers; F[n, s] is stored, so that the inner loop is
/// contiguous.
std::vector<double> paper(const std::vector<path_node>& nodes, std::size_t most)
{
  const std::size_t count = nodes.size();
  std::vector<double> f(count * count), before(count, std::numeric_limits<double>::infinity()), reached = before, costs;
  for (std::size_t t = 1; t < count; ++t)
    for (std::size_t s = 0; s < t; ++s) f[t * count + s] = telescoped_cost(nodes[s], nodes[t]);
  std::vector<std::int32_t> from(most * count);
  for (std::size_t t = 1; t < count; ++t) before[t] = f[t * count];
  costs.push_back(before.back());
  for (std::size_t k = 2; k < most; ++k) {
    for (std::size_t t = k; t < count; ++t) {
      double best = std::numeric_limits<double>::infinity();
      for (std::size_t s = k - 1; s < t; ++s)
        if (const double sum = before[s] + f[t * count + s]; sum < best) {
          best = sum;
          from[k * count + t] = static_cast<std::int32_t>(s);
        }
      reached[t] = best;
    }
    benchmark::DoNotOptimize(from.data());
    costs.push_back(reached.back());
    std::swap(before, reached);
  }
  return costs;
}

struct size {
  std::size_t nodes, most;

  std::string name() const { return std::to_string(nodes) + "/" + std::to_string(most); }
};

constexpr std::array sizes{size{1000, 50}, size{1000, 1000}, size{4000, 50}, size{4000, 1000}};

/// Registers a search under a name that the ratios below look up. A long one runs once.
template <class F>
void add(const std::string& name, const size& of, double deviation, F search, bool once = false)
{
  const auto run = [=](benchmark::State& state) {
    const auto nodes = nodes_of(of.nodes, deviation);
    for (auto _ : state) benchmark::DoNotOptimize(search(nodes, of.most));
  };
  auto* registered = benchmark::RegisterBenchmark((name + "/" + of.name()).c_str(), run)->Unit(benchmark::kMillisecond);
  if (once) registered->Iterations(1)->Repetitions(1);
}

/// The largest difference of costs between ours and the paper's program.
double difference(const size& of, double deviation)
{
  const auto nodes = nodes_of(of.nodes, deviation);
  const auto mine = ours(nodes, of.most), theirs = paper(nodes, of.most);
  double most = 0;
  for (std::size_t k = 0; k < mine.size(); ++k) most = std::max(most, std::abs(mine[k] - theirs[k]));
  return most;
}

/// Prints as usual and keeps the medians of the processor's time, in milliseconds, of what ran once its only time.
class median_keeper : public benchmark::ConsoleReporter {
public:
  median_keeper() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override
  {
    for (const Run& run : runs)
      if (run.aggregate_name == "median" || (run.run_type == Run::RT_Iteration && run.repetitions == 1))
        medians[run.run_name.function_name] = run.GetAdjustedCPUTime();
    ConsoleReporter::ReportRuns(runs);
  }

  std::map<std::string, double> medians;
};

void print_ratios(const std::map<std::string, double>& medians)
{
  std::printf("\n%-10s %10s %10s %10s %12s | %24s | %9s\n%-10s %10s %10s %10s %12s | %11s %12s | %9s\n", "", "ours,",
              "ours,", "ours, any", "", "paper / ours", "ours,", "nodes/most", "exact", "measured", "cost", "paper",
              "exact", "measured", "memory");
  for (const size& of : sizes) {
    const auto time = [&](const std::string& name) { return medians.at(name + "/" + of.name()); };
    const double megabytes = static_cast<double>(fewstep::ddpm_paths(nodes_of(of.nodes, 0), of.most).bytes()) / 1e6;
    std::printf("%-10s %7.2f ms %7.2f ms %7.1f ms %9.1f ms | %11.0f %12.0f | %6.1f MB\n", of.name().c_str(),
                time("exact"), time("measured"), time("any cost"), time("paper"), time("paper") / time("exact"),
                time("paper") / time("measured"), megabytes);
  }
}

}  // namespace

int main(int argc, char** argv)
{
  for (const double deviation : {0.0, 0.02})
    if (const double apart = difference({500, 100}, deviation); apart > 1e-9) {
      std::fprintf(stderr, "the searches differ by %g\n", apart);
      return 1;
    }
  for (const size& of : sizes) {
    const bool large = of.nodes * of.most >= 1000 * 1000;
    add("exact", of, 0, ours);
    add("measured", of, 0.02, ours);
    add("any cost", of, 0, any_cost, of.nodes * of.most >= 4000 * 1000);
    add("paper", of, 0, paper, large);
  }
  // Runs take turns, so that a busy moment of the machine hits all alike.
  std::array<std::string, 5> defaults{"trajectory", "--benchmark_repetitions=7", "--benchmark_min_time=0.05",
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
  if (reporter.medians.size() == 4 * sizes.size()) print_ratios(reporter.medians);
}
