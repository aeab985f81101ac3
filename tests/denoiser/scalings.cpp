#include "fewstep/denoiser/scalings.hpp"

#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <numbers>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

}  // namespace

TEST_CASE("the scalings of EDM and of consistency models are those of the official code", "[precondition]")
{
  struct row {
    double sigma, boundary_skip, boundary_out, in, skip, out, time;
  };
  // sigma, then get_scalings_for_boundary_condition and get_scalings of openai/consistency_models, and 250 ln t
  for (const row& r : {row{.002, 1, 0, 1.999984, .999984000, .001999984, -1553.6520},
                       row{.01, .999744066, .007998400, 1.999600, .999600160, .009998001, -1151.2925},
                       row{.5, .502004000, .352139177, 1.414214, .5, .353553391, -173.2868},
                       row{2, .058934409, .484586179, .485071, .058823529, .485071250, 173.2868},
                       row{80, 3.9063e-5, .499977735, .012500, 3.9061e-5, .499990235, 1095.5067}}) {
    const network_scaling boundary = consistency_scaling{}(edm_schedule{}(r.sigma)),
                          teacher = edm_scaling{}(edm_schedule{}(r.sigma));
    REQUIRE_THAT(boundary.skip, WithinAbs(r.boundary_skip, 6e-10));
    REQUIRE_THAT(boundary.out, WithinAbs(r.boundary_out, 6e-10));
    REQUIRE_THAT(boundary.in, WithinAbs(r.in, 6e-7));
    REQUIRE_THAT(boundary.time, WithinAbs(r.time, 6e-5));
    REQUIRE_THAT(teacher.skip, WithinAbs(r.skip, 6e-10));
    REQUIRE_THAT(teacher.out, WithinAbs(r.out, 6e-10));
    REQUIRE(teacher.in == boundary.in);
    REQUIRE_THAT(teacher.time, WithinAbs(r.time / 1000, 6e-8));
  }
  REQUIRE(consistency_scaling{}(edm_schedule{}(0.002)).skip == 1);
  REQUIRE(consistency_scaling{}(edm_schedule{}(0.002)).out == 0);
  REQUIRE(std::isfinite(consistency_scaling{}.time(0)));
}

TEST_CASE("score networks are told the times of the official code", "[precondition]")
{
  // c_noise of VPPrecond, VEPrecond and iDDPMPrecond of NVlabs/edm, run in double
  const std::vector<double> sigmas{0.002, 0.02, 0.1, 0.5, 1.0, 2.5, 10.0, 80.0};
  const std::vector<double> vp{0.039802133414954484, 3.0616091112935133, 26.96795342641709, 144.66910562027934,
                               258.7013021703638,    440.7632933855661,  675.3689136265791, 932.5776320974633};
  const std::vector<double> iddpm{-1, 6, 55, 289, 495, 755, 935, 991};
  const iddpm_scaling table;
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    const noise_level at = edm_schedule{}(sigmas[i]);
    // the official ln(1 + sigma^2) rounds 1 + sigma^2, relatively by eps / sigma^2
    REQUIRE_THAT(vp_scaling{}(at).time, WithinRel(vp[i], 1e-12 + 4e-16 / (sigmas[i] * sigmas[i])));
    REQUIRE_THAT(ve_scaling{}(at).time, WithinAbs(std::log(sigmas[i]) - std::numbers::ln2, 1e-14));
    REQUIRE(table(at).time == iddpm[i]);
    for (const network_scaling& c : {vp_scaling{}(at), table(at)}) {
      REQUIRE(c.skip == 1);
      REQUIRE(c.out == -sigmas[i]);
      REQUIRE_THAT(c.in, WithinRel(1 / std::sqrt(1 + sigmas[i] * sigmas[i]), 1e-15));
    }
    REQUIRE(ve_scaling{}(at).out == sigmas[i]);
    REQUIRE(ve_scaling{}(at).in == 1);
  }
  REQUIRE_THAT(table.sigmas().front(), WithinRel(20291.16961002147, 1e-12));
  REQUIRE(table.sigmas().back() == 0);
  REQUIRE_THROWS_AS(iddpm_scaling(0), std::invalid_argument);
}

TEST_CASE("LCM's boundary is that of the official code", "[precondition]")
{
  const auto at = [](double t) { return lcm_scaling{}({t, 1, 1}); };
  REQUIRE(at(0).skip == 1);
  REQUIRE(at(0).out == 0);
  REQUIRE_THAT(at(1).skip, WithinAbs(0.0024937655860349127, 1e-17));
  REQUIRE_THAT(at(1).out, WithinAbs(0.9987523388778445, 1e-15));
  REQUIRE_THAT(at(999).skip, WithinRel(2.5050075037374525e-09, 1e-14));
  REQUIRE(at(999).time == 999);
  REQUIRE(at(999).in == 1);
}

TEST_CASE("flow and TrigFlow networks are turned into data", "[precondition]")
{
  const noise_level at = flow_schedule{}(0.3);
  const network_scaling flow = flow_scaling{}(at);
  REQUIRE_THAT(flow.skip, WithinAbs(1, 1e-15));
  REQUIRE_THAT(flow.out, WithinAbs(-0.3, 1e-15));
  REQUIRE_THAT(flow.time, WithinAbs(300, 1e-12));
  const network_scaling trig = trigflow_scaling{.sigma_data = 0.4}({0.6, std::cos(0.6), 0.4 * std::sin(0.6)});
  REQUIRE(trig.skip == std::cos(0.6));
  REQUIRE(trig.out == -0.4 * std::sin(0.6));
  REQUIRE(trig.in == 1 / 0.4);
  REQUIRE(trig.time == 0.6);
}
