// Plans of different families, or of one family in different coordinates, that are the same table.
#include "fewstep/adaptive.hpp"
#include "fewstep/plan/adams.hpp"
#include "fewstep/plan/check.hpp"
#include "fewstep/plan/consistency.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/plan/dpm_solver_singlestep.hpp"
#include "fewstep/plan/flow.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/lcm.hpp"
#include "fewstep/plan/phased.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/runge_kutta.hpp"
#include "fewstep/plan/tcd.hpp"
#include "fewstep/plan/trigflow.hpp"
#include "fewstep/plan/unipc.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/mixture.hpp"
#include "support/order.hpp"
#include "support/run.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::WithinAbs;
using namespace fewstep;

namespace {

using levels = std::vector<noise_level>;

/// Tables of the same rows, but for the schedule's own time.
void require_same_rows(const sampling_plan& a, const sampling_plan& b)
{
  REQUIRE(a.predicts == b.predicts);
  REQUIRE(a.steps.size() == b.steps.size());
  REQUIRE_THAT(a.lift, WithinAbs(b.lift, 1e-12));
  for (std::size_t k = 0; k < a.steps.size(); ++k) {
    const plan_step &p = a.steps[k], &q = b.steps[k];
    CAPTURE(k);
    REQUIRE_THAT(p.at.alpha, WithinAbs(q.at.alpha, 1e-12));
    REQUIRE_THAT(p.at.sigma, WithinAbs(q.at.sigma, 1e-12));
    REQUIRE_THAT(p.keep, WithinAbs(q.keep, 1e-12));
    for (std::size_t j = 0; j < max_history; ++j) REQUIRE_THAT(p.model[j], WithinAbs(q.model[j], 1e-12));
    REQUIRE_THAT(p.noise, WithinAbs(q.noise, 1e-12));
    REQUIRE_THAT(p.last_noise, WithinAbs(q.last_noise, 1e-12));
  }
}

/// The plan for y = x / alpha: what x <- keep x + .. says of it, if a row leads from alpha to alpha_to.
sampling_plan in_ve_coordinates(sampling_plan plan)
{
  const auto ve = [](const noise_level& at) { return noise_level{at.t, 1, noise_to_signal(at)}; };
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    plan_step& row = plan.steps[k];
    const double to = k + 1 < plan.steps.size() ? plan.steps[k + 1].at.alpha : plan.end.alpha;
    row.keep *= row.at.alpha / to;
    for (double& weight : row.model) weight /= to;
    row.noise /= to;
    row.last_noise /= to;
    row.at = ve(row.at);
  }
  plan.start = ve(plan.start);
  plan.end = ve(plan.end);
  return plan;
}

/// All families that weigh predictions of data or noise, with the schedule that some have to ask. (What a consistency
/// network gives is an x, in coordinates of its own.)
template <class S>
std::vector<sampling_plan> all_of(const S& schedule, const levels& grid)
{
  std::vector<sampling_plan> plans{
      ddim(grid),
      ddim(grid, 0.4),
      ddpm(grid),
      heun(grid),
      dpm_2(schedule, grid),
      dpm_2_ancestral(schedule, grid),
      dpm_solver_pp_2s(schedule, grid, {.middle = 0.3}),
      dpm_solver_pp_2s(schedule, grid, {.eta = 1}),
      dpm_solver_pp_sde(schedule, grid),
      dpm_solver_pp(grid, {.order = 2}),
      dpm_solver_pp(grid, {.order = 3}),
      dpm_solver_pp(grid, {.order = 3, .eta = 1}),
      dpm_solver(grid, {.order = 3}),
      dpm_solver(grid, {.order = 2, .slope = slope_weight::heun, .eta = 1}),
      unipc(grid, {.order = 3}),
      unipc(grid, {.order = 2, .form = unipc_form::bh1, .predicts = prediction::noise}),
      lms(grid),
      plms(grid),
      ipndm(grid),
      deis(grid, {.order = 3}),
      phased(grid, 0.3),
      ctm(grid, 0.6),
  };
  return plans;
}

}  // namespace

TEST_CASE("in coordinates x / alpha every sampler is the same, whatever the schedule", "[plan]")
{
  const test::ratio_schedule vp{true}, ve{false};
  for (bool to_data : {false, true}) {
    levels on_vp, on_ve, on_flow;
    for (double ratio : {14.0, 6.0, 3.1, 1.7, 0.8, 0.3, 0.11, 0.02}) {
      on_vp.push_back(vp(ratio));
      on_ve.push_back(ve(ratio));
      on_flow.push_back(flow_schedule{}.at_noise_to_signal(ratio));
    }
    if (to_data)
      for (levels* grid : {&on_vp, &on_ve, &on_flow}) grid->push_back(edm_schedule::data_level());
    const auto expected = all_of(ve, on_ve), by_vp = all_of(vp, on_vp), by_flow = all_of(flow_schedule{}, on_flow);
    for (std::size_t k = 0; k < expected.size(); ++k) {
      CAPTURE(to_data, k);
      require_same_rows(in_ve_coordinates(by_vp[k]), expected[k]);
      require_same_rows(in_ve_coordinates(by_flow[k]), expected[k]);
    }
  }
}

TEST_CASE("LCM and sCM are multistep consistency sampling in coordinates of their own", "[plan]")
{
  const vp_table table = scaled_linear_vp();
  levels on_table, on_circle;
  for (double t : lcm_times(1000, 4)) on_table.push_back(test::edm.at_noise_to_signal(noise_to_signal(table(t))));
  for (double t : scm_times(3, {.max = 1.57})) on_circle.push_back(test::edm(0.5 * std::tan(t)));
  on_table.push_back(test::edm.data_level()), on_circle.push_back(test::edm.data_level());
  require_same_rows(in_ve_coordinates(lcm(table, lcm_times(1000, 4))), consistency(on_table));
  // tan grows as 1 / cos^2 near pi / 2: there 1e-12 of a noise of 600
  const sampling_plan scm_plan = in_ve_coordinates(scm(scm_times(3, {.max = 1.57}))), plan = consistency(on_circle);
  for (std::size_t k = 0; k < 3; ++k) {
    REQUIRE_THAT(scm_plan.steps[k].model[0], WithinAbs(plan.steps[k].model[0], 1e-12));
    REQUIRE_THAT(scm_plan.steps[k].noise, WithinAbs(plan.steps[k].noise, 1e-12));
  }
}

TEST_CASE("phased sampling that forgets is consistency sampling, and that keeps all is DDIM", "[plan]")
{
  const levels edges = grid_at(scaled_linear_vp(), lcm_times(1000, 4));
  require_same_rows(phased(edges, 0), consistency(edges));
  require_same_rows(phased(edges, 1), ddim(edges));
}

TEST_CASE("of first order all solvers are DDIM, whatever they weigh", "[plan]")
{
  const levels grid = trailing(scaled_linear_vp(), 9);
  const double end = test::run(ddim(grid), 0.8, test::two_peaks);
  for (const sampling_plan& plan :
       {dpm_solver(grid, {.order = 1}), unipc(grid, {.order = 1, .predicts = prediction::noise, .corrector = false}),
        lms(grid, 1), phased(grid), flow_euler(grid)})
    REQUIRE_THAT(test::run(plan, 0.8, test::two_peaks), WithinAbs(end, 1e-12));
}

TEST_CASE("UniPC's predictor of order 2 on noise is DPM-Solver", "[plan]")
{
  const levels grid = karras(linear_vp(), 17);
  require_same_rows(unipc(grid, {.predicts = prediction::noise, .corrector = false, .lower_order_final = false}),
                    dpm_solver(grid, {.lower_order_final = false}));
}

TEST_CASE("Euler's rule in the time of EDM or of a flow is DDIM", "[plan]")
{
  const levels on_edm = karras(test::edm, 9, {}), on_flow = flow_grid(9, {.shift = 3});
  const auto times_of = [](const levels& grid) {
    std::vector<double> times(grid.size());
    std::transform(grid.begin(), grid.end(), times.begin(), [](const noise_level& at) { return at.t; });
    return times;
  };
  require_same_rows(runge_kutta(test::edm, times_of(on_edm), {.stages = 1}), ddim(on_edm));
  require_same_rows(runge_kutta(flow_schedule{}, times_of(on_flow), {.stages = 1}), flow_euler(on_flow));
}

TEST_CASE("samplers whose noise is turned off are their deterministic ones", "[plan]")
{
  const levels grid = karras(test::edm, 9, {});
  require_same_rows(heun(test::edm, grid, {}), heun(grid));
  require_same_rows(dpm_2_ancestral(test::edm, grid, 0), dpm_2(test::edm, grid));
}

TEST_CASE("the rows that adaptive steps take are those of 2S", "[plan]")
{
  const test::ratio_schedule vp{true};
  const sampling_plan taken = sample_adaptively(vp, vp(14), vp(0.05), 0.8, test::two_peaks).plan;
  levels visited;
  for (std::size_t k = 0; k < taken.steps.size(); k += 2) visited.push_back(taken.steps[k].at);
  visited.push_back(taken.end);
  REQUIRE(visited.size() > 4);
  require_same_rows(taken, dpm_solver_pp_2s(vp, visited));
}
