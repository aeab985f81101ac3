/// @file
/// The few-step checkpoints seen from the shell: they are sampled by their own plans, measured beside their teacher,
/// and shown in one picture.
#include "fewstep/io/json.hpp"
#include "fewstep/io/json/convert.hpp"
#include "fewstep/io/plans.hpp"
#include "support/catch.hpp"
#include "support/cells.hpp"
#include "support/few_sprites.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

using Catch::Matchers::WithinAbs;
using namespace fewstep;
namespace fs = std::filesystem;

namespace {

std::string model(const std::string& name)
{
  return "'" + test::in_repository("models").string() + "/fontdigits-" + name + "' ";
}

test::outcome digits(const fs::path& folder, const std::string& name, const std::string& arguments)
{
  return test::run_program("digits", folder, "--model " + model(name) + "--count 2 --threads 1 " + arguments);
}

std::string judged_by(const fs::path& folder)
{
  return " --classifier " + model("classifier") + "--data '" + test::few_sprites(folder).string() +
         "' --keep kept --threads 1 ";
}

test::outcome measure(const fs::path& folder, const std::string& name, const std::string& arguments)
{
  return test::run_program(
      "measure", folder,
      "--model " + model(name) + judged_by(folder) + "--images 20 --seeds 2 --spacing trailing " + arguments);
}

json::value last_cell(const fs::path& folder)
{
  return json::read_file(folder / "cells.json").find("cells")->get_if<json::array>()->back();
}

std::vector<double> numbers(const json::value& cell, const char* name)
{
  return json::to<std::vector<double>>(*cell.find(name), name);
}

std::size_t count_of(const std::string& text, const std::string& part)
{
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("a distilled checkpoint is sampled by the plan that lies beside it", "[programs]")
{
  const fs::path folder = test::empty_folder("few_steps_plans");
  for (const std::string phases : {"1", "2", "4", "8"}) {
    CAPTURE(phases);
    const test::outcome drawn =
        digits(folder, "phased-" + phases, "--sampler phased --steps " + phases + " --trace plan.json");
    REQUIRE(drawn.errors.empty());
    REQUIRE(read_plan(folder / "plan.json") ==
            read_plan(test::in_repository("models/fontdigits-phased-" + phases) / "plan.json"));
  }
  REQUIRE(digits(folder, "consistency", "--sampler consistency --steps 4 --trace plan.json").errors.empty());
  REQUIRE(read_plan(folder / "plan.json") == read_plan(test::in_repository("models/fontdigits-consistency/plan.json")));
}

TEST_CASE("consistency sampling is refused where it makes no sense", "[programs]")
{
  const fs::path folder = test::empty_folder("few_steps_refused");
  REQUIRE(digits(folder, "teacher", "--sampler consistency").errors ==
          "digits: the sampler consistency needs a checkpoint whose scheduler is LCMScheduler\n");
  REQUIRE(digits(folder, "teacher", "--times 999,499").errors ==
          "digits: --times are those of consistency sampling, but the sampler is ddim\n");
  REQUIRE(digits(folder, "consistency", "--sampler consistency --eta 1").errors ==
          "digits: eta is an option of ddim and phased, but the sampler is consistency\n");
  const auto refused = [&](const std::string& arguments) {
    return test::run_program("search_times", folder, "--model " + arguments).errors;
  };
  REQUIRE(refused(model("teacher")) ==
          "search_times: the sampler consistency needs a checkpoint whose scheduler is LCMScheduler\n");
  REQUIRE(refused(model("consistency") + "--steps 1") == "search_times: --steps must be at least 2, but is 1\n");
  REQUIRE(refused(model("consistency") + "--threads 0") == "search_times: --threads must be at least 1, but is 0\n");
}

TEST_CASE("cells say how near their images are to those of others", "[programs]")
{
  const fs::path folder = test::empty_folder("few_steps_near");
  REQUIRE(
      measure(folder, "phased-1", "--sampler phased --steps 1 --near fontdigits-teacher/ddim-trailing-4").errors ==
      "measure: kept/fontdigits-teacher/ddim-trailing-4-seed1.safetensors: does not exist; measure that cell first, "
      "with as many seeds\n");
  REQUIRE(measure(folder, "teacher", "--steps 4").status == 0);
  const auto distances = [&] {
    return json::to<std::vector<std::vector<double>>>(*last_cell(folder).find("distances"), "distances").at(0);
  };
  REQUIRE(measure(folder, "teacher", "--steps 2 --near fontdigits-teacher/ddim-trailing-4").status == 0);
  for (const double distance : distances()) REQUIRE(distance > 0.01);
  REQUIRE(measure(folder, "teacher", "--steps 4 --near fontdigits-teacher/ddim-trailing-4").status == 0);
  REQUIRE(distances() == std::vector{0.0, 0.0});
}

TEST_CASE("guidance and what it avoids are part of a cell's name, and unclipped images leave the range", "[programs]")
{
  const fs::path folder = test::empty_folder("few_steps_guided");
  REQUIRE(measure(folder, "phased-4", "--sampler phased --steps 4 --guidance 8 --unclipped").status == 0);
  REQUIRE(*last_cell(folder).find("name") == json::value("phased-4-guided8.0-unclipped"));
  REQUIRE(test::number(last_cell(folder), "outside") > 0.001);
  REQUIRE(measure(folder, "phased-4", "--sampler phased --steps 4 --guidance 2 --avoid").status == 0);
  REQUIRE(*last_cell(folder).find("name") == json::value("phased-4-guided2.0-avoided"));
  REQUIRE(test::number(last_cell(folder), "accuracy") < 0.5);  // of the digit that is avoided
  REQUIRE_THAT(test::number(last_cell(folder), "outside"), WithinAbs(0, 0));
}

TEST_CASE("a search for times writes every list that it drew", "[programs]")
{
  const fs::path folder = test::empty_folder("few_steps_times");
  const test::outcome ran =
      test::run_program("search_times", folder, "--model " + model("consistency") + judged_by(folder) + "--images 10");
  REQUIRE(ran.errors.empty());
  const json::value found = json::read_file(folder / "times.json");
  const auto best = numbers(found, "times");
  REQUIRE(best.size() == 2);
  REQUIRE(best[0] == 999);
  REQUIRE(best[1] < 999);
  const auto* tried = found.find("tried")->get_if<json::array>();
  REQUIRE(tried->size() > 3);
  double least = test::number(tried->front(), "frechet");
  for (const json::value& one : *tried) least = std::min(least, test::number(one, "frechet"));
  REQUIRE(test::number(found, "frechet") == least);
}

TEST_CASE("one picture and one table show every method at every number of steps that it has", "[programs]")
{
  const fs::path folder = test::empty_folder("few_steps_shown");
  const std::string given = "--models '" + test::in_repository("models").string() + "' --results '" +
                            test::in_repository("docs/results/cells.json").string() + "' --count 1 --threads 1 ";
  const test::outcome ran = test::run_program("few_steps", folder, given);
  REQUIRE(ran.errors.empty());
  constexpr std::size_t cells = 6 * 6 - 1 + 3 * 4;  // DeepCache needs two steps; students have up to eight
  REQUIRE(count_of(ran.output, " ms") == cells);
  REQUIRE(count_of(ran.output, ", FD ") == cells);
  REQUIRE(count_of(test::content_of(folder / "few_steps.svg"), "<image") == cells);
  REQUIRE(test::run_program("few_steps", folder, given + "--out no/such/folder.svg").status == 2);
}
