#include "fewstep/io/scheduler/unipc.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include "fewstep/schedule/sigma_grids.hpp"

#include <string>

using namespace fewstep;
using fewstep::test::scheduler_file;

TEST_CASE("the file chooses among the forms of UniPC", "[io]")
{
  const auto grid = grid_at(linear_vp(), open_linspace_times(1000, 10), grid_end::first_level);
  const auto plan = [](const std::string& members) { return plan_of(scheduler_file("UniPCMultistep", members), 10); };
  REQUIRE(plan("") == unipc(grid));
  REQUIRE(plan(R"("solver_order": 3, "solver_type": "bh1")") == unipc(grid, {.order = 3, .form = unipc_form::bh1}));
  REQUIRE(plan(R"("predict_x0": false)") == unipc(grid, {.predicts = prediction::noise}));
  REQUIRE(plan(R"("disable_corrector": [1, 2])") == unipc(grid, {.uncorrected = {1, 2}}));
  REQUIRE(plan(R"("lower_order_final": false)") == unipc(grid, {.lower_order_final = false}));
  const auto clean = grid_at(linear_vp(), open_linspace_times(1000, 10));
  REQUIRE(plan(R"("final_sigmas_type": "zero")") == unipc(clean));
}

TEST_CASE("UniPC on Karras' sigmas corrects its last step with the last evaluation", "[io]")
{
  const sampling_plan plan = plan_of(scheduler_file("UniPCMultistep", R"("use_karras_sigmas": true)"), 10);
  auto grid = karras(linear_vp(), 10);
  grid.pop_back();
  REQUIRE(plan == unipc(grid, {.correct_last = true}));
  REQUIRE(plan.steps.size() == 10);
}
