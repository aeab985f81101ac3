#include "fewstep/schedule/continuous.hpp"

#include "support/catch.hpp"

#include <cmath>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

template <differentiable_schedule S>
void require_rates(const S& schedule, double t)
{
  // central difference with h = 1e-5: its error is h^2 times a third derivative, and 1e-11 of rounding
  const double h = 1e-5;
  const noise_level below = schedule(t - h), above = schedule(t + h);
  const level_rates rate = rates(schedule, t);
  REQUIRE_THAT(rate.alpha, WithinAbs((above.alpha - below.alpha) / (2 * h), 1e-8));
  REQUIRE_THAT(rate.sigma, WithinAbs((above.sigma - below.sigma) / (2 * h), 1e-8));
}

template <differentiable_schedule S>
void require_inverse(const S& schedule, double t)
{
  const noise_level at = schedule(t), back = schedule.at_noise_to_signal(noise_to_signal(at));
  REQUIRE_THAT(back.t, WithinRel(t, 1e-12));
  REQUIRE_THAT(back.alpha, WithinRel(at.alpha, 1e-12));
  REQUIRE_THAT(back.sigma, WithinRel(at.sigma, 1e-12));
}

}  // namespace

TEST_CASE("the rates of a schedule are its derivatives", "[schedule]")
{
  for (double t : {0.1, 0.5, 0.9}) {
    require_rates(edm_schedule{}, t);
    require_rates(flow_schedule{}, t);
    require_rates(continuous_ve{}, t);
    require_rates(continuous_vp{}, t);
  }
}

TEST_CASE("continuous schedules are undone by their inverse", "[schedule]")
{
  for (double t : {1e-4, 0.1, 0.5, 1.0}) {
    require_inverse(continuous_ve{}, t);
    require_inverse(continuous_vp{}, t);
    require_inverse(continuous_vp{.beta_d = 17.5, .beta_min = -0.0001}, t);
  }
}

TEST_CASE("the continuous VP process keeps the variance and reaches the data", "[schedule]")
{
  const continuous_vp process;
  for (double t : {1e-8, 1e-3, 0.3, 1.0})
    REQUIRE_THAT(std::hypot(process(t).alpha, process(t).sigma), WithinRel(1, 1e-15));
  REQUIRE(process(0) == process.data_level());
  // beta_d / 2 + beta_min = 10.05: sigma / alpha = sqrt(e^10.05 - 1)
  REQUIRE_THAT(noise_to_signal(process(1)), WithinRel(std::sqrt(std::expm1(10.05)), 1e-14));
}

TEST_CASE("the VP process between two levels is the one of EDM's code", "[schedule]")
{
  // beta_d and beta_min as that code printed them for 0.002 to 80
  const continuous_vp process = continuous_vp_between({});
  REQUIRE_THAT(process.beta_d, WithinAbs(17.537956987271453, 1e-12));
  REQUIRE_THAT(process.beta_min, WithinAbs(-0.004768986493722593, 1e-12));
  REQUIRE_THAT(noise_to_signal(process(1)), WithinRel(80, 1e-12));
  REQUIRE_THAT(noise_to_signal(process(1e-3)), WithinRel(0.002, 1e-9));
  REQUIRE_THROWS_WITH(continuous_vp_between({}, 1), ContainsSubstring("(0, 1)"));
  REQUIRE_THROWS_WITH(continuous_vp_between({.sigma_min = 0, .sigma_max = 1}), ContainsSubstring("sigma_min"));
}
