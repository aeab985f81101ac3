#include "fewstep/sample.hpp"

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"

#include <array>
#include <cmath>
#include <stop_token>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

/// Three rows that use everything that a row can: history, fresh noise, the noise of the row before.
sampling_plan everything()
{
  const noise_level a{9, 0.1, 0.9}, b{5, 0.5, 0.7}, c{2, 0.8, 0.4};
  return {.start = {10, 0.1, 0.8},
          .lift = 0.25,
          .steps = {{.at = a, .keep = 0.5, .model = {0.3}, .noise = 0.2},
                    {.at = b, .keep = 0.4, .model = {0.2, 0.6}, .noise = 0.1, .last_noise = 0.05},
                    {.at = c, .keep = 0.3, .model = {0.1, 0.7, -0.2}, .last_noise = 0.03}},
          .end = {-1, 1, 0}};
}

double network(double x, const noise_level& at)
{
  return std::tanh(x) + 0.1 * at.t;
}

/// z = 1, 2, 3, ... by row; the lift gets 100.
double count_up(double, const evaluation& at)
{
  return at.row == lift_row ? 100 : 1 + static_cast<double>(at.row);
}

}  // namespace

TEST_CASE("the loop does what the table says", "[sample]")
{
  double x = 0.7 + 0.25 * 100;
  const double m0 = network(x, {9});
  x = 0.5 * x + 0.3 * m0 + 0.2 * 1;
  const double m1 = network(x, {5});
  x = 0.4 * x + 0.2 * m1 + 0.6 * m0 + 0.1 * 2 + 0.05 * 1;
  const double m2 = network(x, {2});
  x = 0.3 * x + 0.1 * m2 + 0.7 * m1 - 0.2 * m0 + 0.03 * 2;
  REQUIRE_THAT(sample(everything(), 0.7, network, count_up), WithinRel(x, 1e-15));
}

TEST_CASE("the denoiser is told level, row and target, and may write its output instead of returning it", "[sample]")
{
  std::vector<evaluation> seen;
  const auto watched = [&](double x, const evaluation& at) {
    seen.push_back(at);
    return network(x, at);
  };
  const auto writes = [](double x, const evaluation& at, double& out) { out = network(x, at); };
  const sampling_plan plan = everything();
  const double x = sample(plan, 0.7, watched, count_up);
  REQUIRE(sample(plan, 0.7, writes, count_up) == x);
  REQUIRE(seen.size() == 3);
  for (std::size_t k = 0; k < 3; ++k) {
    REQUIRE(static_cast<const noise_level&>(seen[k]) == plan.steps[k].at);
    REQUIRE(seen[k].row == k);
    REQUIRE(seen[k].target == (k < 2 ? plan.steps[k + 1].at.t : -1));
  }
}

TEST_CASE("a noise source may write into a buffer", "[sample]")
{
  const auto writes = [](double x, const evaluation& at, double& out) { out = count_up(x, at); };
  REQUIRE(sample(everything(), 0.7, network, writes) == sample(everything(), 0.7, network, count_up));
}

TEST_CASE("a run pulled row by row, with outputs that the caller computes, is the run that is pushed", "[sample]")
{
  const sampling_plan plan = everything();
  stepper run(plan, 0.7, count_up);
  while (!run.done()) run.take(network(run.x(), run.at()));
  REQUIRE(run.row() == 3);
  REQUIRE(run.x() == sample(plan, 0.7, network, count_up));
}

TEST_CASE("a run that is stopped at any row and goes on from its state ends with the same bits", "[sample]")
{
  const sampling_plan plan = everything();
  const double whole = sample(plan, 0.7, network, count_up);
  for (std::size_t rows = 0; rows <= 3; ++rows) {
    std::stop_source stop;
    stepper run(plan, 0.7, count_up);
    if (rows == 0) stop.request_stop();
    const bool done = advance(run, network, stop.get_token(), [&](const evaluation& at, double, double&) {
      if (at.row + 1 == rows) stop.request_stop();
    });
    REQUIRE(done == (rows == 3));
    const run_state<double> saved = run.state();
    REQUIRE(saved.row == rows);
    stepper later(plan, saved, count_up);
    REQUIRE(advance(later, network, std::stop_token()));
    REQUIRE(later.x() == whole);
  }
}

TEST_CASE("a saved run is refused by another plan, or if something is missing in it", "[sample]")
{
  const sampling_plan plan = everything();
  stepper run(plan, 0.7, count_up);
  run.step(network);
  run.step(network);
  const run_state<double> good = run.state();
  const auto resume = [&](const sampling_plan& with, run_state<double> state) { stepper again(with, state, count_up); };
  REQUIRE_NOTHROW(resume(plan, good));
  sampling_plan other = plan;
  other.steps[2].keep = 0.31;
  REQUIRE_THROWS_WITH(resume(other, good), ContainsSubstring("another plan"));
  auto bad = good;
  bad.kept.pop_back();
  REQUIRE_THROWS_WITH(resume(plan, bad),
                      ContainsSubstring("incomplete") && ContainsSubstring("holds 1 outputs, where 2"));
  bad = good;
  bad.last_noise.reset();
  REQUIRE_THROWS_WITH(resume(plan, bad), ContainsSubstring("incomplete"));
  bad = good;
  bad.row = 4;
  REQUIRE_THROWS_WITH(resume(plan, bad), ContainsSubstring("row 4 of 3"));
}

TEST_CASE("a plan that draws noise is refused without a source, before the network runs", "[sample]")
{
  int calls = 0;
  const auto counted = [&](double x, const noise_level&) { return ++calls, x; };
  REQUIRE_THROWS_WITH(sample(everything(), 0.7, counted), ContainsSubstring("draws noise"));
  REQUIRE(calls == 0);
}

TEST_CASE("the observer sees the predicted data, whatever the plan weighs, and may edit the state", "[sample]")
{
  const test::gaussian data;
  const auto grid = trailing(linear_vp(), 4);
  sampling_plan plan = ddim(grid);
  std::vector<double> seen, expected;
  const auto noted = [&](double x, const evaluation& at) { return expected.emplace_back(data(x, at)); };
  const auto watch = [&](const evaluation&, const double& predicted, double&) { seen.push_back(predicted); };
  const double end = sample(plan, 1.3, noted, no_noise{}, watch);
  REQUIRE(seen == expected);
  REQUIRE(end == seen.back());

  // the same plan in noise registers: keep * x + w D = (keep + w / alpha) x - w sigma / alpha * eps
  sampling_plan in_noise = plan;
  in_noise.predicts = prediction::noise;
  for (plan_step& row : in_noise.steps) {
    row.keep += row.model[0] / row.at.alpha;
    row.model[0] *= -row.at.sigma / row.at.alpha;
  }
  seen.clear();
  sample(in_noise, 1.3, converted(data, prediction::data, prediction::noise), no_noise{}, watch);
  for (std::size_t k = 0; k < 4; ++k) REQUIRE_THAT(seen[k], WithinAbs(expected[k], 1e-12));

  const auto pin = [](const evaluation&, const double&, double& x) { x = 5; };
  REQUIRE(sample(plan, 1.3, data, no_noise{}, pin) == 5);
}

TEST_CASE("with two estimates a step lands on one and takes its noise from the other", "[sample]")
{
  // official DDIM: alpha' clip(D) + sigma' (x - alpha D) / sigma
  const auto grid = trailing(linear_vp(), 3);
  const auto wild = [](double x, const noise_level& at) { return 2 * std::tanh(x) + 0.01 * at.t / 999; };
  double x = 1.3;
  for (std::size_t k = 0; k < 3; ++k) {
    const double d = wild(x, grid[k]);
    x = grid[k + 1].alpha * std::clamp(d, -1., 1.) + grid[k + 1].sigma * (x - grid[k].alpha * d) / grid[k].sigma;
  }
  double observed = 0;
  const auto watch = [&](const evaluation&, const double& data, double&) { observed = data; };
  REQUIRE_THAT(sample(ddim(grid), 1.3, clipped_keeping_direction(wild), no_noise{}, watch), WithinAbs(x, 1e-14));
  REQUIRE(std::abs(observed) <= 1);

  const auto returns_both = [](double, const evaluation&) { return two_estimates<double>{1, 1}; };
  REQUIRE_NOTHROW(sample(ddim(grid), 1.3, returns_both));
  sampling_plan plan = ddim(grid);
  plan.predicts = prediction::noise;
  REQUIRE_THROWS_WITH(sample(plan, 1.3, returns_both), ContainsSubstring("one data prediction a row"));
  REQUIRE_THROWS_WITH(sample(everything(), 1.3, returns_both, count_up),
                      ContainsSubstring("one data prediction a row"));
}

TEST_CASE("a wrapper that is kept as a constant can be sampled with", "[sample]")
{
  const test::gaussian data;
  const auto grid = trailing(linear_vp(), 4);
  const auto denoise = clipped(finite(converted(data, prediction::data, prediction::data)), 9);
  REQUIRE(sample(ddim(grid), 1.3, denoise) == sample(ddim(grid), 1.3, data));
}

TEST_CASE("a network that throws leaves the run where it was", "[sample]")
{
  const sampling_plan plan = everything();
  stepper run(plan, 0.7, count_up);
  run.step(network);
  const run_state<double> before = run.state();
  const auto breaks = [](double, const evaluation&) -> double { throw std::runtime_error("no"); };
  REQUIRE_THROWS_WITH(run.step(breaks), "no");
  REQUIRE(run.x() == before.x);
  REQUIRE(run.row() == before.row);
  while (!run.done()) run.step(network);
  REQUIRE(run.x() == sample(plan, 0.7, network, count_up));
}

TEST_CASE("a sample does not depend on the batch that it is in", "[sample]")
{
  using X = std::vector<float>;
  const auto each = [](const X& x, const evaluation& at, X& out) {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::tanh(x[i]) + 0.001F * static_cast<float>(at.t);
  };
  const sampling_plan plan = ddim(trailing(linear_vp(), 10), 1);
  const std::size_t size = 5;
  const philox_noise eight{.seed = 3, .samples = 8};
  const X together = sample(plan, eight.start(X(8 * size)), each, eight);
  for (std::size_t k = 0; k < 8; ++k) {
    const philox_noise one{.seed = 3, .first_sample = k};
    const X alone = sample(plan, one.start(X(size)), each, one);
    REQUIRE(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(k * size)));
  }
}

TEST_CASE("DDIM on exact Gaussian predictions ends on the flow", "[sample]")
{
  const test::gaussian data;
  const vp_table table = linear_vp({.steps = 20000, .first_beta = 5e-6, .last_beta = 1e-3});
  const auto grid = trailing(table, 20000);
  REQUIRE_THAT(sample(ddim(grid), 1.3, data), WithinAbs(data.flow(1.3, grid.front(), grid.back()), 2e-3));
}
