#include "fewstep/adaptive.hpp"

#include "fewstep/plan/check.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"
#include "support/mixture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("a smaller tolerance gives a smaller error on the mixture, at second order in the number of steps",
          "[adaptive]")
{
  const test::mixture data;
  const edm_schedule schedule;
  const noise_level from = schedule(14.6), to = schedule(0.03);
  std::vector<double> errors, evaluations;
  for (double tolerance : {1e-2, 1e-3, 1e-4, 1e-5}) {
    double worst = 0, calls = 0;
    for (double x : {-9.0, 2.0, 15.0}) {
      const auto run = sample_adaptively(schedule, from, to, x, data, {.relative = 0, .absolute = tolerance});
      worst = std::max(worst, std::abs(run.x - data.flow(x, from, to)));
      calls += static_cast<double>(run.evaluations);
    }
    errors.push_back(worst);
    evaluations.push_back(calls);
  }
  for (std::size_t k = 0; k + 1 < errors.size(); ++k) REQUIRE(errors[k + 1] < errors[k]);
  // the embedded error is of order h^2, so that steps go with the root of the tolerance, and the error with the
  // tolerance
  const double order = std::log(errors.front() / errors.back()) / std::log(evaluations.back() / evaluations.front());
  REQUIRE_THAT(order, WithinAbs(2, 0.35));
  REQUIRE(errors.back() < 1e-4);
}

TEST_CASE("the accepted rows are a plan that obeys the law and repeats the run bit for bit", "[adaptive]")
{
  const test::gaussian data;
  const vp_table schedule = linear_vp();
  using X = std::vector<float>;
  const auto denoise = [&](const X& x, const evaluation& at, X& out) {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = static_cast<float>(data(static_cast<double>(x[i]), at));
  };
  const X start{0.3F, -1.1F, 2.2F};
  const auto run =
      sample_adaptively(schedule, schedule(999), schedule(0), start, denoise, {.relative = 0, .absolute = 1e-4});
  REQUIRE(run.plan.end == schedule(0));
  REQUIRE(run.evaluations == run.plan.steps.size() + run.rejected);
  REQUIRE(sample(run.plan, start, denoise) == run.x);
  for (const auto& [signal, variance] : law_residuals(run.plan)) {
    REQUIRE_THAT(signal, WithinAbs(0, 1e-12));
    REQUIRE_THAT(variance, WithinAbs(0, 1e-12));
  }
  // the flow contracts here, so errors at most add up: half the rows, each within the root mean square of three numbers
  const double bound = static_cast<double>(run.plan.steps.size()) / 2 * std::sqrt(3.0) * 1e-4;
  for (std::size_t i = 0; i < 3; ++i)
    REQUIRE_THAT(run.x[i], WithinAbs(data.flow(static_cast<double>(start[i]), schedule(999), schedule(0)), bound));
}

TEST_CASE("steps shrink where the data decides and grow where it does not", "[adaptive]")
{
  const test::mixture data;
  const edm_schedule schedule;
  const auto run = sample_adaptively(schedule, schedule(80), schedule(0.002), 3.0, data, {.absolute = 1e-4});
  double shortest = HUGE_VAL, longest = 0;
  for (std::size_t k = 0; k + 2 < run.plan.steps.size(); k += 2) {
    const double step = log_snr(run.plan.steps[k + 2].at) - log_snr(run.plan.steps[k].at);
    shortest = std::min(shortest, step), longest = std::max(longest, step);
  }
  REQUIRE(longest > 5 * shortest);
}

TEST_CASE("what cannot be stepped adaptively is refused", "[adaptive]")
{
  const test::gaussian data;
  const edm_schedule s;
  int calls = 0;
  const auto counted = [&](double x, const evaluation& at) { return ++calls, data(x, at); };
  const auto run = [&](noise_level from, noise_level to, adaptive_options options) {
    return sample_adaptively(s, from, to, 1.0, counted, options);
  };
  REQUIRE_THROWS_WITH(run(s(1), s(2), {}), ContainsSubstring("must fall"));
  REQUIRE_THROWS_WITH(run(s(1), s(0), {}), ContainsSubstring("sigma > 0"));
  REQUIRE_THROWS_WITH(run({0, 0, 1}, s(0.1), {}), ContainsSubstring("alpha > 0"));
  REQUIRE_THROWS_WITH(run(s(2), s(1), {.relative = 0, .absolute = 0}), ContainsSubstring("not both 0"));
  REQUIRE_THROWS_WITH(run(s(2), s(1), {.first_step = 0}), ContainsSubstring("first step"));
  REQUIRE_THROWS_WITH(run(s(2), s(1), {.safety = 1}), ContainsSubstring("safety"));
  REQUIRE(calls == 0);
  REQUIRE_THROWS_WITH(run(s(80), s(0.002), {.absolute = 1e-6, .most_evaluations = 5}),
                      ContainsSubstring("5 evaluations"));
  const auto nan = [](double, const evaluation&) { return std::numeric_limits<double>::quiet_NaN(); };
  REQUIRE_THROWS_WITH(sample_adaptively(s, s(2), s(1), 1.0, nan), ContainsSubstring("stays above"));
}
