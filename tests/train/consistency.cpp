#include "fewstep/train/consistency.hpp"

#include "support/catch.hpp"
#include "support/dual.hpp"
#include "support/gaussian_batch.hpp"

#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/train/steps.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using test::dual_batch;
using test::numbers;

namespace {

std::vector<jump> karras_steps(std::size_t levels)
{
  std::vector<noise_level> grid;
  for (const double sigma : karras_sigmas(levels)) grid.push_back(edm_schedule{}(sigma));
  return jumps(grid);
}

/// The worst distance that the exact consistency function has over a grid: the root of the largest L2 loss.
template <class S>
double worst_distance(const std::vector<jump>& steps, const S& solve)
{
  double worst = 0;
  const auto f = test::exact_consistency(steps.back().to);
  for (const double datum : {0.1, 1.3})
    for (const double noise : {-1.2, 0.4}) {
      const train::batch<numbers> clean{numbers(steps.size(), datum), numbers(steps.size(), noise)};
      const auto result = train::consistency_distillation(f, f, test::exact_data(), clean, steps, train::l2{}, solve);
      worst = std::max(worst, *std::max_element(result.losses.begin(), result.losses.end()));
    }
  return std::sqrt(worst);
}

// f(x, t) = x + theta * sigma * (shift - x), linear in x, whose parameter is differentiated; and a copy that is not
constexpr double shift = 0.3, theta = 0.2;

dual_batch linear_student(const dual_batch& x, train::batch_levels at)
{
  dual_batch out = x;
  for (std::size_t k = 0; k < x.value.size(); ++k) {
    const double part = at[k].sigma * (shift - x.value[k]);
    out.value[k] = x.value[k] + theta * part;
    out.slope[k] = x.slope[k] * (1 - theta * at[k].sigma) + (test::recording() ? part : 0);
  }
  return out;
}

auto linear_function(double parameter)
{
  return [=](const numbers& x, train::batch_levels at) {
    return test::by_number(x, at, [=](double number, const noise_level& level, std::size_t) {
      return number + parameter * level.sigma * (shift - number);
    });
  };
}

const auto dual_teacher = [](const dual_batch& x, train::batch_levels at) {
  return dual_batch::constant(test::exact_data()(x.value, at));
};

}  // namespace

TEST_CASE("the exact consistency function has no distillation loss as Karras' grid is refined", "[train]")
{
  // the loss compares the ends of one step: h^2 for Euler, h^3 for Heun
  const auto order = [](const auto& solve) {
    return std::log2(worst_distance(karras_steps(256), solve) / worst_distance(karras_steps(1024), solve)) / 2;
  };
  REQUIRE_THAT(order(train::ddim_solver{}), WithinAbs(2, 0.1));
  REQUIRE_THAT(order(train::heun_solver{}), WithinAbs(3, 0.1));
  REQUIRE(worst_distance(karras_steps(1024), train::heun_solver{}) < 1e-6);
}

TEST_CASE("the exact consistency function has no distillation loss as the grid of a table is refined", "[train]")
{
  const auto order = [](const auto& solve) {
    // a table in the limit of continuous time, of 64 and 256 steps down to a common first level
    const auto steps = [](std::size_t n) {
      const vp_table table = linear_vp({.steps = 4096, .first_beta = 1e-4 / 4, .last_beta = 2e-2 / 4});
      auto all = train::distillation_steps(table, {.times = n});
      all.pop_back();  // to time 0, where ln(sigma) falls fast
      while (all.back().to.t < 1023) all.pop_back();
      return all;
    };
    return std::log2(worst_distance(steps(128), solve) / worst_distance(steps(512), solve)) / 2;
  };
  REQUIRE_THAT(order(train::ddim_solver{}), WithinAbs(2, 0.1));
  REQUIRE_THAT(order(train::heun_solver{}), WithinAbs(3, 0.1));
}

TEST_CASE("the gradient of a consistency loss passes through the student and not through the target", "[train]")
{
  const std::vector<jump> steps{{edm_schedule{}(2), edm_schedule{}(1.2)}, {edm_schedule{}(0.5), edm_schedule{}(0.2)}};
  const numbers data{0.4, 1.1}, noise{0.7, -0.3};
  const train::batch<dual_batch> clean{dual_batch::constant(data), dual_batch::constant(noise)};
  const auto loss = [&](double parameter) {  // the target's parameter stays
    const auto result =
        train::consistency_training(linear_function(parameter), linear_function(theta),
                                    train::batch<numbers>{data, noise}, steps, train::pseudo_huber(0.1));
    return train::mean(result.losses, {1, 3})[0];
  };
  const auto result =
      train::consistency_training(linear_student, linear_student, clean, steps, train::pseudo_huber(0.1));
  REQUIRE(result.target.slope == numbers{0, 0});
  const dual_batch mean = train::mean(result.losses, {1, 3});
  const double step = 1e-5;
  REQUIRE_THAT(mean.value[0], WithinRel(loss(theta), 1e-15));
  REQUIRE_THAT(mean.slope[0], WithinRel((loss(theta + step) - loss(theta - step)) / (2 * step), 1e-8));
}

TEST_CASE("consistency training has the expected gradient of distillation with the exact score", "[train]")
{
  // for f linear in x the gradient is a polynomial of degree 2 in data and noise, whose mean over the law of both is
  // the mean over the four corners mean +- deviation; the score estimate being unbiased, both gradients agree exactly
  const gaussian_data law;
  const double low = law.mean - law.deviation, high = law.mean + law.deviation;
  const train::batch<dual_batch> corners{dual_batch::constant({low, low, high, high}),
                                         dual_batch::constant({-1, 1, -1, 1})};
  const std::vector<jump> steps(4, {edm_schedule{}(2), edm_schedule{}(1.2)});
  const auto trained = train::consistency_training(linear_student, linear_student, corners, steps);
  const auto distilled = train::consistency_distillation(linear_student, linear_student, dual_teacher, corners, steps,
                                                         train::l2{}, train::ddim_solver{});
  REQUIRE_THAT(train::mean(trained.losses).slope[0], WithinRel(train::mean(distilled.losses).slope[0], 1e-13));
  REQUIRE(train::mean(trained.losses).value[0] > train::mean(distilled.losses).value[0]);
}

TEST_CASE("consistency losses refuse steps that do not fall, and batches that do not fit", "[train]")
{
  const auto f = test::exact_consistency(edm_schedule{}(0.002));
  const train::batch<numbers> clean{{1, 2}, {3, 4}};
  const std::vector<jump> rising{{edm_schedule{}(2), edm_schedule{}(1)}, {edm_schedule{}(1), edm_schedule{}(2)}};
  REQUIRE_THROWS_WITH(train::consistency_training(f, f, clean, rising),
                      ContainsSubstring("the noise must fall from the student's level to the target's"));
  REQUIRE_THROWS_WITH(train::consistency_distillation(f, f, test::exact_data(), clean, std::vector(3, rising[0])),
                      ContainsSubstring("data of shape (2) cannot be a batch of 3 samples"));
  const auto wrong = [](const numbers&, train::batch_levels) { return numbers{1, 2, 3, 4}; };
  REQUIRE_THROWS_WITH(train::consistency_training(wrong, f, clean, {rising[0], rising[0]}),
                      ContainsSubstring("must have the shape (2), but has (4)"));
}
