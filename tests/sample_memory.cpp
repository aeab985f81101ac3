/// @file
/// What the loop asks of the heap.
#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <vector>

using namespace fewstep;

namespace {

const auto saturating = [](const auto& x, const evaluation& at, auto& out) {
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] / (1 + x[i] * x[i]) + static_cast<float>(at.sigma);
};

/// Allocations in a whole run, and in the rows after the second.
template <class X, class D>
std::array<std::size_t, 2> allocations_of(const sampling_plan& plan, const X& start, const D& denoise)
{
  const philox_noise noise{.seed = 1};
  const std::size_t before = test::allocations;
  stepper run(plan, start, noise);
  run.step(denoise), run.step(denoise);
  const std::size_t warm = test::allocations;
  while (!run.done()) run.step(denoise);
  return {test::allocations - before, test::allocations - warm};
}

}  // namespace

TEST_CASE("over tensors of fixed size the loop allocates nothing", "[sample]")
{
  const auto grid = trailing(linear_vp(), 10);
  const std::array<float, 32> start{0.5F};
  const auto data = converted(saturating, prediction::noise, prediction::data);
  REQUIRE(allocations_of(ddim(grid, 1), start, data)[0] == 0);
  REQUIRE(allocations_of(ddim(grid, 1), start, clipped_keeping_direction(data))[0] == 0);
  REQUIRE(allocations_of(dpm_solver_pp(grid, {.order = 3, .eta = 1}), start, clipped(data))[0] == 0);
  REQUIRE(allocations_of(ddim(grid, 1), 0.5, [](double x, const evaluation&) { return x / 2; })[0] == 0);
}

TEST_CASE("over dynamic tensors a row allocates nothing once the buffers exist, if the saturating writes into them",
          "[sample]")
{
  const auto grid = trailing(linear_vp(), 10);
  const std::vector<float> start(1000, 0.5F);
  const auto data = converted(saturating, prediction::noise, prediction::data);
  REQUIRE(allocations_of(ddim(grid, 1), start, data)[1] == 0);
  REQUIRE(allocations_of(ddim(grid, 1), start, clipped_keeping_direction(data))[1] == 0);
  REQUIRE(allocations_of(dpm_solver_pp(grid, {.order = 2, .eta = 1}), start, clipped(data))[1] == 0);
}
