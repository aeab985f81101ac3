/// @file
/// What a row of a plan costs, x <- keep * x + terms: ours on several tensors, LibTorch's operators term by term, and
/// one pass over the same memory. Ends with the ratios of medians. All on one thread. Operands count x.

#include "fewstep/adapt/eigen.hpp"
#include "fewstep/adapt/torch.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <ATen/core/Tensor.h>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace fewstep;

constexpr double keep = 0.5;
constexpr std::array weights{0.3, -0.2, 0.1};

/// x and up to three terms.
template <class X>
struct operands {
  X x;
  std::array<X, 3> parts;
};

template <class X, class F>
operands<X> filled(F make)
{
  return {make(1.0), {make(0.5), make(0.25), make(0.125)}};
}

operands<std::vector<float>> vectors(std::size_t size)
{
  return filled<std::vector<float>>([=](double value) { return std::vector<float>(size, static_cast<float>(value)); });
}

operands<Eigen::ArrayXf> arrays(std::size_t size)
{
  return filled<Eigen::ArrayXf>([=](double value) {
    return Eigen::ArrayXf::Constant(static_cast<Eigen::Index>(size), static_cast<float>(value)).eval();
  });
}

operands<at::Tensor> tensors(std::size_t size)
{
  return filled<at::Tensor>(
      [=](double value) { return at::full({static_cast<std::int64_t>(size)}, value, at::kFloat); });
}

operands<std::array<float, 32>> small(std::size_t)
{
  return filled<std::array<float, 32>>([](double value) {
    std::array<float, 32> list;
    list.fill(static_cast<float>(value));
    return list;
  });
}

/// A row as a sampler does it.
template <class X>
void ours(operands<X>& on, std::size_t terms)
{
  std::array<term<X>, 3> row;
  for (std::size_t j = 0; j < terms; ++j) row[j] = {weights[j], &on.parts[j]};
  tensor_traits<X>::combine(on.x, keep, std::span<const term<X>>(row.data(), terms));
}

/// As the expression is written in Python.
void torch_expression(operands<at::Tensor>& on, std::size_t terms)
{
  at::Tensor sum = on.x * keep;
  for (std::size_t j = 0; j < terms; ++j) sum = sum + on.parts[j] * weights[j];
  on.x = std::move(sum);
}

/// Term by term into a new tensor.
void torch_terms(operands<at::Tensor>& on, std::size_t terms)
{
  at::Tensor sum = on.x.mul(keep);
  for (std::size_t j = 0; j < terms; ++j) sum.add_(on.parts[j], weights[j]);
  on.x = std::move(sum);
}

/// The best that the operators allow: term by term in place.
void torch_in_place(operands<at::Tensor>& on, std::size_t terms)
{
  on.x.mul_(keep);
  for (std::size_t j = 0; j < terms; ++j) on.x.add_(on.parts[j], weights[j]);
}

/// One pass over the same memory with as little arithmetic as there can be, in float. The inner loop has a known length
/// so that compilers vectorise it at -O2 too.
template <class... In>
void pass(float* __restrict x, std::size_t size, const In* __restrict... in)
{
  constexpr std::size_t block = 32;
  for (std::size_t k = 0; k + block <= size; k += block)
    for (std::size_t j = k; j < k + block; ++j) x[j] = ((0.5f * x[j]) + ... + in[j]);
}

void one_pass(operands<std::vector<float>>& on, std::size_t terms)
{
  const auto& [a, b, c] = on.parts;
  if (terms == 1) pass(on.x.data(), on.x.size(), a.data());
  if (terms == 2) pass(on.x.data(), on.x.size(), a.data(), b.data());
  if (terms == 3) pass(on.x.data(), on.x.size(), a.data(), b.data(), c.data());
}

constexpr std::array shapes{std::pair{"4x4x128x128", std::size_t{4 * 4 * 128 * 128}},
                            std::pair{"64x3x64x64", std::size_t{64 * 3 * 64 * 64}}};

/// Registers `row` for two, three and four operands under a name that the ratios below look up.
template <class Make, class Row>
void add(const std::string& name, const char* shape, std::size_t size, Make make, Row row)
{
  for (std::size_t count = 2; count <= 4; ++count) {
    const auto run = [=](benchmark::State& state) {
      auto on = make(size);
      for (auto _ : state) {
        row(on, count - 1);
        benchmark::ClobberMemory();
      }
    };
    const std::string full = name + "/" + shape + "/" + std::to_string(count);
    benchmark::RegisterBenchmark(full.c_str(), run);
  }
}

/// Prints as usual and keeps the medians of the processor's time, in nanoseconds: everything runs on one thread, and
/// the time of the clock counts what else the machine does.
class median_keeper : public benchmark::ConsoleReporter {
public:
  median_keeper() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override
  {
    for (const Run& run : runs)
      if (run.aggregate_name == "median") medians[run.run_name.function_name] = run.GetAdjustedCPUTime();
    ConsoleReporter::ReportRuns(runs);
  }

  std::map<std::string, double> medians;
};

void print_ratios(const std::map<std::string, double>& medians)
{
  const auto ratio = [&](const std::string& of, const std::string& to) { return medians.at(of) / medians.at(to); };
  std::printf("\n%-13s %8s | %28s | %42s\n%-13s %8s | %8s %9s %9s | %13s %13s %13s\n", "", "", "ours / one pass",
              "LibTorch / ours on at::Tensor", "shape", "operands", "vector", "ArrayXf", "Tensor", "expression",
              "term by term", "in place");
  for (const auto& [shape, size] : shapes)
    for (const char* count : {"2", "3", "4"}) {
      const auto of = [&](const char* name) { return std::string(name) + "/" + shape + "/" + count; };
      std::printf("%-13s %8s | %8.2f %9.2f %9.2f | %13.2f %13.2f %13.2f\n", shape, count,
                  ratio(of("ours vector"), of("one pass")), ratio(of("ours ArrayXf"), of("one pass")),
                  ratio(of("ours Tensor"), of("one pass")), ratio(of("torch expression"), of("ours Tensor")),
                  ratio(of("torch terms"), of("ours Tensor")), ratio(of("torch in place"), of("ours Tensor")));
    }
  for (const char* count : {"2", "3", "4"})
    std::printf("std::array of 32 floats, %s operands: %.1f ns\n", count,
                medians.at(std::string("ours array/32/") + count));
}

}  // namespace

int main(int argc, char** argv)
{
  at::set_num_threads(1);
  for (const auto& [shape, size] : shapes) {
    add("one pass", shape, size, vectors, one_pass);
    add("ours vector", shape, size, vectors, ours<std::vector<float>>);
    add("ours ArrayXf", shape, size, arrays, ours<Eigen::ArrayXf>);
    add("ours Tensor", shape, size, tensors, ours<at::Tensor>);
    add("torch expression", shape, size, tensors, torch_expression);
    add("torch terms", shape, size, tensors, torch_terms);
    add("torch in place", shape, size, tensors, torch_in_place);
  }
  add("ours array", "32", 32, small, ours<std::array<float, 32>>);

  // Runs take turns, so that a busy moment of the machine hits all alike.
  std::array<std::string, 5> defaults{"rows", "--benchmark_repetitions=15", "--benchmark_min_time=0.02",
                                      "--benchmark_enable_random_interleaving=true",
                                      "--benchmark_display_aggregates_only=true"};
  std::vector<char*> arguments;
  for (std::string& argument : defaults) arguments.push_back(argument.data());
  for (int k = 1; k < argc; ++k) arguments.push_back(argv[k]);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  median_keeper reporter;
  const std::size_t ran = benchmark::RunSpecifiedBenchmarks(&reporter);
  if (reporter.medians.size() == 7 * 3 * shapes.size() + 3 && ran > 0) print_ratios(reporter.medians);
}
