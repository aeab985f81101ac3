#include "fewstep/audit/audit.hpp"

#include "fewstep/plan/consistency.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/plan/dpm_solver_singlestep.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/order.hpp"

#include <cmath>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

const vp_table table = linear_vp();

/// The root mean square distance to the flow, with the loop that tests have of their own.
template <class M, class Q>
double rms_error(const sampling_plan& plan, const M& data, Q quantile)
{
  double sum = 0;
  for (std::size_t k = 0; k < audit_starts; ++k) {
    const double x = quantile((static_cast<double>(k) + 0.5) / static_cast<double>(audit_starts));
    sum += std::pow(test::run(plan, x, data) - data.flow(x, plan.start, plan.end), 2);
  }
  return std::sqrt(sum / static_cast<double>(audit_starts));
}

}  // namespace

TEST_CASE("an audit counts what a plan costs", "[audit]")
{
  const plan_audit found = audit(dpm_solver_pp(trailing(table, 20), {.order = 3}));
  REQUIRE(found.evaluations == 20);
  REQUIRE(found.depth == 3);
  REQUIRE_FALSE(found.stochastic);
  REQUIRE(audit(ddim(trailing(table, 5), 1)).stochastic);
}

TEST_CASE("a plan that another program got wrong shows where and by how much", "[audit]")
{
  sampling_plan plan = ddim(trailing(table, 10));
  REQUIRE(std::abs(audit(plan).signal.value) < 1e-15);
  REQUIRE(std::abs(audit(plan).variance.value) < 1e-15);
  plan.steps[6].model[0] += 0.01;
  plan.steps[3].noise = 0.1;
  const plan_audit found = audit(plan);
  REQUIRE(found.signal.row == 6);
  REQUIRE_THAT(found.signal.value, WithinAbs(0.01, 1e-12));
  REQUIRE(found.variance.row == 3);
  REQUIRE_THAT(found.variance.value, WithinAbs(0.01, 1e-12));
}

TEST_CASE("an audit names the largest coefficient", "[audit]")
{
  sampling_plan plan = heun(karras(edm_schedule{}, 8, {}));
  plan.steps[5].model[1] = -300;
  REQUIRE(audit(plan).weight.value == -300);
  REQUIRE(audit(plan).weight.row == 5);
}

TEST_CASE("errors of deterministic plans are distances to the flow", "[audit]")
{
  const gaussian_data normal;
  const mixture_data mixture, alone{{{.weight = 1, .law = normal}}};
  const auto grid = trailing(table, 20);
  for (const sampling_plan& plan : {ddim(grid), dpm_solver(grid), heun(karras(edm_schedule{}, 9, {}))}) {
    const plan_audit found = audit(plan);
    const double on_normal = rms_error(plan, normal, [&](double p) { return alone.quantile(p, plan.start); });
    const double on_mixture = rms_error(plan, mixture, [&](double p) { return mixture.quantile(p, plan.start); });
    REQUIRE_THAT(*found.normal_error, WithinRel(on_normal / 0.5, 1e-9));
    REQUIRE_THAT(*found.mixture_error, WithinRel(on_mixture / std::sqrt(mixture.variance()), 1e-9));
  }
}

TEST_CASE("errors of mean and variance are those of the law that a plan ends with", "[audit]")
{
  const gaussian_data data;
  const auto grid = test::gaussian_grid(12);
  const edm_schedule schedule;
  const auto raised = heun(schedule, karras(schedule, 12, {}), {.churn = 5});
  REQUIRE(raised.lift > 0);
  for (const sampling_plan& plan :
       {ddim(grid), ddim(grid, 1), dpm_solver_pp_sde(test::gaussian_grid.schedule(), grid), raised}) {
    const test::moments end = test::end_moments(plan, data);
    const double exact = data.deviation_at(plan.end);
    REQUIRE_THAT(audit(plan).mean_error, WithinAbs((end.mean - data.mean_at(plan.end)) / exact, 1e-12));
    REQUIRE_THAT(audit(plan).variance_error, WithinAbs(end.variance / (exact * exact) - 1, 1e-12));
    REQUIRE(audit(plan).mixture_error.has_value() != is_stochastic(plan));
  }
}

TEST_CASE("the fitted order of a family is the one it is published with", "[audit]")
{
  const auto order = [](auto build) {
    return fit_order([=](std::size_t n) { return build(test::mixture_grid(n)); }, 256);
  };
  const fitted_order first = order([](const auto& grid) { return ddim(grid); });
  const fitted_order second = order([](const auto& grid) { return heun(grid); });
  REQUIRE_THAT(first.normal, WithinAbs(1, 0.15));
  REQUIRE_THAT(*first.mixture, WithinAbs(1, 0.15));
  REQUIRE_THAT(second.normal, WithinAbs(2, 0.15));
  REQUIRE_THAT(*second.mixture, WithinAbs(2, 0.15));
  const fitted_order noisy = order([](const auto& grid) { return ddim(grid, 1); });
  REQUIRE_THAT(noisy.normal, WithinAbs(1, 0.15));
  REQUIRE_FALSE(noisy.mixture);
}

TEST_CASE("plans that cannot be judged are refused", "[audit]")
{
  REQUIRE_THROWS_WITH(audit({}), ContainsSubstring("no rows"));
  sampling_plan plan = dpm_solver(trailing(table, 4));
  plan.steps[2].at.sigma = 0;
  REQUIRE_THROWS_WITH(audit(plan), ContainsSubstring("sigma = 0.0"));
}
