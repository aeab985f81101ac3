#include "fewstep/plan/dpm_solver.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/mixture.hpp"
#include "support/order.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

using builder = sampling_plan (*)(const std::vector<noise_level>&, const dpm_solver_options&);

dpm_solver_options full(std::size_t order, slope_weight slope = slope_weight::midpoint, double eta = 0)
{
  return {.order = order, .slope = slope, .eta = eta, .lower_order_final = false};
}

std::vector<std::vector<noise_level>> many_grids()
{
  const vp_table table = scaled_linear_vp();
  return {trailing(table, 10), karras(table, 20), trailing(table, 4, grid_end::first_level),
          karras(edm_schedule{}, 16, {})};
}

void require_same(const sampling_plan& a, const sampling_plan& b)
{
  REQUIRE(a.predicts == b.predicts);
  REQUIRE(a.steps.size() == b.steps.size());
  for (std::size_t k = 0; k < a.steps.size(); ++k) {
    CAPTURE(k);
    REQUIRE(a.steps[k].at == b.steps[k].at);
    REQUIRE_THAT(a.steps[k].keep, WithinAbs(b.steps[k].keep, 1e-12));
    REQUIRE_THAT(a.steps[k].noise, WithinAbs(b.steps[k].noise, 1e-12));
    for (std::size_t j = 0; j < max_history; ++j)
      REQUIRE_THAT(a.steps[k].model[j], WithinAbs(b.steps[k].model[j], 1e-12));
  }
}

}  // namespace

TEST_CASE("DPM-Solver++ 2M on Stable Diffusion's schedule has the coefficients of diffusers", "[plan]")
{
  // to 1e-6, for diffusers builds its table in float32
  const sampling_plan plan = dpm_solver_pp(trailing(scaled_linear_vp(), 4));
  struct row {
    double keep, newest, before;
  };
  const row expected[] = {{.9735467915, .1714977588, 0},
                          {.8750350632, .4347292200, -.1160062975},
                          {.6703240449, .6817275653, -.2131037044},
                          {0, 1, 0}};
  for (std::size_t k = 0; k < 4; ++k) {
    REQUIRE_THAT(plan.steps[k].keep, WithinAbs(expected[k].keep, 1e-6));
    REQUIRE_THAT(plan.steps[k].model[0], WithinAbs(expected[k].newest, 1e-6));
    REQUIRE_THAT(plan.steps[k].model[1], WithinAbs(expected[k].before, 1e-6));
  }
}

TEST_CASE("rows of DPM-Solver++ are the ones worked out by hand", "[plan]")
{
  // alpha = 1, sigma 8, 4, 2, 1: all h = ln 2, r = 1, e^-h = 1/2. At row 2, D1 = (3 m0 - 4 m1 + m2) / 2 and
  // D2 = m0 - 2 m1 + m2 (h^2 m''); phi_2 term: 1 - 1 / (2 ln 2), phi_3 term: that / ln 2 less 1/2, negated.
  const double ln2 = std::log(2.0), slope = 1 - 0.5 / ln2, bend = 0.5 - slope / ln2;
  std::vector<noise_level> grid;
  for (double s : {8.0, 4.0, 2.0, 1.0}) grid.push_back({s, 1, s});

  const plan_step second = dpm_solver_pp(grid, full(2)).steps[2];
  REQUIRE_THAT(second.keep, WithinRel(0.5, 1e-15));
  REQUIRE_THAT(second.model[0], WithinRel(0.75, 1e-14));
  REQUIRE_THAT(second.model[1], WithinRel(-0.25, 1e-14));

  const plan_step exact = dpm_solver_pp(grid, full(2, slope_weight::heun)).steps[2];
  REQUIRE_THAT(exact.model[0], WithinRel(0.5 + slope, 1e-14));
  REQUIRE_THAT(exact.model[1], WithinRel(-slope, 1e-14));

  const plan_step third = dpm_solver_pp(grid, full(3)).steps[2];
  REQUIRE_THAT(third.model[0], WithinRel(0.5 + 1.5 * slope + bend, 1e-13));
  REQUIRE_THAT(third.model[1], WithinRel(-2 * slope - 2 * bend, 1e-13));
  REQUIRE_THAT(third.model[2], WithinRel(0.5 * slope + bend, 1e-13));

  dpm_solver_options as_released = full(3);
  as_released.halved_curvature = true;
  const plan_step halved = dpm_solver_pp(grid, as_released).steps[2];
  REQUIRE_THAT(halved.model[2], WithinRel(0.5 * slope + 0.5 * bend, 1e-13));
}

TEST_CASE("a row of the stochastic solver is the one worked out by hand", "[plan]")
{
  // sigma 4, 2, 1 and eta = 1: x' = x / 4 + 3/4 m0 + 3/8 (m0 - m1) + sqrt(3/4) z
  const std::vector<noise_level> grid{{4, 1, 4}, {2, 1, 2}, {1, 1, 1}};
  const plan_step row = dpm_solver_pp(grid, full(2, slope_weight::midpoint, 1)).steps[1];
  REQUIRE_THAT(row.keep, WithinRel(0.25, 1e-14));
  REQUIRE_THAT(row.model[0], WithinRel(1.125, 1e-14));
  REQUIRE_THAT(row.model[1], WithinRel(-0.375, 1e-14));
  REQUIRE_THAT(row.noise, WithinRel(std::sqrt(0.75), 1e-14));
}

TEST_CASE("rows on predicted noise are the ones worked out by hand", "[plan]")
{
  // sigma 4, 2, 1: x' = x - (2 - 1) m0 - 1/2 (m0 - m1); the SDE's twice that, and sqrt(e^(2 ln 2) - 1) z
  const std::vector<noise_level> grid{{4, 1, 4}, {2, 1, 2}, {1, 1, 1}};
  const plan_step flow = dpm_solver(grid, full(2)).steps[1];
  REQUIRE_THAT(flow.keep, WithinRel(1, 1e-15));
  REQUIRE_THAT(flow.model[0], WithinRel(-1.5, 1e-14));
  REQUIRE_THAT(flow.model[1], WithinRel(0.5, 1e-14));
  const plan_step noisy = dpm_solver(grid, full(2, slope_weight::midpoint, 1)).steps[1];
  REQUIRE_THAT(noisy.model[0], WithinRel(-3, 1e-14));
  REQUIRE_THAT(noisy.model[1], WithinRel(1, 1e-14));
  REQUIRE_THAT(noisy.noise, WithinRel(std::sqrt(3.0), 1e-14));
  // heun: 1 - ln 2 for the half of 1
  const plan_step exact = dpm_solver(grid, full(2, slope_weight::heun)).steps[1];
  REQUIRE_THAT(exact.model[1], WithinRel(1 / std::log(2.0) - 1, 1e-13));
}

TEST_CASE("multistep rows carry the law of each level into the next", "[plan]")
{
  for (const auto& grid : many_grids())
    for (std::size_t order : {1u, 2u, 3u})
      for (auto slope : {slope_weight::midpoint, slope_weight::heun}) {
        for (double eta : {0.0, 0.4, 1.0})
          REQUIRE(test::law_error(dpm_solver_pp(grid, full(order, slope, eta))) < 1e-12);
        REQUIRE(test::law_error(dpm_solver(grid, full(order, slope))) < 1e-12);
      }
}

TEST_CASE("with diffused noise DPM-Solver keeps the law to second order in the step", "[plan]")
{
  const auto worst = [](std::size_t steps) {
    return test::law_error(dpm_solver(test::gaussian_grid(steps), full(1, slope_weight::heun, 1)));
  };
  REQUIRE_THAT(std::log2(worst(64) / worst(128)), WithinAbs(2, 0.15));
}

TEST_CASE("order 1 is DDIM, and with eta = 1 DDPM", "[plan]")
{
  for (const auto& grid : many_grids()) {
    require_same(dpm_solver_pp(grid, full(1)), ddim(grid));
    require_same(dpm_solver_pp(grid, full(1, slope_weight::midpoint, 1)), ddim(grid, 1));
    require_same(dpm_solver_pp(grid, full(1, slope_weight::midpoint, 1)), ddpm(grid));
  }
}

TEST_CASE("on the mixture the multistep solvers err as measured elsewhere", "[plan]")
{
  // two digits each, from another implementation of the same samplers on the same problem
  struct measured {
    std::size_t steps;
    double first, second, third;
  };
  dpm_solver_options as_released = full(3);
  as_released.halved_curvature = true;
  for (const auto& [steps, first, second, third] : {measured{8, 3.0e-1, 3.6e-2, 4.3e-2},
                                                    {32, 5.3e-2, 1.5e-3, 1.4e-3},
                                                    {128, 1.2e-2, 1.3e-4, 2.2e-5},
                                                    {512, 3.0e-3, 8.5e-6, 1.3e-6}}) {
    const auto grid = test::mixture_grid(steps);
    REQUIRE_THAT(test::flow_error(dpm_solver_pp(grid, full(1)), test::mixture{}), WithinRel(first, 0.05));
    REQUIRE_THAT(test::flow_error(dpm_solver_pp(grid, full(2)), test::mixture{}), WithinRel(second, 0.05));
    REQUIRE_THAT(test::flow_error(dpm_solver_pp(grid, as_released), test::mixture{}), WithinRel(third, 0.05));
  }
}

TEST_CASE("multistep solvers converge to the flow at their order once history is exact", "[plan]")
{
  for (const builder build : {builder{dpm_solver_pp}, builder{dpm_solver}})
    for (auto slope : {slope_weight::midpoint, slope_weight::heun})
      for (std::size_t order : {1u, 2u, 3u}) {
        const auto plan = [&](const auto& grid) { return build(grid, full(order, slope)); };
        const double expected = static_cast<double>(order);
        CAPTURE(build == builder{dpm_solver}, order);
        REQUIRE_THAT(test::lowest_order(plan, order - 1), WithinAbs(expected, 0.15));
        REQUIRE_THAT(test::highest_order(plan, order - 1), WithinAbs(expected, 0.15));
        // from a first step of order 1 the whole is of order 2 at most
        REQUIRE(test::lowest_order(plan) > std::min(expected, 2.0) - 0.15);
      }
}

TEST_CASE("with the second derivative counted half, order 3 is order 2 whatever the start", "[plan]")
{
  for (const builder build : {builder{dpm_solver_pp}, builder{dpm_solver}}) {
    const auto plan = [&](const auto& grid) {
      dpm_solver_options options = full(3);
      options.halved_curvature = true;
      return build(grid, options);
    };
    REQUIRE_THAT(test::lowest_order(plan, 2), WithinAbs(2, 0.15));
    REQUIRE_THAT(test::highest_order(plan, 2), WithinAbs(2, 0.15));
  }
}

TEST_CASE("stochastic solvers converge to the law of the data at order one, and two for more", "[plan]")
{
  for (double eta : {0.5, 1.0})
    for (auto slope : {slope_weight::midpoint, slope_weight::heun})
      for (std::size_t order : {1u, 2u, 3u}) {
        const auto plan = [&](const auto& grid) { return dpm_solver_pp(grid, full(order, slope, eta)); };
        CAPTURE(eta, order);
        // order 3 gains on its slow start until that dominates
        REQUIRE_THAT(test::variance_order(plan), WithinAbs(order == 1   ? 1
                                                           : order == 2 ? 2
                                                                        : 2.3,
                                                           order < 3 ? 0.15 : 0.3));
        const sampling_plan one = plan(test::gaussian_grid(20));
        REQUIRE_THAT(test::end_moments(one, {}).mean, WithinAbs(test::gaussian{}.mean_at(one.end), 1e-12));
      }
  const auto noisy = [](const auto& grid) { return dpm_solver(grid, full(2, slope_weight::heun, 1)); };
  REQUIRE_THAT(test::variance_order(noisy), WithinAbs(2, 0.15));
}

TEST_CASE("a step to the data ends with what is predicted, whatever the order", "[plan]")
{
  auto grid = test::mixture_grid(20);
  grid.push_back({0, 1, 0});
  for (std::size_t order : {1u, 2u, 3u})
    for (double eta : {0.0, 1.0}) {
      const plan_step last = dpm_solver_pp(grid, full(order, slope_weight::heun, eta)).steps.back();
      REQUIRE(last.keep == 0);
      REQUIRE(last.model == std::array<double, max_history>{1});
      REQUIRE(last.noise == 0);
      // x - sigma eps
      const plan_step noise = dpm_solver(grid, full(order, slope_weight::heun, eta)).steps.back();
      REQUIRE(noise.keep == 1);
      REQUIRE_THAT(noise.model[0], WithinRel(-noise.at.sigma, 1e-15));
      REQUIRE(noise.noise == 0);
    }
}

TEST_CASE("DPM-Solver++ starts from a level without signal", "[plan]")
{
  const auto grid = trailing(rescale_zero_terminal_snr(scaled_linear_vp()), 6);
  REQUIRE(grid[0].alpha == 0);
  for (std::size_t order : {1u, 2u, 3u})
    for (double eta : {0.0, 0.5, 1.0}) {
      const sampling_plan plan = dpm_solver_pp(grid, full(order, slope_weight::heun, eta));
      REQUIRE(test::law_error(plan) < 1e-12);  // finite, too
      REQUIRE_NOTHROW(require_plan(plan));
    }
}

TEST_CASE("s_noise multiplies the fresh noise and nothing else", "[plan]")
{
  const auto grid = test::gaussian_grid(5);
  dpm_solver_options options = full(2, slope_weight::midpoint, 1);
  for (const builder build : {builder{dpm_solver_pp}, builder{dpm_solver}}) {
    options.s_noise = 1;
    sampling_plan plan = build(grid, options);
    options.s_noise = 0.5;
    const sampling_plan less = build(grid, options);
    for (plan_step& row : plan.steps) row.noise /= 2;
    REQUIRE(plan == less);
  }
}

TEST_CASE("multistep builders refuse what they cannot build", "[plan]")
{
  const auto grid = test::gaussian_grid(5);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const builder build : {builder{dpm_solver_pp}, builder{dpm_solver}}) {
    REQUIRE_THROWS_WITH(build(grid, full(0)), ContainsSubstring("order") && ContainsSubstring("[1, 3]"));
    REQUIRE_THROWS_WITH(build(grid, full(4)), ContainsSubstring("is 4"));
    REQUIRE_THROWS_WITH(build(grid, {.eta = -0.1}), ContainsSubstring("eta"));
    REQUIRE_THROWS_WITH(build(grid, {.eta = nan}), ContainsSubstring("eta"));
    REQUIRE_THROWS_WITH(build(grid, {.s_noise = -1}), ContainsSubstring("s_noise"));
    REQUIRE_THROWS_WITH(build({grid.front()}, {}), ContainsSubstring("at least two levels"));
  }
  REQUIRE_THROWS_WITH(dpm_solver(grid, {.eta = 0.5}), ContainsSubstring("0 or 1"));
  REQUIRE_THROWS_WITH(dpm_solver(std::vector<noise_level>{{1, 0, 1}, {0, 1, 0}}),
                      ContainsSubstring("divides by alpha"));
}
