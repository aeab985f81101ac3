/// @file
/// The program that measures moments, seen from the shell.
#include "fewstep/io/moments.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

const std::string inputs = "--model '" + test::in_repository("models/fontdigits-ddpm").string() + "' --data '" +
                           test::in_repository("data/fontdigits").string() + "' --threads 1 ";

test::outcome moments_of(const fs::path& folder, const std::string& arguments)
{
  return test::run_program("moments", folder, inputs + "--samples 20 --levels 3 " + arguments);
}

}  // namespace

TEST_CASE("the moments of a checkpoint are those of a network that knows its data", "[programs]")
{
  const fs::path folder = test::empty_folder("moments_good");
  const auto [status, output, errors] = moments_of(folder, "--clipped --per channel");
  CAPTURE(errors);
  REQUIRE(status == 0);
  REQUIRE(errors.empty());
  REQUIRE(output == "moments.json: 3 levels of 1000\n");

  const moment_table moments = read_moments(folder / "moments.json");
  const fs::path scheduler = test::in_repository("models/fontdigits-ddpm/scheduler/scheduler_config.json");
  require_levels(moments, levels_of(table_of(read_scheduler_config(scheduler))));
  REQUIRE(moments.dimensions == 32 * 32);
  for (const moment_level& level : moments.levels) {
    REQUIRE(level.residual.count == 20);
    REQUIRE(level.clipped.mean <= level.residual.mean);  // data lie in [-1, 1]
    REQUIRE(level.second_moment.mean < 1 + 5 * level.second_moment.standard_error());
    REQUIRE(level.parts.size() == 1);
    REQUIRE(level.parts[0].residual == level.residual);
  }
}

TEST_CASE("each image is denoised with its own class", "[programs]")
{
  // what a network that is told the wrong digits makes of much noise is far from the data
  const fs::path folder = test::empty_folder("moments_classes");
  REQUIRE(moments_of(folder, "--levels 5").status == 0);
  const moment_table moments = read_moments(folder / "moments.json");
  const moment_level& noisy = moments.levels.at(3);  // three quarters of the way
  REQUIRE(noisy.at.t > 500);
  REQUIRE(noisy.at.t < 750);
  REQUIRE(noisy.residual.mean < moments.data_variance);
}

TEST_CASE("a measurement that is killed goes on to the same bits", "[programs]")
{
  const fs::path folder = test::empty_folder("moments_killed");
  REQUIRE(moments_of(folder, "--levels 12 --out whole.json").status == 0);

  const std::string killed = "cd '" + folder.string() + "' && ('" FEWSTEP_PROGRAMS_DIR "/moments' " + inputs +
                             "--samples 20 --levels 12 --out part.json >/dev/null 2>&1 & pid=$!; "
                             "while [ ! -e part.json ]; do :; done; kill -9 $pid; wait $pid 2>/dev/null); true";
  REQUIRE(std::system(killed.c_str()) == 0);
  REQUIRE(read_moments(folder / "part.json").levels.size() < 12);
  REQUIRE(moments_of(folder, "--levels 12 --out part.json").status == 0);
  REQUIRE(test::content_of(folder / "part.json") == test::content_of(folder / "whole.json"));

  // more levels later, more threads: still the same
  REQUIRE(moments_of(folder, "--levels 5 --out grown.json").status == 0);
  REQUIRE(moments_of(folder, "--levels 12 --out grown.json --threads 2").status == 0);
  REQUIRE(test::content_of(folder / "grown.json") == test::content_of(folder / "whole.json"));
  REQUIRE(moments_of(folder, "--levels 2 --out grown.json").output == "grown.json: 12 levels of 1000\n");
}

TEST_CASE("a level is measured no longer than its error is wanted", "[programs]")
{
  const fs::path folder = test::empty_folder("moments_early");
  const auto ran = test::run_program("moments", folder, inputs + "--samples 640 --levels 1 --relative-error 0.1");
  CAPTURE(ran.errors);
  REQUIRE(ran.status == 0);
  REQUIRE(read_moments(folder / "moments.json").levels.front().residual.count == 320);
}

TEST_CASE("a file of moments tells how precise each estimator is", "[programs]")
{
  const fs::path folder = test::empty_folder("moments_report");
  const moment_level level{.at = linear_vp()(500), .second_moment = {100, .9, .099}, .residual = {100, .2, .00099}};
  write_moments(folder / "moments.json", {.data_variance = .25, .levels = {level}}, {{"seed", "4"}});
  const auto [status, output, errors] = test::run_program("moments", folder, "--report moments.json");
  CAPTURE(output, errors);
  REQUIRE(status == 0);
  REQUIRE(errors.empty());
  REQUIRE(test::contains(output, "- seed: 4\n"));
  // one sample deviates by sqrt(.00099 / 99) = .00316, so that 1 % of .2, .002, takes 2.5 of them
  REQUIRE(test::contains(output, "| 2.5 |"));
  REQUIRE(test::contains(output, "at 1 of 1 levels"));
}

TEST_CASE("what cannot be measured is one sentence, and no file is touched", "[programs]")
{
  const fs::path folder = test::empty_folder("moments_refused");
  REQUIRE(moments_of(folder, "--out done.json").status == 0);
  const std::string done = test::content_of(folder / "done.json");
  test::put(folder / "plan.json", "{\"format\": \"fewstep plan\"}");
  fs::copy(test::in_repository("models/fontdigits-ddpm"), folder / "larger", fs::copy_options::recursive);
  std::string config = test::content_of(folder / "larger/unet/config.json");
  const std::string size = "\"sample_size\": 32";
  test::put(folder / "larger/unet/config.json", config.replace(config.find(size), size.size(), "\"sample_size\": 64"));
  const std::vector<std::pair<std::string, std::string>> bad{
      {"--model larger", "was trained on images (10, 1, 64, 64), but the data are (10, 1, 32, 32)"},
      {"--samples 0.5", "--samples"},
      {"--samples 48801", "48800 samples, but 48801"},
      {"--levels 1001", "there are 1000 levels, but 1001"},
      {"--threads 0", "--threads must be at least 1"},
      {"--relative-error -1", "wanted error"},
      {"--per pixel", "--per"},
      {"--model nowhere", "nowhere"},
      {"--data nowhere", "nowhere"},
      {"--out no/such/folder.json", "no/such/folder.json"},
      {"--out plan.json", "plan.json"},
      {"--out done.json --seed 1", "made with seed 0, but it is 1"},
      {"--out done.json --samples 30", "made with samples 20, but it is 30"},
      {"--out done.json --clipped", "made with clipped no, but it is yes"},
  };
  for (const auto& [arguments, part] : bad) {
    CAPTURE(arguments);
    const test::outcome ran = moments_of(folder, arguments);
    CAPTURE(ran.errors);
    REQUIRE(ran.status == 2);
    REQUIRE(ran.output.empty());
    REQUIRE(ran.errors.starts_with("moments: "));
    REQUIRE(std::count(ran.errors.begin(), ran.errors.end(), '\n') == 1);
    REQUIRE(test::contains(ran.errors, part));
    REQUIRE(!fs::exists(folder / "moments.json"));
  }
  REQUIRE(test::content_of(folder / "done.json") == done);

  // a file of another schedule
  fs::copy(test::in_repository("models/fontdigits-ddpm"), folder / "model", fs::copy_options::recursive);
  const fs::path scheduler = folder / "model/scheduler/scheduler_config.json";
  std::string text = test::content_of(scheduler);
  const std::string last = "\"beta_end\": 0.02";
  test::put(scheduler, text.replace(text.find(last), last.size(), "\"beta_end\": 0.01"));
  fs::rename(folder / "model", folder / "fontdigits-ddpm");
  const test::outcome ran = moments_of(folder, "--model fontdigits-ddpm --out done.json");
  REQUIRE(ran.status == 2);
  REQUIRE(test::contains(ran.errors, "another schedule"));
}
