#include "fewstep/plan/adams.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/mixture.hpp"
#include "support/order.hpp"
#include "support/run.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

std::vector<noise_level> ve_levels(const std::vector<double>& sigmas)
{
  std::vector<noise_level> grid;
  for (double sigma : sigmas) grid.push_back({sigma, 1, sigma});
  return grid;
}

double noise_at(double x, const noise_level& at)
{
  return (x - at.alpha * test::two_peaks(x, at)) / at.sigma;
}

/// DDIM with the noise given: predict the data, add the noise of the next level.
double transfer(double x, const noise_level& from, const noise_level& to, double noise)
{
  return to.alpha * (x - from.sigma * noise) / from.alpha + to.sigma * noise;
}

/// The mean of PNDM's history, newest first.
double adams(const std::vector<double>& m)
{
  if (m.size() == 1) return m[0];
  if (m.size() == 2) return (3 * m[0] - m[1]) / 2;
  if (m.size() == 3) return (23 * m[0] - 16 * m[1] + 5 * m[2]) / 12;
  return (55 * m[0] - 59 * m[1] + 37 * m[2] - 9 * m[3]) / 24;
}

}  // namespace

TEST_CASE("the weights of LMS integrate the Lagrange polynomials", "[plan]")
{
  // as k-diffusion does, by quadrature: Simpson's rule is exact up to degree 3, and here to 1e-12 for degree 4
  const std::vector<double> sigmas{14.6, 8, 5, 2, 1.5, 0.7, 0.3, 0};
  for (std::size_t order : {1u, 2u, 3u, 4u, 5u}) {
    const sampling_plan plan = lms(ve_levels(sigmas), order);
    for (std::size_t k = 0; k + 1 < sigmas.size(); ++k)
      for (std::size_t j = 0; j < max_history; ++j) {
        double expected = 0;
        const std::size_t nodes = std::min(k + 1, order);
        const auto basis = [&](double s) {
          double product = 1;
          for (std::size_t i = 0; i < nodes; ++i)
            if (i != j) product *= (s - sigmas[k - i]) / (sigmas[k - j] - sigmas[k - i]);
          return product;
        };
        const double width = (sigmas[k + 1] - sigmas[k]) / 1000;
        for (int i = 0; j < nodes && i < 1000; ++i) {
          const double left = sigmas[k] + i * width;
          expected += width / 6 * (basis(left) + 4 * basis(left + width / 2) + basis(left + width));
        }
        CAPTURE(order, k, j);
        REQUIRE_THAT(plan.steps[k].model[j], WithinAbs(expected, 1e-10));
      }
  }
}

TEST_CASE("a row of LMS is the one worked out by hand", "[plan]")
{
  // s = 3, 2, 1: the line through m_1 at 3 and m_0 at 2, integrated from 2 to 1: -3/2 m_0 + 1/2 m_1; on flow levels
  // alpha' = 1 / (1 + s'), alpha' / alpha = 3 / 2
  const flow_schedule flow;
  const auto at = [&](double s) { return flow.at_noise_to_signal(s); };
  const plan_step row = lms(std::vector{at(3), at(2), at(1)}, 2).steps[1];
  REQUIRE_THAT(row.keep, WithinRel(1.5, 1e-14));
  REQUIRE_THAT(row.model[0], WithinRel(-0.75, 1e-14));
  REQUIRE_THAT(row.model[1], WithinRel(0.25, 1e-14));
}

TEST_CASE("rows of Adams' methods carry the law of each level into the next", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  const flow_schedule flow;
  for (const auto& grid : {trailing(table, 10), karras(table, 20), trailing(table, 6, grid_end::first_level),
                           karras(edm_schedule{}, 16, {}), grid_at_sigmas(flow, karras_sigmas(9, {0.02, 50}))}) {
    for (std::size_t order : {1u, 2u, 3u, 4u}) {
      REQUIRE(test::law_error(lms(grid, order)) < 1e-12);
      REQUIRE(test::law_error(ipndm(grid, order)) < 1e-12);
    }
    REQUIRE(test::law_error(lms(grid, 5)) < 1e-12);
    REQUIRE(test::law_error(plms(grid)) < 1e-12);
    for (std::size_t order : {1u, 2u, 3u}) REQUIRE(test::law_error(deis(grid, {.order = order})) < 1e-12);
  }
}

TEST_CASE("LMS and DEIS converge at their order once history is exact", "[plan]")
{
  for (std::size_t order : {1u, 2u, 3u, 4u, 5u}) {
    const auto plan = [=](const auto& grid) { return lms(grid, order); };
    const double expected = static_cast<double>(order);
    CAPTURE(order);
    REQUIRE_THAT(test::lowest_order(plan, order - 1), WithinAbs(expected, 0.15));
    REQUIRE_THAT(test::highest_order(plan, order - 1), WithinAbs(expected, 0.15));
    // from a first step of order 1 the whole is of order 2 at most
    REQUIRE(test::lowest_order(plan) > std::min(expected, 2.0) - 0.15);
  }
  for (std::size_t order : {1u, 2u, 3u}) {
    const auto plan = [=](const auto& grid) { return deis(grid, {.order = order, .lower_order_final = false}); };
    REQUIRE_THAT(test::lowest_order(plan, order - 1), WithinAbs(static_cast<double>(order), 0.15));
    REQUIRE_THAT(test::highest_order(plan, order - 1), WithinAbs(static_cast<double>(order), 0.15));
  }
}

TEST_CASE("PLMS and iPNDM converge at second order on grids that are not even in sigma", "[plan]")
{
  const auto pseudo = [](const auto& grid) { return plms(grid); };
  REQUIRE_THAT(test::lowest_order(pseudo), WithinAbs(2, 0.15));
  REQUIRE_THAT(test::highest_order(pseudo), WithinAbs(2, 0.15));
  for (std::size_t order : {2u, 3u, 4u}) {
    const auto plan = [=](const auto& grid) { return ipndm(grid, order); };
    REQUIRE_THAT(test::lowest_order(plan), WithinAbs(2, 0.15));
    REQUIRE_THAT(test::highest_order(plan), WithinAbs(2, 0.15));
  }
}

TEST_CASE("on a grid even in sigma iPNDM is LMS", "[plan]")
{
  std::vector<double> sigmas;
  for (int i = 12; i >= 0; --i) sigmas.push_back(0.25 * i);
  const auto grid = ve_levels(sigmas);
  for (std::size_t order : {1u, 2u, 3u, 4u}) {
    const sampling_plan a = ipndm(grid, order), b = lms(grid, order);
    for (std::size_t k = 0; k < 12; ++k)
      for (std::size_t j = 0; j < max_history; ++j)
        REQUIRE_THAT(a.steps[k].model[j], WithinAbs(b.steps[k].model[j], 1e-12));
  }
}

TEST_CASE("iPNDM's rows do what the method does", "[plan]")
{
  const auto grid = trailing(scaled_linear_vp(), 9);
  double x = 0.8;
  std::vector<double> m;
  for (std::size_t k = 0; k + 1 < grid.size(); ++k) {
    m.insert(m.begin(), noise_at(x, grid[k]));
    x = transfer(x, grid[k], grid[k + 1], adams(m));
  }
  REQUIRE_THAT(test::run(ipndm(grid), 0.8, test::two_peaks), WithinAbs(x, 1e-12));
}

TEST_CASE("PLMS's rows do what diffusers' PNDM does without its Runge-Kutta steps", "[plan]")
{
  for (std::size_t steps : {1u, 2u, 3u, 4u, 9u}) {
    const auto grid = trailing(scaled_linear_vp(), steps);
    double x = 0.8;
    std::vector<double> m{noise_at(x, grid[0])};
    const double first = transfer(x, grid[0], grid[1], m[0]);
    if (steps == 1)
      x = first;
    else  // the first step again from its start, with the mean of both ends
      x = transfer(x, grid[0], grid[1], (noise_at(first, grid[1]) + m[0]) / 2);
    for (std::size_t k = 1; k + 1 < grid.size(); ++k) {
      m.insert(m.begin(), noise_at(x, grid[k]));
      x = transfer(x, grid[k], grid[k + 1], adams(m));
    }
    const sampling_plan plan = plms(grid);
    REQUIRE(plan.steps.size() == (steps == 1 ? 1 : steps + 1));
    REQUIRE_THAT(test::run(plan, 0.8, test::two_peaks), WithinAbs(x, 1e-12));
  }
}

TEST_CASE("PLMS evaluates the second level twice and skips over the first time", "[plan]")
{
  const auto grid = trailing(scaled_linear_vp(), 9);
  const sampling_plan plan = plms(grid);
  REQUIRE(plan.steps[1].at == grid[1]);
  REQUIRE(plan.steps[2].at == grid[1]);
  REQUIRE(plan.steps[2].model[1] == 0);
  REQUIRE(plan.steps[3].model[2] == 0);
  REQUIRE(plan.steps[4].model[3] == 0);
  REQUIRE(plan.steps[4].model[4] != 0);
  REQUIRE(plan.steps[5].model[4] == 0);
}

TEST_CASE("DEIS weighs as the closed integrals in ln(rho) say", "[plan]")
{
  // the antiderivatives of the Lagrange polynomials in ln t, two and three nodes
  const auto two = [](double t, double b, double c) {
    return t * (std::log(t) - std::log(c) - 1) / (std::log(b) - std::log(c));
  };
  const auto three = [](double t, double b, double c, double d) {
    const double lb = std::log(b), lc = std::log(c), ld = std::log(d), lt = std::log(t);
    return t * (lc * (ld - lt + 1) - ld * lt + ld + lt * lt - 2 * lt + 2) / ((lb - lc) * (lb - ld));
  };
  const std::vector<double> s{9, 4, 2.5, 1, 0.4};
  const auto grid = ve_levels(s);
  const sampling_plan second = deis(grid, {.order = 2, .lower_order_final = false}),
                      third = deis(grid, {.order = 3, .lower_order_final = false});
  for (std::size_t k = 2; k < 4; ++k) {
    const double a = s[k], b = s[k - 1], c = s[k - 2], to = s[k + 1];
    REQUIRE_THAT(second.steps[k].model[0], WithinRel(two(to, a, b) - two(a, a, b), 1e-12));
    REQUIRE_THAT(second.steps[k].model[1], WithinRel(two(to, b, a) - two(a, b, a), 1e-12));
    REQUIRE_THAT(third.steps[k].model[0], WithinRel(three(to, a, b, c) - three(a, a, b, c), 1e-12));
    REQUIRE_THAT(third.steps[k].model[1], WithinRel(three(to, b, a, c) - three(a, b, a, c), 1e-12));
    REQUIRE_THAT(third.steps[k].model[2], WithinRel(three(to, c, a, b) - three(a, c, a, b), 1e-12));
  }
}

TEST_CASE("order 1 of Adams' methods is DDIM", "[plan]")
{
  const auto grid = trailing(scaled_linear_vp(), 9);
  const double x = test::run(ddim(grid), 0.8, test::two_peaks);
  REQUIRE_THAT(test::run(lms(grid, 1), 0.8, test::two_peaks), WithinAbs(x, 1e-12));
  REQUIRE_THAT(test::run(ipndm(grid, 1), 0.8, test::two_peaks), WithinAbs(x, 1e-12));
  REQUIRE_THAT(test::run(deis(grid, {.order = 1}), 0.8, test::two_peaks), WithinAbs(x, 1e-12));
}

TEST_CASE("builders of Adams' methods refuse what they cannot build", "[plan]")
{
  const auto grid = trailing(scaled_linear_vp(), 5);
  REQUIRE_THROWS_WITH(lms(grid, 0), ContainsSubstring("[1, 5]"));
  REQUIRE_THROWS_WITH(lms(grid, 6), ContainsSubstring("is 6"));
  REQUIRE_THROWS_WITH(ipndm(grid, 5), ContainsSubstring("[1, 4]"));
  REQUIRE_THROWS_WITH(deis(grid, {.order = 4}), ContainsSubstring("[1, 3]"));
  const std::vector<noise_level> pure{{1, 0, 1}, {0, 1, 0}};
  REQUIRE_THROWS_WITH(lms(pure), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(ipndm(pure), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(plms(pure), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(deis(pure), ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(plms(std::vector<noise_level>{}), ContainsSubstring("at least two levels"));
}
