#include "fewstep/io/scheduler/table.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include <cmath>
#include <string>
#include <vector>

using Catch::Matchers::WithinRel;
using namespace fewstep;
using fewstep::test::scheduler_file;

TEST_CASE("a schedule is named, trained or rescaled", "[io]")
{
  const auto table = [](const std::string& members) { return table_of(scheduler_file("DDIM", members)); };
  REQUIRE(table(R"("beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012)")(500) ==
          scaled_linear_vp()(500));
  REQUIRE(table(R"("beta_schedule": "squaredcos_cap_v2")")(500) == cosine_vp()(500));
  REQUIRE(table(R"("trained_betas": [0.1, 0.2, 0.3])").steps() == 3);
  REQUIRE(table(R"("trained_betas": [0.1, 0.2, 0.3])")(2) == vp_table(std::vector{0.1, 0.2, 0.3})(2));
  REQUIRE(table(R"("rescale_betas_zero_snr": true)")(999).alpha == 0);
}

TEST_CASE("methods that divide by alpha keep a trace of signal in a rescaled table", "[io]")
{
  for (const char* name : {"EulerDiscrete", "EulerAncestralDiscrete", "DPMSolverMultistep"}) {
    CAPTURE(name);
    const auto config = scheduler_file(name, R"("rescale_betas_zero_snr": true, "beta_schedule": "scaled_linear",
                                                "beta_start": 0.00085, "beta_end": 0.012)");
    const vp_table table = table_of(config);
    REQUIRE_THAT(noise_to_signal(table(999)), WithinRel(std::sqrt(std::exp2(24) - 1), 1e-9));  // 4096
    REQUIRE_THAT(table(500).alpha, WithinRel(rescale_zero_terminal_snr(scaled_linear_vp())(500).alpha, 1e-12));
  }
}
