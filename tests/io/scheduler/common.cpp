#include "fewstep/io/scheduler/common.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include <string>

using namespace fewstep;
using fewstep::test::scheduler_file;

TEST_CASE("bounds follow from clipping and thresholding, which goes before", "[io]")
{
  const auto bounds = [](const std::string& name, const std::string& members) {
    return scheduler_file(name, members).bounds;
  };
  REQUIRE_FALSE(bounds("DDIM", R"("clip_sample": false)"));
  REQUIRE(bounds("DDPM", R"("clip_sample_range": 2)")->limit == 2);
  REQUIRE(bounds("HeunDiscrete", R"("clip_sample": true, "clip_sample_range": 3)")->limit == 3);
  for (const char* name : {"DDIM", "DDPM", "DPMSolverMultistep", "UniPCMultistep", "LCM", "EDMDPMSolverMultistep"}) {
    const auto threshold = bounds(name, R"("thresholding": true, "dynamic_thresholding_ratio": 0.9,
                                           "sample_max_value": 1.5)");
    REQUIRE(threshold->quantile == 0.9);
    REQUIRE(threshold->limit == 1.5);
  }
  REQUIRE_FALSE(bounds("TCD", R"("thresholding": true, "clip_sample": true)"));
  REQUIRE_FALSE(bounds("CMStochasticIterative", R"("clip_denoised": false)"));
}
