/// @file
/// Streams with caches of their own share a network. The thread sanitizer runs these.
#include "fewstep/unet/deep_cache.hpp"

#include "fewstep/plan/heun.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/unet/refresh.hpp"
#include "fewstep/unet/rho.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/catch.hpp"
#include "support/toy_unet.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <thread>
#include <vector>

using namespace fewstep;

TEST_CASE("streams with caches of their own on threads of their own disturb each other in nothing", "[threads]")
{
  const test::toy_unet<double> net{.count = 6};
  std::vector<noise_level> grid;
  for (int k = 40; k >= 0; --k) grid.push_back({0.2 * k, 1, 0.2 * k});
  const sampling_plan plan = heun(grid);
  const skip_tuning tuned(linear_rho(6, {.bottom = 0.7, .top = 1}));
  const auto stream = [&](double start) {
    deep_cache<double> cache({.branch = 2, .refresh = every(3)});
    return sample(plan, start, [&](double x, const evaluation& at) { return evaluate(net, x, at, tuned, cache); });
  };
  std::array<double, 4> expected{}, found{};
  for (std::size_t k = 0; k < 4; ++k) expected[k] = stream(5.0 - 2 * double(k));
  {
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < 4; ++k) threads.emplace_back([&, k] { found[k] = stream(5.0 - 2 * double(k)); });
  }
  REQUIRE(found == expected);
}
