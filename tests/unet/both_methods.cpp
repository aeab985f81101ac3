#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/unet/skip_tuning.hpp"

#include "fewstep/denoiser/guidance.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/adams.hpp"
#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/partial.hpp"
#include "fewstep/plan/unipc.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/unet/refresh.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/catch.hpp"
#include "support/toy_unet.hpp"

#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using test::toy_unet;
using test::unrolled;

namespace {

using image = std::vector<double>;

const std::vector<double> four_factors{1, 0.9, 0.8, 0.7};

/// Deterministic and stochastic ones, of one and of several rows a step, from noise and from the middle.
std::vector<sampling_plan> all_kinds()
{
  const edm_schedule edm;
  return {ddim(test::falling(9)),
          ddim(test::falling(9), 1),
          heun(test::falling(5)),
          heun(edm, test::falling(6), {.churn = 3}),
          dpm_2(edm, test::falling(5), {.churn = 2}),
          dpm_2_ancestral(edm, test::falling(5)),
          plms(test::falling(7)),
          unipc(test::falling(6)),
          dpm_solver_pp(test::falling(7), {.order = 2, .eta = 1}),
          ddim(tail(test::falling(10), 0.6))};
}

/// The toy with both methods, written as loops: the number below the branch is computed at every n-th row and kept.
struct by_hand {
  std::size_t branch, every;
  double condition;
  double kept = 0;
  std::optional<std::size_t> row{};

  image operator()(const image& x, const evaluation& at)
  {
    const double angle = 0.3 * at.t + condition;
    if (!row || at.row / every > *row / every) {
      kept = unrolled(four_factors.size(), x[0], angle, four_factors).deeps[branch];
      row = at.row;
    }
    return {unrolled(four_factors.size(), x[0], angle, four_factors, branch, &kept).output};
  }
};

}  // namespace

TEST_CASE("Skip-Tuning and DeepCache do together, in every kind of plan, what loops with both do", "[unet]")
{
  const toy_unet<image> wanted{.count = 4, .condition = 0.4}, away{.count = 4, .condition = -0.2};
  const skip_tuning tuned(four_factors);
  const philox_noise noise{.seed = 3};
  for (const sampling_plan& plan : all_kinds())
    for (std::size_t branch = 0; branch < 4; ++branch)
      for (const std::size_t n : {1u, 2u, 3u}) {
        CAPTURE(plan.steps.size(), branch, n);
        deep_cache<image> first({.branch = branch, .refresh = every(n)}),
            second({.branch = branch, .refresh = every(n)});
        const auto half = [&](const toy_unet<image>& net, deep_cache<image>& cache) {
          return [&](const image& x, const evaluation& at) { return evaluate(net, x, at, tuned, cache); };
        };
        const auto plain = sample(plan, image{5}, half(wanted, first), noise);
        by_hand alone{branch, n, 0.4};
        REQUIRE_THAT(plain[0], WithinAbs(sample(plan, image{5}, std::ref(alone), noise)[0], 1e-12));

        const auto steered = sample(plan, image{5}, guided(half(wanted, first), half(away, second), 2.5), noise);
        by_hand conditional{branch, n, 0.4}, negative{branch, n, -0.2};
        const auto expected = sample(plan, image{5}, guided(std::ref(conditional), std::ref(negative), 2.5), noise);
        REQUIRE_THAT(steered[0], WithinAbs(expected[0], 1e-11));
      }
}
