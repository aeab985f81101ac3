#include "fewstep/schedule/sigma_grids.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

void require_near(const std::vector<double>& values, const std::vector<double>& expected, double tolerance = 1e-13)
{
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) REQUIRE_THAT(values[i], WithinRel(expected[i], tolerance));
}

}  // namespace

TEST_CASE("grids in sigma are those of k-diffusion", "[schedule]")
{
  // what get_sigmas_exponential, _polyexponential and _vp of revision 4601bf0 return
  const sigma_range range{0.03, 14.6};
  require_near(exponential_sigmas(10, range),
               {14.600000000000001, 7.341276250483294, 3.691392944240415, 1.8561325584077921, 0.9333138266293095,
                0.46929552258092005, 0.2359745256425654, 0.11865439594649498, 0.059662650614893474, 0.03});
  require_near(polyexponential_sigmas(10, range, 1.5),
               {14.599999999999996, 5.359970088516449, 2.091167756935342, 0.8706926219035286, 0.38892693380560733,
                0.18764544448642598, 0.09869137902763095, 0.057362278490947084, 0.037726659384950144, 0.03});
  require_near(vp_sigmas(6, {.beta_d = 15, .beta_min = 0.2}, 0.002),
               {46.98242215858192, 11.928601184917689, 3.9875888618978763, 1.6197338207029124, 0.6420175093756569,
                0.02073867072048111},
               1e-12);
}

TEST_CASE("grids in sigma are those of EDM's ablation", "[schedule]")
{
  // sigma_steps of ablation_sampler, revision 008a4e5
  require_near(iddpm_sigmas(10, {0.006425412771141183 * (1 - 1e-12), 81}),
               {80.20370184547417, 5.376378290812824, 2.6948493515023406, 1.7194722462178302, 1.1915957757109217,
                0.8416009061530327, 0.583421981105102, 0.3725818812975453, 0.18716728526412152, 0.006425412771141183},
               1e-12);
  const std::vector<double> ve = exponential_sigmas(18, {0.02, 100});
  REQUIRE_THAT(ve[1], WithinRel(60.59175464093021, 1e-13));
  REQUIRE_THAT(ve[16], WithinRel(0.033007791437169975, 1e-13));
  REQUIRE_THAT(vp_sigmas(10)[1], WithinRel(53.30984747739193, 1e-12));
  REQUIRE(iddpm_sigmas(1, {0.01, 81}).size() == 1);
}

TEST_CASE("an exponential grid is even in lambda", "[schedule]")
{
  const vp_table table = scaled_linear_vp();
  const auto grid = grid_at_sigmas(table, exponential_sigmas(6, range_of(table)));
  const double step = log_snr(grid[1]) - log_snr(grid[0]);
  for (std::size_t k = 1; k < 5; ++k) REQUIRE_THAT(log_snr(grid[k + 1]) - log_snr(grid[k]), WithinAbs(step, 1e-12));
}

TEST_CASE("the multistep schedulers of diffusers space their times so that the next would be 0", "[schedule]")
{
  REQUIRE(open_linspace_times(1000, 8) == std::vector<double>{999, 874, 749, 624, 500, 375, 250, 125});
  REQUIRE(open_leading_times(1000, 8) == std::vector<double>{888, 777, 666, 555, 444, 333, 222, 111});
  REQUIRE(open_leading_times(1000, 3, 1) == std::vector<double>{751, 501, 251});
  REQUIRE(open_linspace_times(1000, 1) == std::vector<double>{999});
}

TEST_CASE("times whose lambda is too low are counted out", "[schedule]")
{
  const vp_table table = cosine_vp();
  REQUIRE(times_above(table, -5.1) == 996);  // diffusers' first time with that limit is 995
  REQUIRE(times_above(table, -4.0) == 988);
  REQUIRE(times_above(table, -100) == 1000);
  REQUIRE(times_above(table, 100) == 0);
}

TEST_CASE("Euler's times are not rounded and its sigmas are linear in time", "[schedule]")
{
  REQUIRE(fractional_linspace_times(1000, 5) == std::vector<double>{999, 749.25, 499.5, 249.75, 0});
  REQUIRE(fractional_linspace_times(1000, 1) == std::vector<double>{0});
  const vp_table table = linear_vp();
  const noise_level at = at_linear_sigma(table, 749.25);
  REQUIRE(at.t == 749.25);
  REQUIRE_THAT(noise_to_signal(at),
               WithinRel(0.75 * noise_to_signal(table(749)) + 0.25 * noise_to_signal(table(750)), 1e-14));
  REQUIRE_THAT(std::hypot(at.alpha, at.sigma), WithinRel(1, 1e-15));
  REQUIRE(at_linear_sigma(table, 3) == table(3));
}

TEST_CASE("grids that cannot be spaced are refused", "[schedule]")
{
  REQUIRE_THROWS_WITH(exponential_sigmas(0, {0.1, 1}), ContainsSubstring("at least one level"));
  REQUIRE_THROWS_WITH(polyexponential_sigmas(3, {0.1, 1}, 0), ContainsSubstring("rho > 0"));
  REQUIRE_THROWS_WITH(exponential_sigmas(3, {1, 0.1}), ContainsSubstring("sigma_min < sigma_max"));
  REQUIRE_THROWS_WITH(vp_sigmas(3, {}, 0), ContainsSubstring("(0, 1)"));
  REQUIRE_THROWS_WITH(vp_sigmas(0), ContainsSubstring("at least one level"));
  REQUIRE_THROWS_WITH(iddpm_sigmas(2000, {0.01, 81}), ContainsSubstring("the number of steps"));
  REQUIRE_THROWS_WITH(open_linspace_times(5, 6), ContainsSubstring("[1, 5]"));
  REQUIRE_THROWS_WITH(open_leading_times(5, 0), ContainsSubstring("[1, 5]"));
  REQUIRE_THROWS_WITH(fractional_linspace_times(5, 6), ContainsSubstring("[1, 5]"));
}
