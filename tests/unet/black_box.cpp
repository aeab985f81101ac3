#include "fewstep/unet/black_box.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/catch.hpp"
#include "support/toy_unet.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using test::at_row;
using test::toy_unet;
using test::unrolled;

namespace {

using list = std::vector<std::size_t>;

constexpr std::size_t all_connections = 4, cut_at = 1;

/// The network as its two exported halves: nothing of it can be seen but what they return.
full_output<double, double> run_full(double x, const evaluation& at)
{
  const unrolled run(all_connections, x, test::angle(at.t));
  return {run.output, run.deeps[cut_at]};
}

double run_shallow(double x, const evaluation& at, double feature)
{
  return unrolled(all_connections, x, test::angle(at.t), {}, cut_at, &feature).output;
}

/// Levels whose time is not their sigma, so that a network that took one for the other would show.
std::vector<noise_level> timed_levels(std::size_t steps)
{
  std::vector<noise_level> levels;
  for (std::size_t k = 0; k <= steps; ++k) levels.push_back({double(steps - k), 1, 0.4 * double(steps - k)});
  return levels;
}

}  // namespace

TEST_CASE("two graphs with a cache are the network with a cache", "[unet]")
{
  const toy_unet<double> net{.count = all_connections};
  const sampling_plan plan = ddim(timed_levels(11));
  for (const refresh_policy& policy : {every(1), every(3), at_rows({0, 2, 7})}) {
    auto graphs = cached_graphs<double>(run_full, run_shallow, policy);
    deep_cache<double> cache({.branch = cut_at, .refresh = policy});
    const auto denoise = [&](double x, const evaluation& at) { return evaluate(net, x, at, plain_join{}, cache); };
    const double expected = sample(plan, 3.0, denoise);
    REQUIRE_THAT(sample(plan, 3.0, [&](double x, const evaluation& at) { return graphs(x, at); }),
                 WithinAbs(expected, 1e-14));
    REQUIRE(graphs.report().calls == 11);
    REQUIRE(graphs.report().refreshes == cache.report().refreshes);
    REQUIRE(graphs.report().bytes == sizeof(double));
  }
}

TEST_CASE("each call runs one of the two graphs", "[unet]")
{
  list full, shallow;
  auto graphs =
      cached_graphs<double>([&](double x, const evaluation& at) { return full.push_back(at.row), run_full(x, at); },
                            [&](double x, const evaluation& at, double feature) {
                              return shallow.push_back(at.row), run_shallow(x, at, feature);
                            },
                            every(3));
  for (std::size_t row = 0; row < 7; ++row) graphs(0.5, at_row(row, 2));
  REQUIRE(full == list{0, 3, 6});
  REQUIRE(shallow == list{1, 2, 4, 5});
}

TEST_CASE("graphs refresh when x changes its shape, and by how far x has moved if told so", "[unet]")
{
  using numbers = std::vector<double>;
  std::size_t full = 0;
  const auto both = [&](const numbers& x, const evaluation&) { return ++full, full_output<numbers, numbers>{x, x}; };
  const auto one = [](const numbers& x, const evaluation&, const numbers&) { return x; };
  auto graphs = cached_graphs<numbers>(both, one, when_moved(0.5));
  graphs(numbers{1, 0}, at_row(0, 1));
  graphs(numbers{1, 0.4}, at_row(1, 1));
  REQUIRE(full == 1);
  graphs(numbers{1, 0.6}, at_row(2, 1));
  REQUIRE(full == 2);
  graphs(numbers{1, 0.6, 0}, at_row(3, 1));
  REQUIRE(full == 3);
  REQUIRE_THAT(graphs.report().movement, WithinAbs(0.4, 1e-15));
  // what is kept, and the x that it was kept at
  REQUIRE(graphs.report().bytes == 2 * 3 * sizeof(double));
}

TEST_CASE("seconds of graphs are differences, and none before both have run", "[unet]")
{
  const auto wait = [](std::size_t steps) {
    volatile double x = 0;
    for (std::size_t k = 0; k < steps; ++k) x = std::sin(x + 1);
    return double(x);
  };
  auto graphs = cached_graphs<double>(
      [&](double, const evaluation&) {
        return full_output<double, double>{wait(400'000), 0};
      },
      [&](double, const evaluation&, double) { return wait(1'000); }, every(4));
  graphs(0.5, at_row(0, 1));
  REQUIRE(graphs.report().saved_seconds == 0);
  for (std::size_t row = 1; row < 4; ++row) graphs(0.5, at_row(row, 1));
  REQUIRE(graphs.report().deep_seconds > 0);
  REQUIRE_THAT(graphs.report().saved_seconds, WithinAbs(3 * graphs.report().deep_seconds, 1e-12));
}

TEST_CASE("graphs refuse what caches refuse, and go on from what was kept", "[unet]")
{
  REQUIRE_THROWS_AS(cached_graphs<double>(run_full, run_shallow, refresh_policy{.rows = {2, 1}}),
                    std::invalid_argument);
  auto first = cached_graphs<double>(run_full, run_shallow, every(9));
  auto second = cached_graphs<double>(run_full, run_shallow, every(9));
  first(0.5, at_row(0, 3));
  second.resume(first.kept().value());
  REQUIRE(second(0.7, at_row(1, 2)) == first(0.7, at_row(1, 2)));
  REQUIRE(second.report().refreshes == 0);
}
