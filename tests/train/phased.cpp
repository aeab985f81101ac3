#include "fewstep/train/phased.hpp"

#include "support/catch.hpp"
#include "support/gaussian_batch.hpp"

#include "fewstep/plan/phased.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using test::numbers;

namespace {

std::vector<noise_level> ends_of(const std::vector<train::phased_step>& steps)
{
  std::vector<noise_level> ends;
  for (const auto& step : steps) ends.push_back(step.end);
  return ends;
}

/// The worst distance that the exact phased function has over the steps.
double worst_distance(const std::vector<train::phased_step>& steps)
{
  const auto f = test::exact_phased(ends_of(steps));
  double worst = 0;
  for (const double noise : {-1.2, 0.4}) {
    const train::batch<numbers> clean{numbers(steps.size(), 1.3), numbers(steps.size(), noise)};
    const auto result = train::phased_distillation(f, f, test::exact_data(), clean, steps, train::l2{});
    worst = std::max(worst, *std::max_element(result.losses.begin(), result.losses.end()));
  }
  return std::sqrt(worst);
}

}  // namespace

TEST_CASE("the exact phased function has no loss as the grid is refined, by h^2", "[train]")
{
  const vp_table table = linear_vp({.steps = 4096, .first_beta = 1e-4 / 4, .last_beta = 2e-2 / 4});
  for (const std::size_t phases : {2U, 4U}) {
    const auto steps = [&](std::size_t n) {  // without the phase that ends at time 0, where ln(sigma) falls fast
      auto all = train::phased_steps(table, phases, {.times = n, .even = true});
      while (all.back().end.t == 0) all.pop_back();
      return all;
    };
    REQUIRE_THAT(std::log2(worst_distance(steps(128)) / worst_distance(steps(512))) / 2, WithinAbs(2, 0.1));
  }
}

TEST_CASE("on an edge the target is the solver's own point", "[train]")
{
  const vp_table table = scaled_linear_vp();
  const std::vector<train::phased_step> step{{table(759), table(739), table(739)}};
  const train::batch<numbers> clean{{0.3}, {1.1}};
  const auto silent = [](const numbers& x, train::batch_levels) { return numbers(x.size(), -5.0); };
  const auto result = train::phased_distillation(silent, silent, test::exact_data(), clean, step);
  const std::vector<noise_level> from{table(759)};
  const numbers stepped =
      train::solver_step(test::exact_data(), noised(clean, from), {{table(759), table(739)}}, train::ddim_solver{});
  REQUIRE_THAT(result.target[0], WithinRel(stepped[0], 1e-15));
}

TEST_CASE("one phase down to the data is consistency distillation with a network that predicts data", "[train]")
{
  // landing at the data is the predicted data itself
  const vp_table table = linear_vp();
  const std::vector<jump> jumps{{table(800), table(700)}, {table(300), table(200)}};
  const auto steps = train::phased_steps(jumps, {table(999), table(-1)});
  const auto network = [](const numbers& x, train::batch_levels at) {
    return test::by_number(x, at,
                           [](double number, const noise_level& level, std::size_t) { return number * level.alpha; });
  };
  const train::batch<numbers> clean{{0.3, 1}, {1.1, -0.2}};
  const auto phased = train::phased_distillation(network, network, test::exact_data(), clean, steps, train::l2{});
  const auto plain = train::consistency_distillation(network, network, test::exact_data(), clean, jumps, train::l2{},
                                                     train::ddim_solver{});
  for (std::size_t k = 0; k < 2; ++k) REQUIRE_THAT(phased.losses[k], WithinRel(plain.losses[k], 1e-13));
}
