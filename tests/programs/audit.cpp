// The program `audit`, seen from the shell.
#include "fewstep/io/plans.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/grids.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

test::outcome audited(const fs::path& folder, const std::string& arguments)
{
  return test::run_program("audit", folder, arguments);
}

}  // namespace

TEST_CASE("the auditor prints what it found, one finding a line", "[programs]")
{
  const fs::path folder = test::empty_folder("audit_good");
  sampling_plan plan = ddim(trailing(linear_vp(), 10));
  plan.steps[6].model[0] += 0.25;
  write_plan(folder / "plan.json", plan);
  const auto [status, output, errors] = audited(folder, "plan.json");
  CAPTURE(output, errors);
  REQUIRE(status == 0);
  REQUIRE(errors.empty());
  REQUIRE(std::count(output.begin(), output.end(), '\n') == 6);
  REQUIRE(test::contains(output, "evaluations      10\n"));
  REQUIRE(test::contains(output, "signal off by 0.25 (row 6)"));
  REQUIRE(test::contains(audited(folder, "plan.json --table").output, to_table(plan)));

  write_plan(folder / "noisy.json", ddim(trailing(linear_vp(), 10), 1));
  const std::string noisy = audited(folder, "noisy.json").output;
  REQUIRE(test::contains(noisy, "and noise"));
  REQUIRE_FALSE(test::contains(noisy, "flow"));
}

TEST_CASE("the auditor refuses what is no plan in one sentence", "[programs]")
{
  const fs::path folder = test::empty_folder("audit_bad");
  test::put(folder / "none.json", "{]");
  test::put(folder / "other.json", "{\"format\": \"other\"}");
  sampling_plan plan = ddim(trailing(linear_vp(), 3));
  plan.predicts = prediction::noise;
  plan.steps[1].at.sigma = 0;
  write_plan(folder / "noiseless.json", plan);
  struct refused {
    std::string arguments, says;
  };
  for (const refused& bad : {refused{"", "plan"}, refused{"missing.json", "missing.json"},
                             refused{"none.json", "none.json"}, refused{"other.json", "format"},
                             refused{"noiseless.json", "sigma = 0"}, refused{"other.json --fast", "--fast"}}) {
    const auto [status, output, errors] = audited(folder, bad.arguments);
    CAPTURE(bad.arguments, errors);
    REQUIRE(status == 2);
    REQUIRE(output.empty());
    REQUIRE(std::count(errors.begin(), errors.end(), '\n') == 1);
    REQUIRE(errors.starts_with("audit: "));
    REQUIRE(test::contains(errors, bad.says));
  }
}
