#include "fewstep/schedule/data_error.hpp"

#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

}  // namespace

TEST_CASE("both estimators give the error of normal data", "[schedule]")
{
  // of the reference: data of variance 1/4, the linear table, n = 100 and 500, which are our 99 and 499
  const test::spectrum data{.variances = {.25}};
  const vp_table table = linear_vp();
  REQUIRE_THAT(data.second_moment(table(99)), WithinAbs(.3147017178957, 6e-14));
  REQUIRE_THAT(data.second_moment(table(499)), WithinAbs(.9791226704537, 6e-14));
  for (const auto& [t, error] : {std::pair{99, .0786754294739}, {499, .2447806676134}}) {
    const noise_level at = table(t);
    const moment_level level{.at = at,
                             .second_moment = test::measured(data.second_moment(at), 1e-3),
                             .residual = test::measured(data.error(at), 1e-3)};
    REQUIRE_THAT(error_at(level, error_estimator::second_moment).value, WithinAbs(error, 1e-12));
    REQUIRE_THAT(error_at(level, error_estimator::residual).value, WithinAbs(error, 6e-14));
    REQUIRE_THAT(error_at(level, error_estimator::second_moment).standard_error,
                 WithinRel(1e-3 * noise_variance(at), 1e-12));
    REQUIRE_THAT(error_at(level, error_estimator::residual).standard_error, WithinRel(1e-3, 1e-12));
  }
}

TEST_CASE("the estimator of the smaller standard error is used, and named", "[schedule]")
{
  const vp_table table = linear_vp();
  // at t = 99 (sigma / alpha)^2 is 0.115: an error of 1e-3 in the second moment is one of 1e-4 in C
  moment_level level{.at = table(99), .second_moment = test::measured(.3, 1e-3), .residual = test::measured(.08, 2e-4)};
  REQUIRE(error_at(level).from == error_estimator::second_moment);
  level.residual = test::measured(.08, 1e-4);
  REQUIRE(error_at(level).from == error_estimator::residual);
  level.at = table(999);
  level.second_moment = test::measured(.99999, 1e-6);
  REQUIRE(error_at(level).from == error_estimator::residual);
  level.repaired = .07;
  REQUIRE(error_at(level).from == error_estimator::repaired);
  REQUIRE(error_at(level).value == .07);
  REQUIRE(error_at(level, error_estimator::residual).value == .08);
  level.at = rescale_zero_terminal_snr(table)(999);  // no signal: the noise says nothing of the data
  level.repaired.reset();
  REQUIRE(error_at(level).from == error_estimator::residual);
  REQUIRE_THROWS_WITH(error_at(level, error_estimator::clipped), ContainsSubstring("do not hold"));
}

TEST_CASE("an error is held between nothing and the noise", "[schedule]")
{
  const noise_level at = linear_vp()(99);
  const double n = noise_variance(at);
  REQUIRE(error_at(moment_level{.at = at, .second_moment = test::measured(1.2, .1)}).value == 0);
  REQUIRE_THAT(raw_error(moment_level{.at = at, .second_moment = test::measured(1.2, .1)}).value,
               WithinRel(-.2 * n, 1e-12));
  REQUIRE(error_at(moment_level{.at = at, .residual = test::measured(1, .1)}).value == n);
}

TEST_CASE("the effective variance is that of the normal data with this error", "[schedule]")
{
  for (const noise_level& at : {linear_vp()(0), linear_vp()(500), edm_schedule{}(.7), flow_schedule{}(.3)})
    for (const double v : {1e-3, .25, 4.}) {
      const test::spectrum data{.variances = {v}};
      REQUIRE_THAT(error_of_variance(v, at), WithinRel(data.error(at), 1e-14));
      REQUIRE_THAT(effective_variance(data.error(at), at), WithinRel(v, 1e-15 + 1e-15 * v / noise_variance(at)));
    }
  const noise_level at = linear_vp()(500);
  REQUIRE(effective_variance(noise_variance(at), at) == HUGE_VAL);
  REQUIRE(error_of_variance(HUGE_VAL, at) == noise_variance(at));
  REQUIRE(effective_variance(0, at) == 0);
}

TEST_CASE("moments of a few levels serve other levels and other schedules", "[schedule]")
{
  const vp_table table = linear_vp();
  std::vector<noise_level> some;
  for (double t = 0; t < 999; t += 30) some.push_back(table(t));
  some.push_back(table(999));

  // for data of one variance the interpolation is exact, in every schedule and beyond the ends
  const test::spectrum one{.variances = {.3}};
  const moment_table moments = one.moments(some);
  for (const noise_level& at : {table(1), table(500), table(998), cosine_vp()(70), edm_schedule{}(.003),
                                edm_schedule{}(3), edm_schedule{}(1000), flow_schedule{}(.5)})
    REQUIRE_THAT(error_at(moments, at).value, WithinRel(one.error(at), 1e-11));

  // for a spectrum it lies between the neighbours' effective variances
  const test::spectrum several;
  const moment_table coarse = several.moments(some);
  for (std::size_t k = 0; k + 1 < some.size(); ++k) {
    const noise_level at = table((some[k].t + some[k + 1].t) / 2);
    const double v = effective_variance(error_at(coarse, at).value, at);
    REQUIRE(v > effective_variance(several.error(some[k]), some[k]));
    REQUIRE(v < effective_variance(several.error(some[k + 1]), some[k + 1]));
  }
  REQUIRE(error_at(coarse, some[5]).value == several.error(some[5]));
}

TEST_CASE("interpolation withstands errors at their bounds", "[schedule]")
{
  const std::vector levels{edm_schedule{}(.1), edm_schedule{}(1), edm_schedule{}(10)};
  const moment_table moments = moments_of_errors(levels, std::vector{.01, 0., 100.});  // v = infinity, 0, infinity
  for (const double sigma : {.01, .1, .3, 1., 3., 10., 30.}) {
    const double error = error_at(moments, edm_schedule{}(sigma)).value;
    REQUIRE(error >= 0);
    REQUIRE(error <= sigma * sigma * (1 + 1e-12));
  }
}
