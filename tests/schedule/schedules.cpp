#include "fewstep/schedule/schedules.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

TEST_CASE("the scaled-linear table has Stable Diffusion's digits", "[schedule]")
{
  struct row {
    double t, alpha_bar, sigma, ratio, lambda;
  };
  const row rows[] = {{0, .999150000000, .029154759474, .029167158, 3.534711924},
                      {19, .982243991096, .133251675053, .134450675, 2.006557876},
                      {249, .675432413725, .569708334391, .693204900, .366429653},
                      {499, .277669650456, .849900199755, 1.612886194, -.478025241},
                      {749, .056623491598, .971275711836, 4.081729364, -1.406520762},
                      {999, .004660098513, .997667229835, 14.614641229, -2.682023850}};
  const vp_table table = scaled_linear_vp();
  REQUIRE(table.steps() == 1000);
  for (const auto& [t, alpha_bar, sigma, ratio, lambda] : rows) {
    const noise_level at = table(t);
    CAPTURE(t);
    REQUIRE(at.t == t);
    REQUIRE_THAT(at.alpha * at.alpha, WithinAbs(alpha_bar, 6e-13));
    REQUIRE_THAT(at.sigma, WithinAbs(sigma, 6e-13));
    REQUIRE_THAT(noise_to_signal(at), WithinAbs(ratio, 6e-10));
    REQUIRE_THAT(log_snr(at), WithinAbs(lambda, 6e-10));
  }
}

TEST_CASE("a table preserves the variance and starts from its first beta", "[schedule]")
{
  for (const vp_table& table : {linear_vp(), scaled_linear_vp(), cosine_vp(), cosine_vp(50)}) {
    for (std::size_t t = 0; t < table.steps(); ++t) {
      const auto [time, alpha, sigma] = table(static_cast<double>(t));
      REQUIRE_THAT(alpha * alpha + sigma * sigma, WithinAbs(1, 1e-15 * static_cast<double>(t + 4)));
    }
  }
  REQUIRE_THAT(linear_vp()(0).sigma, WithinRel(1e-2, 1e-15));
  REQUIRE(linear_vp()(-1) == noise_level{-1, 1, 0});
}

TEST_CASE("the linear table is the product of its betas", "[schedule]")
{
  long double product = 1;
  for (int t = 0; t < 1000; ++t) product *= 1 - (1e-4L + static_cast<long double>(t) / 999 * (2e-2L - 1e-4L));
  REQUIRE_THAT(std::pow(linear_vp()(999).alpha, 2), WithinRel(static_cast<double>(product), 1e-13));
}

TEST_CASE("the cosine table follows the cosine until beta is held", "[schedule]")
{
  // alpha^2(t + 1) = cos^2(..(t + 1)) / cos^2(..0) telescopes
  const auto f = [](double part) { return std::pow(std::cos((part + .008) / 1.008 * std::numbers::pi / 2), 2); };
  const vp_table table = cosine_vp();
  for (double t : {0., 10., 500., 990.})
    REQUIRE_THAT(std::pow(table(t).alpha, 2), WithinRel(f((t + 1) / 1000) / f(0), 1e-11));
  REQUIRE_THAT(std::pow(table(999).alpha / table(998).alpha, 2), WithinRel(1 - 0.999, 1e-12));
}

TEST_CASE("between two times the logarithm of sigma over alpha is linear", "[schedule]")
{
  const vp_table table = linear_vp();
  const noise_level low = table(500), high = table(501), middle = table(500.25);
  REQUIRE(middle.t == 500.25);
  REQUIRE_THAT(log_snr(middle), WithinAbs(.75 * log_snr(low) + .25 * log_snr(high), 1e-13));
  REQUIRE_THAT(middle.alpha * middle.alpha + middle.sigma * middle.sigma, WithinAbs(1, 1e-15));
}

TEST_CASE("asking a table for a ratio undoes asking it for a time", "[schedule]")
{
  const vp_table table = scaled_linear_vp();
  for (double t : {0., 0.5, 17., 600.125, 999.}) {
    const noise_level at = table.at_noise_to_signal(noise_to_signal(table(t)));
    REQUIRE_THAT(at.t, WithinAbs(t, 1e-9));
    REQUIRE_THAT(at.sigma, WithinRel(table(t).sigma, 1e-13));
  }
  // beyond the ends the ratio holds and the time is the end's
  REQUIRE(table.at_noise_to_signal(20).t == 999);
  REQUIRE_THAT(noise_to_signal(table.at_noise_to_signal(20)), WithinRel(20., 1e-15));
  REQUIRE(table.at_noise_to_signal(0.001).t == 0);
}

TEST_CASE("the rescaled table has no signal at its end and the old first level", "[schedule]")
{
  const vp_table before = scaled_linear_vp(), after = rescale_zero_terminal_snr(before);
  REQUIRE(after(999).alpha == 0);
  REQUIRE(after(999).sigma == 1);
  REQUIRE_THAT(after(0).alpha, WithinRel(before(0).alpha, 1e-14));
  const double expected =
      (before(500).alpha - before(999).alpha) * before(0).alpha / (before(0).alpha - before(999).alpha);
  REQUIRE_THAT(after(500).alpha, WithinRel(expected, 1e-12));
  REQUIRE_THROWS_WITH(after(998.5), ContainsSubstring("998.5"));
}

TEST_CASE("EDM and flow schedules are their coordinates", "[schedule]")
{
  REQUIRE(edm_schedule{}(3) == noise_level{3, 1, 3});
  REQUIRE(flow_schedule{}(0.25) == noise_level{0.25, 0.75, 0.25});
  REQUIRE_THAT(flow_schedule{}.at_noise_to_signal(1. / 3).t, WithinAbs(0.25, 1e-16));
  STATIC_REQUIRE(noise_schedule<edm_schedule>);
  STATIC_REQUIRE(noise_schedule<flow_schedule>);
  STATIC_REQUIRE(noise_schedule<vp_table>);
}

TEST_CASE("a schedule that is none is refused by its number", "[schedule]")
{
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REQUIRE_THROWS_WITH(linear_vp({.steps = 0}), ContainsSubstring("at least one beta"));
  REQUIRE_THROWS_WITH(linear_vp({.first_beta = -0.1}), ContainsSubstring("beta 0") && ContainsSubstring("-0.1"));
  REQUIRE_THROWS_WITH(linear_vp({.last_beta = 1.5}), ContainsSubstring("[0, 1]"));
  REQUIRE_THROWS_WITH(linear_vp({.last_beta = nan}), ContainsSubstring("nan"));
  REQUIRE_THROWS_WITH(scaled_linear_vp({.first_beta = -1}), ContainsSubstring("-1"));
  REQUIRE_THROWS_WITH(vp_table(std::vector{0.1, nan}), ContainsSubstring("beta 1"));
  REQUIRE_THROWS_WITH(cosine_vp(0), ContainsSubstring("none"));
  REQUIRE_THROWS_WITH(linear_vp()(1000), ContainsSubstring("[0, 999]"));
  REQUIRE_THROWS_WITH(linear_vp()(-0.5), ContainsSubstring("-0.5"));
  REQUIRE_THROWS_WITH(linear_vp()(nan), ContainsSubstring("nan"));
  REQUIRE_THROWS_WITH(linear_vp().at_noise_to_signal(0), ContainsSubstring("positive"));
  REQUIRE_THROWS_WITH(rescale_zero_terminal_snr(vp_table(std::vector{0.1})), ContainsSubstring("cannot be rescaled"));
}
