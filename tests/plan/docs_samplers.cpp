// The pages on samplers, as printed. Data are standard normal, for which the flow only scales x. Tolerances are coarse:
// that the pages run is proved here, how exact samplers are elsewhere.
#include "snippets/samplers_setting.hpp"

#include "fewstep/search/ternary_search.hpp"
#include "support/catch.hpp"
#include "support/laws.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::WithinAbs;
using fewstep::sampling_plan;

namespace {

/// Where the flow takes `normal`, as a number of the plan's first level.
double exact(const sampling_plan& plan, double x)
{
  return x * std::hypot(plan.end.alpha, plan.end.sigma) / std::hypot(plan.start.alpha, plan.start.sigma);
}

/// Draws noise, and carries the law of each level into the next.
void require_law(const sampling_plan& plan)
{
  REQUIRE(fewstep::is_stochastic(plan));
  REQUIRE(fewstep::test::law_error(plan) < 1e-12);
}

}  // namespace

TEST_CASE("the page on DDIM runs as printed", "[docs]")
{
#include "snippets/ddim.hpp"
  REQUIRE_THAT(image, WithinAbs(exact(plan, normal), 0.06));
  require_law(ancestral);
  REQUIRE(std::isfinite(other));
}

TEST_CASE("the page on Heun runs as printed", "[docs]")
{
#include "snippets/heun.hpp"
  REQUIRE(plan.steps.size() == 35);
  REQUIRE_THAT(image, WithinAbs(exact(plan, 80 * normal), 0.06));
  require_law(churned);
  REQUIRE(std::isfinite(other));
}

TEST_CASE("the page on Runge-Kutta runs as printed", "[docs]")
{
#include "snippets/runge_kutta.hpp"
  REQUIRE_THAT(image, WithinAbs(exact(plan, normal), 0.06));
}

TEST_CASE("the page on multistep DPM-Solver runs as printed", "[docs]")
{
#include "snippets/dpm_solver.hpp"
  REQUIRE_THAT(image, WithinAbs(exact(plan, normal), 0.06));
  REQUIRE_THAT(third, WithinAbs(exact(on_noise, normal), 0.06));
  require_law(sde);
  REQUIRE(std::isfinite(other));
}

TEST_CASE("the page on singlestep DPM-Solver runs as printed", "[docs]")
{
#include "snippets/dpm_solver_singlestep.hpp"
  REQUIRE(plan.steps.size() == 23);
  REQUIRE_THAT(image, WithinAbs(exact(plan, normal), 0.06));
  require_law(sde);
  REQUIRE(std::isfinite(other));
}

TEST_CASE("the page on UniPC runs as printed", "[docs]")
{
#include "snippets/unipc.hpp"
  REQUIRE_THAT(image, WithinAbs(exact(plan, normal), 0.06));
}

TEST_CASE("the page on Adams methods runs as printed", "[docs]")
{
#include "snippets/adams.hpp"
  const double end = exact(fewstep::lms(grid), normal);
  for (double found : {image, by_lms, by_plms, by_deis}) REQUIRE_THAT(found, WithinAbs(end, 0.06));
}

TEST_CASE("the page on consistency sampling runs as printed", "[docs]")
{
#include "snippets/consistency.hpp"
  REQUIRE(plan.steps.size() == 2);
  REQUIRE_THAT(other, WithinAbs(exact(one_step, 80 * normal), 1e-12));
  REQUIRE(std::isfinite(image));
}

TEST_CASE("the page on consistency sampling finds times as printed", "[docs]")
{
  const auto distance_of_samples = [](const sampling_plan& plan) { return std::abs(plan.steps[1].at.sigma - 2); };
#include "snippets/consistency_times.hpp"
  REQUIRE(found.trace.size() <= 14);
  for (std::size_t t = 1; t < 39; ++t) REQUIRE(found.best.score <= score({0, t, 39}));
  REQUIRE(best.steps.size() == 2);
}

TEST_CASE("the page on LCM runs as printed", "[docs]")
{
#include "snippets/lcm.hpp"
  REQUIRE(plan.steps.size() == 4);
  REQUIRE(std::isfinite(image));
  REQUIRE(told.size() == 256);
}

TEST_CASE("the page on sCM runs as printed", "[docs]")
{
#include "snippets/trigflow.hpp"
  REQUIRE(plan.steps.size() == 2);
  REQUIRE(std::isfinite(image));
}

TEST_CASE("the page on TCD and CTM runs as printed", "[docs]")
{
#include "snippets/tcd.hpp"
  REQUIRE(plan.steps.size() == 4);
  require_law(plan), require_law(by_ctm);
  REQUIRE(std::isfinite(image + other));
}

TEST_CASE("the page on flows runs as printed", "[docs]")
{
#include "snippets/flow.hpp"
  REQUIRE_THAT(image, WithinAbs(exact(plan, normal), 0.06));
  REQUIRE_THAT(same, WithinAbs(image, 1e-12));
}

TEST_CASE("the page on phased consistency runs as printed", "[docs]")
{
#include "snippets/phased.hpp"
  REQUIRE(plan.steps.size() == 4);
  require_law(stochastic);
  REQUIRE(std::isfinite(image + other));
}

TEST_CASE("the page on RePaint and Restart runs as printed", "[docs]")
{
#include "snippets/repaint.hpp"
  require_law(plan);
  require_law(restarted);
  REQUIRE(std::isfinite(image + other));
}

TEST_CASE("the page on image to image runs as printed", "[docs]")
{
#include "snippets/partial.hpp"
  REQUIRE(plan.steps.size() == 12);
  REQUIRE_THAT(image, WithinAbs(exact(plan, noisy), 0.06));
}

TEST_CASE("the page on adaptive steps runs as printed", "[docs]")
{
#include "snippets/adaptive.hpp"
  REQUIRE_THAT(image, WithinAbs(exact(run.plan, normal), 0.06));
  REQUIRE_THAT(again, WithinAbs(image, 1e-15));
  REQUIRE(evaluations >= run.plan.steps.size());
}

TEST_CASE("the paragraph on the audit runs as printed", "[docs]")
{
#include "snippets/audit.hpp"
  REQUIRE(std::abs(largest_defect) < 1e-14);
  REQUIRE(missed < 0.2);
  REQUIRE_THAT(order, WithinAbs(2, 0.15));
}
