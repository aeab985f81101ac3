#include "fewstep/unet/deep_cache.hpp"

#include "fewstep/denoiser/guidance.hpp"
#include "fewstep/plan/adams.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/unipc.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/catch.hpp"
#include "support/toy_unet.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using test::at_row;
using test::toy_unet;
using test::unrolled;

namespace {

using numbers = std::vector<double>;
using list = std::vector<std::size_t>;

/// A network that notes at which rows it was run to the middle.
struct watched {
  explicit watched(std::size_t count = 4, double condition = 0) :
      net{.count = count, .condition = condition, .full_rows = &full, .connections_run = &ran}
  {
  }

  list full, ran;
  toy_unet<double> net;
};

std::vector<sampling_plan> plans()
{
  return {ddim(test::falling(9)), heun(test::falling(5)), plms(test::falling(7)), unipc(test::falling(6))};
}

/// Runs a plan whose network is evaluated with a cache.
double run(const sampling_plan& plan, const toy_unet<double>& net, deep_cache<double>& cache)
{
  return sample(plan, 5.0, [&](double x, const evaluation& at) { return evaluate(net, x, at, plain_join{}, cache); });
}

}  // namespace

TEST_CASE("refreshing at every row gives the bits of the plain network, and is what a cache does unless told", "[unet]")
{
  const toy_unet<double> net{.count = 4};
  for (const sampling_plan& plan : plans())
    for (std::size_t branch = 0; branch < 4; ++branch) {
      const double plain = sample(plan, 5.0, [&](double x, const evaluation& at) { return evaluate(net, x, at); });
      deep_cache<double> each({.branch = branch, .refresh = every(1)}), standard({.branch = branch});
      REQUIRE(run(plan, net, each) == plain);
      REQUIRE(run(plan, net, standard) == plain);
      REQUIRE(standard.report().refreshes == plan.steps.size());
    }
}

TEST_CASE("a cached call at the same input gives the same bits, and runs the connections down to the branch", "[unet]")
{
  watched seen(5);
  for (std::size_t branch = 0; branch < 5; ++branch) {
    deep_cache<double> cache({.branch = branch, .refresh = every(9)});
    const double whole = evaluate(seen.net, 0.8, at_row(0, 3), plain_join{}, cache);
    REQUIRE(whole == evaluate(seen.net, 0.8, at_row(0, 3)));
    seen.full.clear(), seen.ran.clear();
    REQUIRE(evaluate(seen.net, 0.8, at_row(1, 3), plain_join{}, cache) == whole);
    REQUIRE(seen.full.empty());
    list outer(branch + 1);
    for (std::size_t i = 0; i <= branch; ++i) outer[i] = i;
    REQUIRE(seen.ran == outer);
  }
}

TEST_CASE("a cached call joins fresh skips, at the present level, with the kept feature, by reference", "[unet]")
{
  const toy_unet<double> net{.count = 4};
  for (std::size_t branch = 0; branch < 4; ++branch) {
    deep_cache<double> cache({.branch = branch, .refresh = every(9)});
    evaluate(net, 0.8, at_row(0, 3), plain_join{}, cache);
    const double kept = unrolled(4, 0.8, test::angle(3)).deeps[branch];
    REQUIRE(cache.kept().value().feature == kept);
    const double* handed = nullptr;
    const auto look = [&](std::size_t i, const double& deep, double&, const evaluation&) {
      if (i == branch) handed = &deep;
    };
    REQUIRE(evaluate(net, -0.5, at_row(1, 2), look, cache) ==
            unrolled(4, -0.5, test::angle(2), {}, branch, &kept).output);
    REQUIRE(handed == &cache.kept()->feature);
  }
}

TEST_CASE("whatever rows are evaluated, a call refreshes if a refresh was due since the last one", "[unet]")
{
  std::uint64_t random = 1;
  const std::vector<refresh_policy> policies{every(3), every(5), at_rows({0, 4, 5, 13}),
                                             protecting(every(6), 40, {.first = 4, .last = 3})};
  for (int trial = 0; trial < 50; ++trial)
    for (const refresh_policy& policy : policies) {
      watched seen;
      deep_cache<double> cache({.branch = 1, .refresh = policy});
      const list named = full_rows(policy, 40);
      list expected;
      std::optional<std::size_t> kept;
      for (std::size_t row = 0; row < 40; ++row) {
        random = random * 6364136223846793005 + 1442695040888963407;
        if (random >> 63) continue;
        evaluate(seen.net, 0.1 * double(row), at_row(row, 5), plain_join{}, cache);
        const auto since = [&](std::size_t due) { return *kept < due && due <= row; };
        if (kept && std::none_of(named.begin(), named.end(), since)) continue;
        kept = row;
        expected.push_back(row);
      }
      REQUIRE(seen.full == expected);
    }
}

TEST_CASE(
    "Heun's corrector, a doubled first step and predictor-corrector rows refresh on the rows that the policy names",
    "[unet]")
{
  for (const sampling_plan& plan : plans())
    for (const std::size_t n : {1u, 2u, 3u, 4u}) {
      watched seen;
      deep_cache<double> cache({.branch = 2, .refresh = every(n)});
      run(plan, seen.net, cache);
      REQUIRE(seen.full == full_rows(every(n), plan.steps.size()));
      REQUIRE(cache.report().refreshes == (plan.steps.size() + n - 1) / n);
    }
}

TEST_CASE("a cache that is used for another run begins anew, be it of one row", "[unet]")
{
  const toy_unet<double> net{.count = 4};
  const sampling_plan plan = ddim(test::falling(7)), short_plan = ddim(test::falling(1));
  deep_cache<double> fresh({.branch = 1, .refresh = every(50)}), used({.branch = 1, .refresh = every(50)});
  const double expected = run(plan, net, fresh);
  run(plan, net, used);
  REQUIRE(run(plan, net, used) == expected);
  REQUIRE(used.report().refreshes == 2);
  run(short_plan, net, used);
  run(short_plan, net, used);
  REQUIRE(used.report().refreshes == 4);
  // one that was stopped in the middle
  evaluate(net, 1.0, at_row(0, 1), plain_join{}, used);
  evaluate(net, 1.0, at_row(5, 1), plain_join{}, used);
  evaluate(net, 1.0, at_row(3, 1), plain_join{}, used);
  REQUIRE(used.report().refreshes == 6);
}

TEST_CASE("with a cache for each half, guidance that leaves rows out refreshes both when it is due", "[unet]")
{
  watched wanted(4, 0.4), away(4, -0.2);
  deep_cache<double> first({.branch = 1, .refresh = every(4)}), second({.branch = 1, .refresh = every(4)});
  const auto half = [](const toy_unet<double>& net, deep_cache<double>& cache) {
    return [&](double x, const evaluation& at) { return evaluate(net, x, at, plain_join{}, cache); };
  };
  // the negative half is evaluated where sigma lies in (1, 4]
  const sampling_plan plan = ddim(test::falling(20));
  sample(plan, 5.0, guided(half(wanted.net, first), half(away.net, second), guidance_interval{3, 1, 4}));
  list expected;
  std::optional<std::size_t> kept;
  for (std::size_t row = 0; row < 20; ++row) {
    if (plan.steps[row].at.sigma <= 1 || plan.steps[row].at.sigma > 4) continue;
    if (!kept || row / 4 > *kept / 4) expected.push_back(row), kept = row;
  }
  REQUIRE(wanted.full == list{0, 4, 8, 12, 16});
  REQUIRE(away.full == expected);
  REQUIRE(expected.front() % 4 != 0);
}

TEST_CASE("another shape or batch refreshes", "[unet]")
{
  const toy_unet<numbers> net{.count = 3};
  deep_cache<numbers> cache({.branch = 0, .refresh = every(9)});
  const auto call = [&](const numbers& x, std::size_t row) {
    return evaluate(net, x, at_row(row, 1), plain_join{}, cache);
  };
  call({1, 2, 3}, 0);
  REQUIRE(call({1, 2}, 1) == evaluate(net, numbers{1, 2}, at_row(1, 1)));
  REQUIRE(cache.report().refreshes == 2);
  call({3, 4}, 2);
  REQUIRE(cache.report().refreshes == 2);
}

TEST_CASE("another condition refreshes, if the network tells", "[unet]")
{
  toy_unet<double> net{.count = 3};
  deep_cache<double> cache({.branch = 0, .refresh = every(9)});
  evaluate(net, 0.5, at_row(0, 1), plain_join{}, cache);
  net.condition = 0.7;
  REQUIRE(evaluate(net, 0.5, at_row(1, 1), plain_join{}, cache) == evaluate(net, 0.5, at_row(1, 1)));
  evaluate(net, 0.5, at_row(2, 1), plain_join{}, cache);
  REQUIRE(cache.report().refreshes == 2);
}

TEST_CASE("a cache does not fit every network, and says before any work why", "[unet]")
{
  watched small(3), other(3);
  deep_cache<double> deep({.branch = 3, .refresh = every(2)}), cache({.branch = 2, .refresh = every(2)});
  REQUIRE_THROWS_WITH(evaluate(small.net, 0.5, at_row(0, 1), plain_join{}, deep),
                      ContainsSubstring("connection 3") && ContainsSubstring("3 connections"));
  evaluate(small.net, 0.5, at_row(0, 1), plain_join{}, cache);
  REQUIRE_THROWS_WITH(evaluate(other.net, 0.5, at_row(1, 1), plain_join{}, cache),
                      ContainsSubstring(detail::place_of(identity_of(small.net).network)) &&
                          ContainsSubstring(detail::place_of(identity_of(other.net).network)));
  REQUIRE(other.ran.empty());
  cache.reset();
  REQUIRE(evaluate(other.net, 0.5, at_row(1, 1), plain_join{}, cache) == evaluate(other.net, 0.5, at_row(1, 1)));
  REQUIRE_THROWS_AS(deep_cache<double>({.refresh = {.rows = {3, 2}}}), std::invalid_argument);
  REQUIRE_THROWS_WITH(deep_cache<std::string>({.refresh = when_moved(0.1)}), ContainsSubstring("movement"));
}

TEST_CASE("refreshes by movement happen where the skip at the branch has moved, and the bound is reported", "[unet]")
{
  const double threshold = 0.2;
  const std::size_t branch = 1;
  watched seen;
  deep_cache<double> cache({.branch = branch, .refresh = when_moved(threshold)});
  list expected;
  double skip = 0, deep = 0, largest = 0, drift = 0;
  for (std::size_t row = 0; row < 60; ++row) {
    const double x = 0.4 + 0.9 * std::sin(0.35 * double(row)), t = 9 - 0.1 * double(row);
    evaluate(seen.net, x, at_row(row, t), plain_join{}, cache);
    const unrolled now(4, x, test::angle(t));
    const double moved = std::abs(now.skips[branch] - skip) / std::abs(skip);
    if (row > 0 && moved <= threshold) {
      largest = std::max(largest, moved);
      continue;
    }
    if (row > 0) drift = std::max(drift, std::abs(now.deeps[branch] - deep) / std::abs(deep));
    expected.push_back(row);
    skip = now.skips[branch], deep = now.deeps[branch];
  }
  REQUIRE(seen.full == expected);
  REQUIRE(expected.size() > 3);
  REQUIRE(expected.size() < 40);
  REQUIRE_THAT(cache.report().movement, WithinRel(largest, 1e-12));
  REQUIRE_THAT(cache.report().drift, WithinRel(drift, 1e-12));
  REQUIRE(cache.report().movement <= threshold);
}

TEST_CASE("the report counts calls, refreshes, multiply-adds and bytes", "[unet]")
{
  const toy_unet<numbers> net{.count = 3};
  deep_cache<numbers> cache({.branch = 1, .refresh = every(3)});
  REQUIRE(cache.report().bytes == 0);
  for (std::size_t row = 0; row < 10; ++row) evaluate(net, numbers{1, 2, 3, 4, 5}, at_row(row, 1), plain_join{}, cache);
  const unet_cost small{.connections = {100, 20, 7}, .middle = 3, .ends = 1};
  const cache_report report = cache.report(small);
  REQUIRE(report.calls == 10);
  REQUIRE(report.refreshes == 4);
  REQUIRE(report.bytes == 5 * sizeof(double));
  REQUIRE(report.done == 4 * 131 + 6 * 121);
  REQUIRE(report.saved == 6 * 10);
  REQUIRE(report.deep_seconds >= 0);
  REQUIRE_THAT(report.saved_seconds, WithinRel(report.deep_seconds * 6 / 4, 1e-12));
  REQUIRE(report.movement == 0);
  REQUIRE_THROWS_AS(cache.report({.connections = {1}}), std::invalid_argument);
}

TEST_CASE("a run that goes on elsewhere with what was kept ends with the same bits", "[unet]")
{
  const toy_unet<double> net{.count = 4};
  const sampling_plan plan = heun(test::falling(8));
  for (const refresh_policy& policy : {every(4), when_moved(0.3)}) {
    const deep_cache_options options{.branch = 1, .refresh = policy};
    deep_cache<double> whole(options), before(options), after(options);
    const double expected = run(plan, net, whole);
    const auto with = [&](deep_cache<double>& cache) {
      return [&](double x, const evaluation& at) { return evaluate(net, x, at, plain_join{}, cache); };
    };
    for (std::size_t cut = 1; cut + 1 < plan.steps.size(); ++cut) {
      stepper<double> first(plan, 5.0);
      while (first.row() < cut) first.step(with(before));
      after.resume(before.kept().value());
      stepper<double> second(plan, first.state());
      while (!second.done()) second.step(with(after));
      REQUIRE(second.x() == expected);
    }
  }
}

TEST_CASE("a network that throws leaves the cache as it was", "[unet]")
{
  watched seen;
  deep_cache<double> cache({.branch = 1, .refresh = every(2)});
  evaluate(seen.net, 0.5, at_row(0, 1), plain_join{}, cache);
  const auto fail = [](std::size_t, const double&, double&, const evaluation&) { throw std::runtime_error("out"); };
  REQUIRE_THROWS_AS(evaluate(seen.net, 0.5, at_row(2, 1), fail, cache), std::runtime_error);
  REQUIRE(cache.kept()->row == 0);
  REQUIRE(evaluate(seen.net, 0.5, at_row(2, 1), plain_join{}, cache) == evaluate(seen.net, 0.5, at_row(2, 1)));
  REQUIRE(cache.report().calls == 2);
  REQUIRE(cache.report().refreshes == 2);
}

TEST_CASE("with Skip-Tuning, fresh skips are scaled and what is kept has the factors of its own call", "[unet]")
{
  const toy_unet<double> net{.count = 4};
  const numbers rho{1, 0.9, 0.8, 0.7};
  const skip_tuning tuned(rho);
  for (std::size_t branch = 0; branch < 4; ++branch) {
    deep_cache<double> cache({.branch = branch, .refresh = every(2)});
    const double kept = unrolled(4, 0.8, test::angle(3), rho).deeps[branch];
    REQUIRE_THAT(evaluate(net, 0.8, at_row(0, 3), tuned, cache),
                 WithinAbs(unrolled(4, 0.8, test::angle(3), rho).output, 1e-14));
    REQUIRE_THAT(evaluate(net, -0.5, at_row(1, 2), tuned, cache),
                 WithinAbs(unrolled(4, -0.5, test::angle(2), rho, branch, &kept).output, 1e-14));
  }
}
