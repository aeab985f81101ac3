#include "fewstep/plan/unipc.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/mixture.hpp"
#include "support/order.hpp"
#include "support/run.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

constexpr std::pair<prediction, unipc_form> variants[] = {{prediction::data, unipc_form::bh1},
                                                          {prediction::data, unipc_form::bh2},
                                                          {prediction::noise, unipc_form::bh1},
                                                          {prediction::noise, unipc_form::bh2}};

unipc_options full(std::size_t order, std::pair<prediction, unipc_form> variant, bool corrector = true)
{
  return {.order = order,
          .form = variant.second,
          .predicts = variant.first,
          .corrector = corrector,
          .lower_order_final = false};
}

/// The paper's step, predictor and corrector apart, with the state of the step before kept: from x at level k with the
/// outputs m (newest first) of levels k, k - 1, .. and, to correct, `ahead` at level k + 1.
double paper_step(const std::vector<noise_level>& grid, std::size_t k, std::size_t p, const unipc_options& options,
                  double x, const std::vector<double>& m, const double* ahead)
{
  const noise_level &from = grid[k], &to = grid[k + 1];
  const bool noise = options.predicts == prediction::noise;
  const double h = std::log(to.alpha / to.sigma) - std::log(from.alpha / from.sigma), hh = noise ? h : -h;
  const double scale = options.form == unipc_form::bh1 ? hh : std::expm1(hh), c = noise ? to.sigma : to.alpha;
  const double linear = (noise ? to.alpha / from.alpha : to.sigma / from.sigma) * x - c * std::expm1(hh) * m[0];

  std::vector<double> r, difference;  // nodes, and (m_j - m_0) / r_j
  for (std::size_t j = 1; j < p; ++j) {
    r.push_back((std::log(grid[k - j].alpha / grid[k - j].sigma) - std::log(from.alpha / from.sigma)) / h);
    difference.push_back((m[j] - m[0]) / r.back());
  }
  if (ahead != nullptr) {
    r.push_back(1);
    difference.push_back(*ahead - m[0]);
  }
  // b_1, b_2, b_3 of the authors' code
  double g = std::expm1(hh) / hh - 1, factorial = 1;
  std::vector<double> b;
  for (int i = 1; i <= 3; ++i) {
    b.push_back(g * factorial / scale);
    factorial *= i + 1;
    g = g / hh - 1 / factorial;
  }
  // rho by Cramer's rule on the powers of r
  std::vector<double> rho(r.size());
  if (r.size() == 1) rho = {p == 2 || ahead != nullptr ? 0.5 : b[0]};
  if (r.size() == 2) rho = {(b[0] * r[1] - b[1]) / (r[1] - r[0]), (b[1] - b[0] * r[0]) / (r[1] - r[0])};
  if (r.size() == 3)
    for (std::size_t i = 0; i < 3; ++i) {
      const double u = r[(i + 1) % 3], v = r[(i + 2) % 3];
      rho[i] = (b[2] - (u + v) * b[1] + u * v * b[0]) / ((r[i] - u) * (r[i] - v));
    }
  double sum = 0;
  for (std::size_t j = 0; j < r.size(); ++j) sum += rho[j] * difference[j];
  return linear - c * scale * sum;
}

double paper_run(const std::vector<noise_level>& grid, const unipc_options& options, double x)
{
  const std::size_t n = grid.size() - 1, evaluations = n + (options.correct_last ? 1 : 0);
  std::vector<double> m;
  double before = 0;
  std::size_t last_order = 0;
  for (std::size_t k = 0; k < evaluations; ++k) {
    const double output = test::as_output(options.predicts, x, test::two_peaks(x, grid[k]), grid[k]);
    const auto& skipped = options.uncorrected;
    if (k > 0 && options.corrector && std::find(skipped.begin(), skipped.end(), k - 1) == skipped.end())
      x = paper_step(grid, k - 1, last_order, options, before, m, &output);
    m.insert(m.begin(), output);
    if (k == n) break;
    before = x;
    last_order = std::min({options.order, k + 1, options.lower_order_final ? evaluations - k : n});
    x = paper_step(grid, k, last_order, options, x, m, nullptr);
  }
  return x;
}

}  // namespace

TEST_CASE("the fused rows do what predictor and corrector do apart", "[plan]")
{
  const auto grid = test::lambda_grid{.high = 14.6, .low = 0.03, .variance_preserving = true}(9);
  for (const auto& variant : variants)
    for (std::size_t order : {1u, 2u, 3u}) {
      unipc_options options = full(order, variant);
      CAPTURE(order, variant.first == prediction::noise, variant.second == unipc_form::bh2);
      const auto require = [&] {
        REQUIRE_THAT(test::run(unipc(grid, options), 0.8, test::two_peaks),
                     WithinAbs(paper_run(grid, options, 0.8), 1e-12));
      };
      require();
      options.uncorrected = {1, 4};
      require();
      options.lower_order_final = true;
      require();
      options.correct_last = true;
      require();
      options.corrector = false;
      require();
    }
}

TEST_CASE("UniPC-2 on Stable Diffusion's schedule has the coefficients of diffusers", "[plan]")
{
  // bh2, fused; to 1e-6, for diffusers builds its table in float32
  const sampling_plan plan = unipc(trailing(scaled_linear_vp(), 4));
  struct row {
    double keep;
    double m[3];
  };
  const row expected[] = {{.9735467915, {.1714977588, 0, 0}},
                          {.8750350632, {.5097624960, -.1910395736, 0}},
                          {.6703240449, {.7900599141, -.3884318384, .0669957852}},
                          {0, {1, 0, 0}}};
  for (std::size_t k = 0; k < 4; ++k) {
    REQUIRE_THAT(plan.steps[k].keep, WithinAbs(expected[k].keep, 1e-6));
    for (std::size_t j = 0; j < 3; ++j) REQUIRE_THAT(plan.steps[k].model[j], WithinAbs(expected[k].m[j], 1e-6));
  }
}

TEST_CASE("a fused row is the one worked out by hand", "[plan]")
{
  // order 1, bh1 (B = -ln 2), sigma 4, 2, 1: x_1 = x / 2 + m_0 / 2; corrected by + ln 2 / 2 (m_1 - m_0), half of which
  // goes on; then + m_1 / 2
  const std::vector<noise_level> grid{{4, 1, 4}, {2, 1, 2}, {1, 1, 1}};
  const sampling_plan plan = unipc(grid, {.order = 1, .form = unipc_form::bh1});
  const double quarter = std::log(2.0) / 4;
  REQUIRE_THAT(plan.steps[0].model[0], WithinRel(0.5, 1e-14));
  REQUIRE_THAT(plan.steps[1].keep, WithinRel(0.5, 1e-14));
  REQUIRE_THAT(plan.steps[1].model[0], WithinRel(0.5 + quarter, 1e-14));
  REQUIRE_THAT(plan.steps[1].model[1], WithinRel(-quarter, 1e-14));
}

TEST_CASE("UniPC's rows carry the law of each level into the next", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  for (const auto& grid : {trailing(table, 10), karras(table, 20), trailing(table, 6, grid_end::first_level),
                           karras(edm_schedule{}, 16, {})})
    for (const auto& variant : variants)
      for (std::size_t order : {1u, 2u, 3u})
        for (bool corrector : {true, false}) {
          REQUIRE(test::law_error(unipc(grid, full(order, variant, corrector))) < 1e-12);
          unipc_options more = full(order, variant, corrector);
          more.correct_last = grid.back().sigma > 0;
          more.lower_order_final = true;
          const sampling_plan plan = unipc(grid, more);
          REQUIRE(test::law_error(plan) < 1e-12);
          REQUIRE(plan.steps.size() == grid.size() - (more.correct_last ? 0 : 1));
        }
}

TEST_CASE("UniPC converges at its order, with the corrector at one more", "[plan]")
{
  for (const auto& variant : variants)
    for (std::size_t order : {1u, 2u, 3u})
      for (bool corrector : {true, false}) {
        const auto plan = [&](const auto& grid) { return unipc(grid, full(order, variant, corrector)); };
        const std::size_t reached = corrector ? order + 1 : order;
        CAPTURE(order, corrector, variant.first == prediction::noise, variant.second == unipc_form::bh2);
        REQUIRE_THAT(test::lowest_order(plan, reached - 1), WithinAbs(static_cast<double>(reached), 0.15));
        REQUIRE_THAT(test::highest_order(plan, reached - 1), WithinAbs(static_cast<double>(reached), 0.15));
      }
}

TEST_CASE("UniPC keeps its order from its own start up to one above the start's", "[plan]")
{
  // the first step is of order 1, of 2 once corrected
  for (const auto& variant : variants)
    for (std::size_t order : {1u, 2u}) {
      const auto plan = [&](const auto& grid) { return unipc(grid, full(order, variant)); };
      REQUIRE_THAT(test::lowest_order(plan), WithinAbs(static_cast<double>(order + 1), 0.15));
    }
  const auto third = [](const auto& grid) { return unipc(grid, full(3, variants[1])); };
  REQUIRE(test::lowest_order(third) > 3 - 0.15);
}

TEST_CASE("on the mixture UniPC errs as measured elsewhere", "[plan]")
{
  // bh2 on data; two digits each, from another implementation of the same sampler on the same problem
  struct measured {
    std::size_t steps;
    double error[3];
  };
  for (const auto& [steps, error] : {measured{8, {1.5e-1, 1.6e-2, 1.3e-1}},
                                     {32, {1.0e-2, 1.6e-3, 1.9e-4}},
                                     {128, {6.9e-4, 2.0e-5, 3.1e-6}},
                                     {512, {4.4e-5, 2.7e-7, 1.6e-8}}})
    for (std::size_t order : {1u, 2u, 3u})
      REQUIRE_THAT(test::flow_error(unipc(test::mixture_grid(steps), full(order, variants[1])), test::two_peaks),
                   WithinRel(error[order - 1], 0.05));
}

TEST_CASE("without corrector orders 1 and 2 are DDIM and DPM-Solver++", "[plan]")
{
  const auto grid = karras(edm_schedule{}, 16, {});
  const sampling_plan first = unipc(grid, full(1, variants[1], false)), flat = ddim(grid);
  const sampling_plan second = unipc(grid, full(2, variants[1], false)),
                      midpoint = dpm_solver_pp(grid, {.lower_order_final = false});
  for (std::size_t k = 0; k < 16; ++k) {
    REQUIRE_THAT(first.steps[k].model[0], WithinAbs(flat.steps[k].model[0], 1e-13));
    for (std::size_t j = 0; j < 3; ++j)
      REQUIRE_THAT(second.steps[k].model[j], WithinAbs(midpoint.steps[k].model[j], 1e-13));
  }
}

TEST_CASE("a step of UniPC to the data ends with what is predicted, and starts may hold no signal", "[plan]")
{
  const auto grid = trailing(rescale_zero_terminal_snr(scaled_linear_vp()), 8);
  REQUIRE(grid[0].alpha == 0);
  for (std::size_t order : {1u, 2u, 3u}) {
    const sampling_plan plan = unipc(grid, full(order, variants[1]));
    REQUIRE_NOTHROW(require_plan(plan));
    REQUIRE(test::law_error(plan) < 1e-12);
    REQUIRE(plan.steps.back().keep == 0);
    REQUIRE(plan.steps.back().model == std::array<double, max_history>{1});
  }
}

TEST_CASE("UniPC refuses what it cannot build", "[plan]")
{
  const auto grid = karras(edm_schedule{}, 5, {});
  REQUIRE_THROWS_WITH(unipc(grid, {.order = 4}), ContainsSubstring("[1, 3]"));
  REQUIRE_THROWS_WITH(unipc(grid, {.order = 0}), ContainsSubstring("is 0"));
  REQUIRE_THROWS_WITH(unipc(grid, {.predicts = prediction::velocity}), ContainsSubstring("data or noise"));
  REQUIRE_THROWS_WITH(unipc(grid, {.correct_last = true}), ContainsSubstring("sigma = 0"));
  REQUIRE_THROWS_WITH(unipc(std::vector<noise_level>{{1, 0, 1}, {0, 1, 0}}, {.predicts = prediction::noise}),
                      ContainsSubstring("divides by alpha"));
  REQUIRE_THROWS_WITH(unipc(std::vector<noise_level>{}), ContainsSubstring("at least two levels"));
}
