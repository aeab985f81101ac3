/// @file
/// The search for trajectories and the samplers that need moments, seen from the shell.
#include "fewstep/search/trajectory.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/moments.hpp"
#include "fewstep/io/plans.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/plan/analytic.hpp"
#include "fewstep/plan/noise_clip.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_repair.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/path_cost.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"
#include "support/spectrum.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
namespace fs = std::filesystem;

namespace {

const fs::path checkpoint = test::in_repository("models/fontdigits-ddpm");

vp_table schedule()
{
  return table_of(read_scheduler_config(checkpoint / "scheduler/scheduler_config.json"));
}

/// Moments of data whose variances are known.
moment_table example(const vp_table& table)
{
  return test::spectrum{.variances = {1.0, 0.25, 0.01}}.moments(levels_of(table));
}

/// "best       cost 1.5" and the line of times behind it.
struct printed_path {
  std::string name;
  double cost;
  std::vector<double> times;
};

std::vector<printed_path> paths_in(const std::string& output)
{
  std::vector<printed_path> paths;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, cost;
    double number = 0;
    if (!(words >> name >> cost >> number) || cost != "cost") continue;
    paths.push_back({name, number, {}});
    std::getline(lines, line);
    std::istringstream times(line);
    for (double t = 0; times >> t;) paths.back().times.push_back(t);
  }
  return paths;
}

test::outcome find_path(const fs::path& folder, const std::string& arguments)
{
  return test::run_program("trajectory", folder, "--moments moments.json " + arguments);
}

/// Draws one image without guidance, and leaves the plan in plan.json.
test::outcome one_digit(const fs::path& folder, const std::string& arguments)
{
  return test::run_program("digits", folder,
                           "--model '" + checkpoint.string() +
                               "' --threads 1 --count 1 --guidance 1 --trace plan.json --steps 4 " + arguments);
}

}  // namespace

TEST_CASE("the best trajectory is printed with what it saves, and drawn", "[programs]")
{
  const fs::path folder = test::empty_folder("trajectory_good");
  const vp_table table = schedule();
  const moment_table moments = example(table);
  write_moments(folder / "moments.json", moments);
  const auto [status, output, errors] = find_path(folder, "--steps 6 --blend 0.5 --curve 4 --out paths.svg");
  CAPTURE(output, errors);
  REQUIRE(status == 0);
  REQUIRE(errors.empty());

  const auto paths = paths_in(output);
  REQUIRE(paths.size() == 4);
  const auto nodes = path_nodes(moments, levels_of(table));
  for (const printed_path& path : paths) {
    std::vector<std::size_t> stops(path.times.rbegin(), path.times.rend());
    REQUIRE(stops.size() == 6);
    REQUIRE_THAT(path.cost, WithinAbs(path_cost(nodes, stops), 5e-7));
    REQUIRE(path.cost >= paths[0].cost);
  }
  REQUIRE(paths[0].name == "best");
  REQUIRE(paths[0].cost < paths[1].cost - 0.1);
  REQUIRE(paths[3].cost < paths[1].cost);  // the blend, half way

  const auto costs = cost_curve(nodes, 4);
  for (std::size_t k = 0; k < 3; ++k) {
    std::istringstream lines(output.substr(output.find("stops  cost")));
    std::string line;
    for (std::size_t skip = 0; skip < k + 2; ++skip) std::getline(lines, line);
    std::istringstream words(line);
    double stops = 0, cost = 0;
    words >> stops >> cost;
    REQUIRE(stops == static_cast<double>(k + 2));
    REQUIRE_THAT(cost, WithinAbs(costs[k], 5e-7));
  }
  const std::string plot = test::content_of(folder / "paths.svg");
  REQUIRE(plot.starts_with("<svg"));
  std::size_t circles = 0;
  for (std::size_t at = plot.find("<circle"); at != std::string::npos; at = plot.find("<circle", at + 1)) ++circles;
  REQUIRE(circles == 24);
}

TEST_CASE("moments of some levels are searched over the whole schedule of their checkpoint, or of none", "[programs]")
{
  const fs::path folder = test::empty_folder("trajectory_some");
  const std::string shipped = "'" + (checkpoint / "moments.json").string() + "'";
  const test::outcome beside = test::run_program("trajectory", folder, "--steps 10 --moments " + shipped);
  CAPTURE(beside.errors);
  REQUIRE(beside.status == 0);
  const auto paths = paths_in(beside.output);
  REQUIRE(paths.at(1).times == std::vector<double>{999, 888, 777, 666, 555, 444, 333, 222, 111, 0});
  const moment_table moments = read_moments(checkpoint / "moments.json");
  const auto nodes = path_nodes(moments, levels_of(schedule()));
  const std::vector<std::size_t> even(paths[1].times.rbegin(), paths[1].times.rend());
  REQUIRE_THAT(paths[1].cost, WithinAbs(path_cost(nodes, even), 5e-7));

  fs::copy_file(checkpoint / "moments.json", folder / "moments.json");
  const test::outcome alone = find_path(folder, "--steps 10");
  REQUIRE(alone.status == 2);
  REQUIRE(alone.errors ==
          "trajectory: moments.json: holds 159 levels, not all of their schedule, which --model must "
          "give then\n");
}

TEST_CASE("the official code's moments are searched, and what cannot be of them is said", "[programs]")
{
  const fs::path folder = test::empty_folder("trajectory_official");
  const moment_table moments = example(schedule());
  json::array numbers{0.0};
  for (const moment_level& level : moments.levels)
    numbers.emplace_back(1 - error_at(level).value / noise_variance(level.at));
  test::put(folder / "good.json", json::write(numbers));
  numbers[997] = 1.001, numbers[999] = 1.002;
  test::put(folder / "bad.json", json::write(json::object{{"ms_eps", numbers}}));
  write_moments(folder / "moments.json", moments);

  const std::string model = "--model '" + checkpoint.string() + "' --steps 8 --moments ";
  const auto ours = paths_in(find_path(folder, "--steps 8").output);
  const test::outcome good = find_path(folder, model + "good.json");
  REQUIRE(good.errors.empty());
  REQUIRE(paths_in(good.output).at(0).times == ours.at(0).times);

  const test::outcome bad = find_path(folder, model + "bad.json");
  REQUIRE(bad.status == 0);
  REQUIRE(test::contains(bad.errors, "2 of 1000 levels hold an error below 0"));
  REQUIRE(test::contains(bad.errors, "taken as 0;"));
  REQUIRE(test::contains(bad.errors, "t = 996.0, 998.0\n"));

  const test::outcome mended = find_path(folder, model + "bad.json --repair");
  REQUIRE(mended.errors.empty());
  REQUIRE(paths_in(mended.output).at(0).cost > paths_in(bad.output).at(0).cost);
}

TEST_CASE("every estimator is repaired as the library does it, by the search and by the sampler", "[programs]")
{
  const fs::path folder = test::empty_folder("trajectory_repaired");
  fs::copy_file(checkpoint / "moments.json", folder / "moments.json");
  const moment_table measured = read_moments(folder / "moments.json");
  const vp_table table = schedule();
  const auto levels = levels_of(table);
  for (const auto& [name, estimator] : {std::pair("best", error_estimator::best),
                                        {"residual", error_estimator::residual},
                                        {"second-moment", error_estimator::second_moment},
                                        {"clipped", error_estimator::clipped}}) {
    CAPTURE(name);
    const moment_table mended = repaired(measured, estimator);
    const std::string how = std::string("--repair --estimator ") + name;
    const test::outcome found = find_path(folder, how + " --steps 6 --model '" + checkpoint.string() + "'");
    REQUIRE(found.errors.empty());
    const printed_path best = paths_in(found.output).at(0);
    REQUIRE_THAT(best.cost, WithinAbs(path_cost(path_nodes(mended, levels, error_estimator::repaired),
                                                {best.times.rbegin(), best.times.rend()}),
                                      5e-7));

    REQUIRE(one_digit(folder, "--sampler analytic-ddpm --trajectory even --moments moments.json " + how).status == 0);
    const sampling_plan drawn = read_plan(folder / "plan.json");
    const sampling_plan wanted =
        analytic_ddpm(even_grid(table, 4), mended,
                      {.estimator = error_estimator::repaired, .range = data_range{-1, 1}, .clip = pixel_clip{}});
    for (std::size_t k = 0; k < wanted.steps.size(); ++k)
      REQUIRE_THAT(drawn.steps.at(k).noise, WithinRel(wanted.steps[k].noise, 1e-9));
  }
}

TEST_CASE("DDPM holds its last noise to pixels where that is asked for", "[programs]")
{
  const fs::path folder = test::empty_folder("ddpm_pixels");
  REQUIRE(one_digit(folder, "--sampler ddpm-large --trajectory even").status == 0);
  const sampling_plan free = read_plan(folder / "plan.json");
  REQUIRE(one_digit(folder, "--sampler ddpm-large --trajectory even --pixels 1").status == 0);
  const sampling_plan held = read_plan(folder / "plan.json");
  const std::size_t last = free.steps.size() - 2;
  REQUIRE(free.steps[last].noise > 0.1);
  REQUIRE_THAT(held.steps[last].noise, WithinRel(largest_deviation({.pixels = 1}), 1e-12));
  for (std::size_t k = 0; k < last; ++k) REQUIRE(held.steps[k] == free.steps[k]);
}

TEST_CASE("the sampler runs Analytic-DPM along every trajectory as the official code does for images", "[programs]")
{
  const fs::path folder = test::empty_folder("analytic_good");
  const vp_table table = schedule();
  const moment_table moments = example(table);
  write_moments(folder / "moments.json", moments);
  const analytic_options options{.range = data_range{-1, 1}, .clip = pixel_clip{.pixels = 1}};
  const auto same = [&](const std::string& arguments, const sampling_plan& wanted) {
    const test::outcome ran = one_digit(folder, "--moments moments.json " + arguments);
    CAPTURE(arguments, ran.errors);
    REQUIRE(ran.status == 0);
    REQUIRE(ran.errors.empty());
    const sampling_plan plan = read_plan(folder / "plan.json");
    REQUIRE(plan.steps.size() == wanted.steps.size());
    for (std::size_t k = 0; k < plan.steps.size(); ++k) {  // compiled apart, the last digits may differ
      REQUIRE(plan.steps[k].at.t == wanted.steps[k].at.t);
      REQUIRE_THAT(plan.steps[k].keep, WithinAbs(wanted.steps[k].keep, 1e-9));
      REQUIRE_THAT(plan.steps[k].noise, WithinRel(wanted.steps[k].noise, 1e-9));
    }
  };
  same("--sampler analytic-ddpm --trajectory even", analytic_ddpm(even_grid(table, 4), moments, options));
  same("--sampler analytic-ddim --trajectory optimal",
       analytic_ddim(optimal_grid(table, moments, 4), moments, options));
  same("--sampler analytic-ddpm --trajectory blend --blend 0.25 --pixels 2",
       analytic_ddpm(blended_grid(table, moments, 4, 0.25), moments,
                     {.range = data_range{-1, 1}, .clip = pixel_clip{.pixels = 2}}));
  same("--sampler ddpm --trajectory optimal", ddpm(optimal_grid(table, moments, 4)));
  same("--sampler analytic-ddpm --pixels 0 --steps 1",
       analytic_ddpm(trailing(table, 1), moments, {.range = data_range{-1, 1}}));
}

TEST_CASE("moments that are missing, in vain, or of something else are refused in one sentence", "[programs]")
{
  const fs::path folder = test::empty_folder("analytic_refused");
  json::array below(1001, 0.5);
  below[7] = -0.1;
  test::put(folder / "negative.json", json::write(below));
  write_moments(folder / "moments.json", example(schedule()));
  write_moments(folder / "other.json", example(cosine_vp()));
  test::put(folder / "short.json", "[0, 0.5, 0.6]");
  test::put(folder / "none.json", "{\"format\": \"fewstep plan\"}");
  const std::string steps = "--sampler analytic-ddpm ";
  const std::vector<std::pair<std::string, std::string>> bad{
      {steps, "needs --moments"},
      {"--trajectory optimal", "needs --moments"},
      {"--moments moments.json", "no use for the moments"},
      {"--repair", "no moments to repair"},
      {"--pixels 2", "--pixels holds the noise of ddpm"},
      {steps + "--moments other.json", "another schedule"},
      {steps + "--moments short.json", "must hold 1001 numbers"},
      {steps + "--moments none.json", "\"format\""},
      {steps + "--moments missing.json", "missing.json"},
      {steps + "--moments moments.json --estimator clipped", "do not hold the estimate"},
      {steps + "--moments moments.json --estimator guess", "--estimator"},
      {steps + "--moments moments.json --pixels -1", "pixels"},
      {steps + "--moments moments.json --trajectory blend --blend 2", "[0, 1]"},
      {steps + "--moments moments.json --trajectory optimal --steps 1001", "1000"},
      {steps + "--moments moments.json --eta 0.5", "eta is an option of ddim"},
  };
  for (const auto& [arguments, part] : bad) {
    const test::outcome ran = one_digit(folder, arguments);
    CAPTURE(arguments, ran.errors);
    REQUIRE(ran.status == 2);
    REQUIRE(ran.errors.starts_with("digits: "));
    REQUIRE(std::count(ran.errors.begin(), ran.errors.end(), '\n') == 1);
    REQUIRE(test::contains(ran.errors, part));
    REQUIRE(!fs::exists(folder / "plan.json"));
  }
  for (const auto& [arguments, part] : std::vector<std::pair<std::string, std::string>>{
           {"--eta 0", "every trajectory's divergence is infinite"},
           {"--eta 2", "(0, 1]"},
           {"--steps 0", "1 to 1000"},
           {"--steps 1001", "1 to 1000"},
           {"--curve 1", "2 to 1000"},
           {"--blend 1.5", "[0, 1]"},
           {"--out no/such/folder.svg", "no/such/folder.svg"},
           {"--moments negative.json --model '" + checkpoint.string() + "'", "-0.1"},
           {"--moments short.json --model '" + checkpoint.string() + "'", "must hold 1001"},
           {"--moments other.json --model '" + checkpoint.string() + "'", "another schedule"},
           {"--moments none.json", "\"format\""}}) {
    const test::outcome ran = find_path(folder, arguments);
    CAPTURE(arguments, ran.errors);
    REQUIRE(ran.status == 2);
    REQUIRE(ran.errors.starts_with("trajectory: "));
    REQUIRE(test::contains(ran.errors, part));
  }
}
