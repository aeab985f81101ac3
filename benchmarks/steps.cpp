// Samplers x numbers of evaluations: time and error against the exact solution, on Gaussian mixtures in 2 and 1024
// dimensions. scripts/steps.sh turns it into docs/results/steps.md.
#include "fewstep/audit/mixture_data.hpp"
#include "fewstep/fewstep.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace {

using fewstep::noise_level;
using fewstep::sampling_plan;
using batch = std::vector<double>;

/// Axes are independent and of one law, so that the flow and the quantiles of an axis are exact and all numbers of a
/// batch count as draws of that law. The denoiser is exact as well.
struct problem {
  std::size_t dimensions;
  fewstep::mixture_data axis;

  /// `count` numbers that share the law of a level evenly, smallest first.
  batch quantiles(const noise_level& at, std::size_t count) const
  {
    batch x(count);
    for (std::size_t k = 0; k < count; ++k)
      x[k] = axis.quantile((static_cast<double>(k) + 0.5) / static_cast<double>(count), at);
    return x;
  }
};

/// Four narrow blobs in the plane; 2^1024 wide ones of unequal weights in 1024 dimensions.
const std::vector<problem> problems{{2, {{{0.5, {-1, 0.1}}, {0.5, {1, 0.1}}}}}, {1024, {}}};
constexpr std::size_t timed_numbers = 4096, drawn_numbers = 1 << 16;

struct sampler {
  std::string name;
  bool stochastic;  ///< has no flow to be held against
  std::function<sampling_plan(std::size_t)> of_steps;
};

/// EDM's grid for n steps, the last of which goes to the data.
std::vector<noise_level> levels(std::size_t n)
{
  return fewstep::karras(fewstep::edm_schedule{}, n, {});
}

std::vector<sampler> samplers()
{
  using namespace fewstep;
  static constexpr edm_schedule edm;
  const auto on_levels = [](auto build) { return [build](std::size_t n) { return build(levels(n)); }; };
  return {
      {"DDIM", false, on_levels([](const auto& g) { return ddim(g); })},
      {"DDIM, flow grid", false, [](std::size_t n) { return flow_euler(flow_grid(n, {.shift = 3})); }},
      {"Heun", false, on_levels([](const auto& g) { return heun(g); })},
      {"Ralston", false,
       [](std::size_t n) {
         std::vector<double> times;
         for (const noise_level& at : levels(n)) times.push_back(at.t);
         return runge_kutta(edm, times, {.alpha = 2. / 3});
       }},
      {"DPM-2", false, on_levels([](const auto& g) { return dpm_2(edm, g); })},
      {"DPM-Solver++ 2S", false, on_levels([](const auto& g) { return dpm_solver_pp_2s(edm, g); })},
      {"DPM-Solver++ 2M", false, on_levels([](const auto& g) { return dpm_solver_pp(g); })},
      {"DPM-Solver++ 3M", false, on_levels([](const auto& g) { return dpm_solver_pp(g, {.order = 3}); })},
      {"DPM-Solver 2", false, on_levels([](const auto& g) { return dpm_solver(g); })},
      {"DPM-Solver 3", false, on_levels([](const auto& g) { return dpm_solver(g, {.order = 3}); })},
      {"UniPC-2", false, on_levels([](const auto& g) { return unipc(g); })},
      {"UniPC-3", false, on_levels([](const auto& g) { return unipc(g, {.order = 3}); })},
      {"LMS-4", false, on_levels([](const auto& g) { return lms(g); })},
      {"PLMS", false, on_levels([](const auto& g) { return plms(g); })},
      {"iPNDM-4", false, on_levels([](const auto& g) { return ipndm(g); })},
      {"DEIS-3", false, on_levels([](const auto& g) { return deis(g, {.order = 3}); })},
      {"DDPM", true, on_levels([](const auto& g) { return ddpm(g); })},
      {"DDPM, large variance", true,
       on_levels([](const auto& g) { return ddpm(g, {.variance = ddpm_variance::interval}); })},
      {"EDM stochastic", true,
       on_levels([](const auto& g) { return heun(edm, g, {.churn = 40, .s_min = 0.05, .s_max = 50}); })},
      {"DPM-2 ancestral", true, on_levels([](const auto& g) { return dpm_2_ancestral(edm, g); })},
      {"DPM-Solver++ 2S ancestral", true,
       on_levels([](const auto& g) { return dpm_solver_pp_2s(edm, g, {.eta = 1}); })},
      {"DPM-Solver++ SDE", true, on_levels([](const auto& g) { return dpm_solver_pp_sde(edm, g); })},
      {"DPM-Solver++ SDE-2M", true, on_levels([](const auto& g) { return dpm_solver_pp(g, {.eta = 1}); })},
      {"DPM-Solver++ SDE-3M", true, on_levels([](const auto& g) { return dpm_solver_pp(g, {.order = 3, .eta = 1}); })},
  };
}

/// The plan of the most steps that costs at most so many evaluations.
sampling_plan plan_within(const sampler& method, std::size_t evaluations)
{
  for (std::size_t n = evaluations; n > 1; --n)
    if (const sampling_plan plan = method.of_steps(n); plan.steps.size() <= evaluations) return plan;
  return method.of_steps(1);
}

/// Draws from the exact law of a level.
batch exact_draws(const problem& data, const noise_level& at, std::size_t count, std::uint64_t seed)
{
  const auto normals = [&](std::uint64_t sample) {
    return fewstep::philox_noise{.seed = seed, .first_sample = sample}.start(batch(count));
  };
  const batch choice = normals(0), inner = normals(1), outer = normals(2);
  batch x(count);
  const double low = data.axis.parts[0].weight;  // of two parts
  for (std::size_t k = 0; k < count; ++k) {
    const auto& [mean, deviation] = data.axis.parts[std::erfc(-choice[k] / std::sqrt(2.0)) / 2 < low ? 0 : 1].law;
    x[k] = at.alpha * (mean + deviation * inner[k]) + at.sigma * outer[k];
  }
  return x;
}

/// The mean distance of numbers to others, one by one, in deviations of the data.
double distance(const problem& data, const batch& x, const batch& exact)
{
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += std::abs(x[k] - exact[k]);
  return sum / static_cast<double>(x.size()) / data.axis.deviation_at({});
}

/// One run, and the seconds of it that the denoiser took.
batch run(const problem& data, const sampling_plan& plan, const batch& start, double& inside)
{
  using clock = std::chrono::steady_clock;
  const auto denoise = [&](const batch& x, const noise_level& at, batch& out) {
    const auto begin = clock::now();
    for (std::size_t k = 0; k < x.size(); ++k) out[k] = data.axis(x[k], at);
    inside += std::chrono::duration<double>(clock::now() - begin).count();
  };
  const fewstep::philox_noise noise{.seed = 2, .samples = start.size() / data.dimensions};
  return fewstep::sample(plan, start, fewstep::converted(denoise, fewstep::prediction::data, plan.predicts), noise);
}

/// Deterministic plans start from quantiles of their first level, which the flow takes to those of the data. The mean
/// distance to them is Wasserstein's first distance of the laws if the plan keeps the order of numbers, else more.
double flow_error(const problem& data, const sampling_plan& plan)
{
  double inside = 0;
  const batch end = run(data, plan, data.quantiles(plan.start, timed_numbers), inside);
  return distance(data, end, data.quantiles(plan.end, timed_numbers));
}

/// Stochastic plans start from draws of the law of their first level. Wasserstein's first distance is the mean distance
/// of what they end with, sorted, to the quantiles of the data.
double law_error(const problem& data, batch end, const batch& quantiles)
{
  std::sort(end.begin(), end.end());
  return distance(data, end, quantiles);
}

void steps(benchmark::State& state, const problem& data, const batch& quantiles, const sampler& method,
           std::size_t budget)
{
  const sampling_plan plan = plan_within(method, budget);
  const batch start = exact_draws(data, plan.start, timed_numbers, 1);
  batch end;
  double inside = 0, total = 0;
  for (auto step : state) {
    const auto begin = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(end = run(data, plan, start, inside));
    total += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  const auto evaluations = static_cast<double>(plan.steps.size());
  state.SetLabel(method.name);
  state.counters["dimensions"] = static_cast<double>(data.dimensions);
  state.counters["budget"] = static_cast<double>(budget);
  state.counters["evaluations"] = evaluations;
  state.counters["stochastic"] = method.stochastic;
  state.counters["outside_us"] = 1e6 * (total - inside) / static_cast<double>(state.iterations()) / evaluations;
  if (method.stochastic) end = run(data, plan, exact_draws(data, plan.start, drawn_numbers, 3), inside);
  state.counters["error"] = method.stochastic ? law_error(data, end, quantiles) : flow_error(data, plan);
}

/// What draws of the data themselves are off by: less cannot be seen of a stochastic sampler.
void least_distance(benchmark::State& state, const problem& data, const batch& quantiles)
{
  double error = 0;
  for (auto step : state) error = law_error(data, exact_draws(data, {}, drawn_numbers, 4), quantiles);
  state.SetLabel("draws of the data");
  state.counters["dimensions"] = static_cast<double>(data.dimensions);
  state.counters["error"] = error;
}

}  // namespace

int main(int argc, char** argv)
{
  benchmark::Initialize(&argc, argv);
  const std::vector<sampler> methods = samplers();
  std::vector<batch> quantiles;
  for (const problem& data : problems) quantiles.push_back(data.quantiles({}, drawn_numbers));
  for (std::size_t p = 0; p < problems.size(); ++p) {
    const problem& data = problems[p];
    const batch& exact = quantiles[p];
    const std::string suffix = "/" + std::to_string(data.dimensions);
    for (const sampler& method : methods)
      for (const std::size_t budget : {5U, 10U, 20U, 50U, 100U})
        benchmark::RegisterBenchmark((method.name + suffix + "/" + std::to_string(budget)).c_str(),
                                     [&, budget](auto& state) { steps(state, data, exact, method, budget); })
            ->Iterations(static_cast<benchmark::IterationCount>(1 + 200 / budget))
            ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("draws of the data" + suffix).c_str(),
                                 [&](auto& state) { least_distance(state, data, exact); })
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
