#include "fewstep/io/scheduler/ddim.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;
using fewstep::test::scheduler_file;
using fewstep::test::times;

TEST_CASE("DDIM's file plans leading times to the data", "[io]")
{
  REQUIRE(plan_of(scheduler_file("DDIM"), 10) == ddim(leading(linear_vp(), 10)));
  REQUIRE(plan_of(scheduler_file("DDIM"), 10, {.eta = 0.5}) == ddim(leading(linear_vp(), 10), 0.5));
}

TEST_CASE("Stable Diffusion's file ends at the first level and starts its times at 1", "[io]")
{
  const scheduler_config config =
      scheduler_file("DDIM", R"("beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "clip_sample": false, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null)");
  REQUIRE_FALSE(config.bounds);
  REQUIRE(config.unused == std::vector<std::string>{"skip_prk_steps"});
  const sampling_plan plan = plan_of(config, 50, {.eta = 1});
  REQUIRE(plan.steps.front().at.t == 981);
  REQUIRE(plan.steps.back().at.t == 1);
  REQUIRE(plan.end == scaled_linear_vp()(0));
}

TEST_CASE("a last time that is the end already is visited by diffusers alone", "[io]")
{
  const scheduler_config config = scheduler_file("DDIM", R"("set_alpha_to_one": false)");
  REQUIRE(times(plan_of(config, 5)) == std::vector<double>{800, 600, 400, 200});
  REQUIRE(times(plan_of(config, 5, {.diffusers_compatible = true})) == std::vector<double>{800, 600, 400, 200, 0});
}

TEST_CASE("DDPM's file chooses its variance", "[io]")
{
  const auto variance = [](const std::string& kind) {
    return std::get<ddpm_scheduler>(scheduler_file("DDPM", R"("variance_type": ")" + kind + "\"").method).variance;
  };
  REQUIRE(variance("fixed_small") == ddpm_variance::posterior);
  REQUIRE(variance("fixed_small_log") == ddpm_variance::posterior);
  REQUIRE(variance("fixed_large") == ddpm_variance::interval);
  REQUIRE(variance("fixed_large_log") == ddpm_variance::interval);
  REQUIRE(plan_of(scheduler_file("DDPM"), 10) == ddpm(leading(linear_vp(), 10)));
}

TEST_CASE("steps go to the next time, or as diffusers' do if that is asked for", "[io]")
{
  const scheduler_config config = scheduler_file("DDIM", R"("timestep_spacing": "linspace")");
  const vp_table table = linear_vp();
  REQUIRE(plan_of(config, 10) == ddim(linspace(table, 10)));
  const sampling_plan theirs = plan_of(config, 10, {.diffusers_compatible = true});
  REQUIRE(theirs == ddim(diffusers_compatible(table, linspace_times(1000, 10))));
  REQUIRE(theirs.steps[0] == first_order(table(999), table(899), 0));  // and not to 888, the next time
  const std::vector<double> own{700, 200, 30};
  REQUIRE(plan_of(config, own) == ddim(grid_at(table, own)));
}

TEST_CASE("trailing times are one too many in diffusers for some numbers of steps", "[io]")
{
  const scheduler_config config = scheduler_file("DDIM", R"("timestep_spacing": "trailing")");
  std::vector<std::size_t> longer;
  for (std::size_t n = 1; n <= 210; ++n) {
    REQUIRE(plan_of(config, n).steps.size() == n);
    const std::size_t theirs = plan_of(config, n, {.diffusers_compatible = true}).steps.size();
    if (theirs != n) longer.push_back(n);
  }
  REQUIRE(longer == std::vector<std::size_t>{61, 103, 121, 122, 201, 206});
  const sampling_plan plan = plan_of(config, 61, {.diffusers_compatible = true});
  REQUIRE(times(plan).back() == -1);
  REQUIRE(plan.steps.back().at.alpha == linear_vp()(999).alpha);  // Python's index -1 is the last
  REQUIRE(plan.end == vp_table::data_level());
}
