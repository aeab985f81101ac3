// Finds the trajectory of a given number of steps that costs least in likelihood, from measured moments, and shows what
// it saves beside spacings that look at no moments.
//
//     trajectory --moments models/fontdigits-ddpm/moments.json --steps 10 --out trajectory.svg
#include "fewstep/search/trajectory.hpp"
#include "fewstep/fewstep.hpp"
#include "fewstep/io/file.hpp"
#include "fewstep/io/moments.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/search/path_cost.hpp"
#include "fewstep/search/spacing.hpp"
#include "support/checkpoint.hpp"
#include "support/moments_file.hpp"
#include "support/program.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct options {
  std::filesystem::path moments, model, out;
  std::string estimator = "best";
  std::size_t steps = 10, curve = 0;
  double eta = 1;
  std::optional<double> blend;
  bool repair = false;
};

void declare(CLI::App& app, options& o)
{
  app.add_option("--moments", o.moments, "file from the program moments, or the official code's ms_eps")->required();
  app.add_option(
      "--model", o.model,
      "checkpoint folder whose schedule is searched; without it that of the moments' folder, if this is a checkpoint, "
      "or the levels of the file, if these are all of a schedule");
  app.add_option("--steps", o.steps, "stops of the trajectory")->capture_default_str();
  app.add_option("--eta", o.eta, "for which sampler: 1 is DDPM; above 0")->capture_default_str();
  app.add_option("--estimator", o.estimator, "which of the moments: best, second-moment, residual, clipped")
      ->check(CLI::IsMember(examples::estimators()))
      ->capture_default_str();
  app.add_flag("--repair", o.repair, "frees the errors of what cannot be, by isotonic regression");
  app.add_option("--blend", o.blend, "shows a trajectory so far from the even one to the best, too, 0 to 1");
  app.add_option("--curve", o.curve, "prints the cost of the best trajectories of 2 to so many stops");
  app.add_option("--out", o.out, "SVG of the trajectories to write");
}

/// What is searched: levels, and their moments.
struct search_space {
  std::vector<fewstep::noise_level> levels;
  fewstep::moment_table moments;
};

search_space open_space(const options& o)
{
  const auto beside = o.moments.parent_path();
  const bool in_checkpoint = std::filesystem::exists(beside / "scheduler/scheduler_config.json");
  if (!o.model.empty() || in_checkpoint) {
    const auto config = examples::read_scheduler(o.model.empty() ? beside : o.model);
    auto levels = fewstep::levels_of(fewstep::table_of(config));
    auto moments = examples::open_moments(o.moments, levels);
    return {std::move(levels), std::move(moments)};
  }
  search_space space{.levels = {}, .moments = fewstep::read_moments(o.moments)};
  for (const auto& level : space.moments.levels) space.levels.push_back(level.at);
  if (fewstep::hash(space.levels) != space.moments.schedule)
    throw std::invalid_argument(o.moments.string() + ": holds " + std::to_string(space.levels.size()) +
                                " levels, not all of their schedule, which --model must give then");
  return space;
}

struct named_path {
  std::string name;
  std::vector<std::size_t> stops;
};

void print(const options& o, const search_space& space, const std::vector<fewstep::path_node>& nodes,
           const std::vector<named_path>& paths)
{
  const double best = fewstep::path_cost(nodes, paths.front().stops, o.eta);
  for (const auto& [name, stops] : paths) {
    const double cost = fewstep::path_cost(nodes, stops, o.eta);
    std::printf("%-9s  cost %.6f", name.c_str(), cost);
    if (&name != &paths.front().name) std::printf(", %.6f bits per dimension more", (cost - best) / 2 / std::log(2.0));
    std::printf("\n          ");
    for (std::size_t k = stops.size(); k-- > 0;) std::printf(" %g", space.levels[stops[k]].t);
    std::printf("\n");
  }
}

void print_curve(const options& o, const std::vector<fewstep::path_node>& nodes)
{
  const auto costs = fewstep::cost_curve(nodes, o.curve, o.eta);
  std::printf("stops  cost\n");
  for (std::size_t k = 0; k < costs.size(); ++k) std::printf("%5zu  %.6f\n", k + 2, costs[k]);
}

/// The stops of each path on a line of its own, above an axis of time.
std::string drawn(const search_space& space, const std::vector<named_path>& paths)
{
  constexpr double left = 90, width = 820, row = 44, top = 34;
  const auto number = [](double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.5g", value);
    return std::string(text.data());
  };
  const double first = space.levels.front().t, last = space.levels.back().t;
  const auto place = [&](double t) { return number(left + width * (t - first) / (last - first)); };
  const double bottom = top + row * static_cast<double>(paths.size());
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 " + number(bottom + 40) +
                    "\" font-family=\"sans-serif\" font-size=\"14\">\n";
  for (std::size_t k = 0; k < paths.size(); ++k) {
    const std::string y = number(top + row * static_cast<double>(k));
    svg += "<text x=\"10\" y=\"" + y + "\" dy=\"5\">" + paths[k].name + "</text>\n<path d=\"M" + number(left) + " " +
           y + "h" + number(width) + "\" stroke=\"#ccc\"/>\n";
    for (const std::size_t stop : paths[k].stops)
      svg += "<circle cx=\"" + place(space.levels[stop].t) + "\" cy=\"" + y + "\" r=\"4\" fill=\"" +
             (k == 0 ? "#b9442a" : "#1f4e9c") + "\"/>\n";
  }
  for (int tick = 0; tick <= 4; ++tick) {
    const double t = first + (last - first) * tick / 4;
    svg += "<text x=\"" + place(t) + "\" y=\"" + number(bottom + 16) + "\" text-anchor=\"middle\">" +
           number(std::round(t)) + "</text>\n";
  }
  return svg + "<text x=\"10\" y=\"" + number(bottom + 16) + "\">time</text>\n</svg>\n";
}

void find(const options& o)
{
  if (!o.out.empty()) fewstep::require_writable(o.out);
  const search_space space = open_space(o);
  const auto chosen = examples::choose_errors(o.moments, space.moments, o.estimator, o.repair);
  const auto nodes = fewstep::path_nodes(chosen.table, space.levels, chosen.estimator);

  std::vector<named_path> paths{{"best", fewstep::optimal_path(nodes, o.steps, o.eta)},
                                {"even", fewstep::even_path(nodes.size(), o.steps)},
                                {"quadratic", fewstep::power_path(nodes.size(), o.steps, 2)}};
  if (o.blend) paths.push_back({"blend", fewstep::blended_path(paths[1].stops, paths[0].stops, *o.blend)});
  print(o, space, nodes, paths);
  if (o.curve > 0) print_curve(o, nodes);
  if (o.out.empty()) return;
  const std::string svg = drawn(space, paths);
  fewstep::write_file(o.out, std::array<std::string_view, 1>{svg});
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{"trajectory",
                                      "Finds the cheapest trajectory for a network whose moments are known."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_program(title, argc, argv, options_of, [&] { find(chosen); });
}
