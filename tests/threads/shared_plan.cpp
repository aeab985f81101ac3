/// @file
/// What is immutable is shared by threads. The thread sanitizer runs these.
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"
#include "support/same_run.hpp"

#include <array>
#include <cstddef>
#include <thread>
#include <vector>

using namespace fewstep;
using X = std::vector<float>;

TEST_CASE("eight threads share one plan, one denoiser and one noise source", "[threads]")
{
  const sampling_plan plan = dpm_solver_pp(trailing(linear_vp(), 15), {.order = 3, .eta = 1});
  const auto denoise = clipped([](const X& x, const evaluation& at) { return test::pointwise_network(x, at); });
  std::array<X, 8> ends;
  {
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < ends.size(); ++k)
      threads.emplace_back([&, k] {
        const philox_noise noise{.seed = 6, .first_sample = k};
        ends[k] = sample(plan, noise.start(X(50)), denoise, noise);
      });
  }
  const philox_noise together{.seed = 6, .samples = 8};
  const X all = sample(plan, together.start(X(8 * 50)), denoise, together);
  for (std::size_t k = 0; k < ends.size(); ++k)
    REQUIRE(std::equal(ends[k].begin(), ends[k].end(), all.begin() + static_cast<std::ptrdiff_t>(50 * k)));
}
