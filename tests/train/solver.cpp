#include "fewstep/train/solver.hpp"

#include "support/catch.hpp"
#include "support/gaussian_batch.hpp"

#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using test::numbers;

namespace {

const numbers begun{1.5, -0.4, 3};

/// Steps of another length each.
std::vector<jump> three_steps()
{
  const vp_table table = linear_vp();
  return {{table(900), table(700)}, {table(700), table(650)}, {table(120), table(-1)}};
}

/// A solver with a history: DPM-Solver++ over three parts of the step.
sampling_plan in_three(const std::vector<noise_level>& pair)
{
  const vp_table table = linear_vp();
  const double a = pair[0].t, b = pair[1].t, third = (a - b) / 3;
  return dpm_solver_pp({pair[0], table(std::round(a - third)), table(std::round(b + third)), pair[1]}, {.order = 3});
}

template <class S>
void require_each_alone(const S& solve)
{
  const gaussian_data data;
  const auto steps = three_steps();
  const numbers together = train::solver_step(test::exact_data(data), begun, steps, solve);
  for (std::size_t k = 0; k < begun.size(); ++k) {
    const double alone = sample(solve({steps[k].from, steps[k].to}), begun[k], data);
    REQUIRE_THAT(together[k], WithinRel(alone, 1e-13));
  }
}

/// The worst error of one step of length h in ln(sigma) over normal data.
template <class S>
double local_error(const S& solve, double h)
{
  const gaussian_data data;
  const edm_schedule edm;
  double worst = 0;
  for (const double sigma : {0.3, 1.0, 4.0}) {
    const jump step{edm(sigma), edm(sigma * std::exp(-h))};
    for (const double start : {-2.0, 1.0, 5.0}) {
      const numbers landed = train::solver_step(test::exact_data(data), numbers{start}, {step}, solve);
      worst = std::max(worst, std::abs(landed[0] - data.flow(start, step.from, step.to)));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("a batch is solved as each of its samples is sampled alone", "[train]")
{
  require_each_alone(train::ddim_solver{});
  require_each_alone(train::heun_solver{});  // one sample steps to the data and takes one row less
  require_each_alone(in_three);
}

TEST_CASE("one step of DDIM errs by h^2, one of Heun by h^3", "[train]")
{
  const auto order = [](const auto& solve) { return std::log2(local_error(solve, 0.02) / local_error(solve, 0.01)); };
  REQUIRE(order(train::ddim_solver{}) > 1.9);
  REQUIRE(order(train::ddim_solver{}) < 2.1);
  REQUIRE(order(train::heun_solver{}) > 2.9);
  REQUIRE(order(train::heun_solver{}) < 3.1);
}

TEST_CASE("a teacher's solver that draws noise or weighs no data is refused", "[train]")
{
  const auto stochastic = [](const std::vector<noise_level>& pair) { return ddim(pair, 1); };
  const auto of_noise = [](const std::vector<noise_level>& pair) {
    sampling_plan plan = ddim(pair);
    plan.predicts = prediction::noise;
    return plan;
  };
  REQUIRE_THROWS_WITH(train::solver_step(test::exact_data(), begun, three_steps(), stochastic),
                      ContainsSubstring("must weigh predicted data and draw no noise"));
  REQUIRE_THROWS_WITH(train::solver_step(test::exact_data(), begun, three_steps(), of_noise),
                      ContainsSubstring("must weigh predicted data and draw no noise"));
  REQUIRE_THROWS_WITH(train::solver_step(test::exact_data(), numbers{1, 2}, three_steps(), train::ddim_solver{}),
                      ContainsSubstring("cannot be a batch of 3 samples"));
}
