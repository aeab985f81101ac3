// Looks into a U-Net while it draws: how large the skips are beside what they are joined with (what Skip-Tuning acts
// on), and how much the deep features change from one row to the next (what DeepCache reuses). A table, and a plot.
//
//     skips --model models/fontdigits-ddpm --steps 20 --levels 5 --out skips.svg
#include "fewstep/fewstep.hpp"
#include "fewstep/io/file.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/unet/similarity.hpp"
#include "fewstep/unet/skip_ratio.hpp"
#include "support/checkpoint.hpp"
#include "support/program.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using fewstep::nn::images;

struct options {
  std::filesystem::path model = "models/fontdigits-ddpm", out = "skips.svg";
  std::size_t steps = 20, levels = 5, count = 8, threads = 2;
  std::uint64_t seed = 7;
};

void declare(CLI::App& app, options& o)
{
  app.add_option("--model", o.model, "checkpoint folder in diffusers' layout")->capture_default_str();
  app.add_option("--steps", o.steps, "rows of the DDIM plan")->capture_default_str();
  app.add_option("--levels", o.levels, "rows to print and plot ratios of")->capture_default_str();
  app.add_option("--count", o.count, "images, classes in turn")->capture_default_str();
  app.add_option("--seed", o.seed, "image k depends on seed and k alone")->capture_default_str();
  app.add_option("--threads", o.threads, "cores to use")->capture_default_str();
  app.add_option("--out", o.out, "plot to write")->capture_default_str();
}

/// What a run showed.
struct findings {
  std::vector<fewstep::skip_ratios_at> ratios;
  std::vector<fewstep::similarity> alike;  ///< means, by connection
};

findings look(const options& o)
{
  const auto [network, config] = examples::open_checkpoint(o.model);
  const auto plan = fewstep::ddim(fewstep::trailing(fewstep::table_of(config), o.steps));
  const std::size_t classes = class_count(network.conditions);
  std::vector<int> labels(classes == 0 ? 0 : o.count);
  for (std::size_t k = 0; k < labels.size(); ++k)
    labels[k] = static_cast<int>(k % std::max<std::size_t>(classes - 1, 1));
  fewstep::nn::workspace workspace(o.threads);
  const fewstep::nn::lane lane(network, workspace, {.class_labels = labels});

  fewstep::feature_similarity<fewstep::nn::feature> alike;
  std::vector<fewstep::probe<images>> probes;
  const std::size_t every = std::max<std::size_t>(1, o.steps / std::max<std::size_t>(1, o.levels));
  const auto denoise = [&](const images& x, const fewstep::evaluation& at, images& out) {
    if (at.row % every == 0 && probes.size() < o.levels) probes.push_back({x, at});
    lane(x, at, out, alike);
  };
  const images shape = examples::shape_of(network, o.count);
  const fewstep::philox_noise noise{.seed = o.seed, .samples = o.count};
  fewstep::sample(plan, noise.start(shape), fewstep::converted(denoise, config.predicts, plan.predicts));
  return {fewstep::skip_ratios(lane, probes), fewstep::mean_by_connection(alike.table())};
}

void print(const findings& found)
{
  std::printf("connection");
  for (const auto& row : found.ratios) std::printf("  t = %-5.0f", row.at.t);
  std::printf("  cosine    change\n");
  for (std::size_t i = 0; i < found.ratios.front().connections.size(); ++i) {
    std::printf("%10zu", i);
    for (const auto& row : found.ratios) std::printf("  %-9.3f", row.connections[i].value());
    if (i < found.alike.size()) std::printf("  %.5f  %.4f", found.alike[i].cosine, found.alike[i].distance);
    std::printf("\n");
  }
  std::printf("      mean");
  for (const auto& row : found.ratios) std::printf("  %-9.3f", fewstep::mean_ratio(row));
  std::printf("\n");
}

/// One panel of the plot: a line for each list of values, by connection.
std::string panel(double left, const std::string& title, const std::vector<std::vector<double>>& lines)
{
  constexpr std::array colours{"#1f4e9c", "#2f86b8", "#3aa78c", "#9aa32c", "#d08a1f", "#b9442a"};
  constexpr double width = 380, height = 260, top = 50;
  double most = 0;
  for (const auto& line : lines) most = std::max(most, *std::max_element(line.begin(), line.end()));
  const auto number = [](double value) { return std::to_string(value).substr(0, 6); };
  const auto text = [&](double x, double y, const std::string& words) {
    return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\">" + words + "</text>\n";
  };
  std::string svg = text(left, 28, title) + text(left - 44, top + 8, number(most)) +
                    text(left - 14, top + height, "0") +
                    text(left, top + height + 22, "connection 0, the first convolution") +
                    text(left + width - 30, top + height + 22, "bottom");
  svg += "<path d=\"M" + number(left) + " " + number(top) + "v" + number(height) + "h" + number(width) +
         "\" stroke=\"#555\" fill=\"none\"/>\n";
  for (std::size_t k = 0; k < lines.size(); ++k) {
    std::string points;
    for (std::size_t i = 0; i < lines[k].size(); ++i)
      points +=
          number(left + width * static_cast<double>(i) / std::max(1.0, static_cast<double>(lines[k].size() - 1))) +
          "," + number(top + height * (1 - lines[k][i] / most)) + " ";
    svg += "<polyline points=\"" + points + "\" stroke=\"" + colours[k % colours.size()] +
           "\" stroke-width=\"2\" fill=\"none\"/>\n";
  }
  return svg;
}

void plot(const findings& found, const std::filesystem::path& out)
{
  std::vector<std::vector<double>> ratios, changes(1);
  for (const auto& row : found.ratios) {
    ratios.emplace_back();
    for (const auto& ratio : row.connections) ratios.back().push_back(ratio.value());
  }
  for (const auto& one : found.alike) changes[0].push_back(one.distance);
  std::ofstream file(out);
  file << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 350\" font-family=\"sans-serif\" "
          "font-size=\"13\">\n"
       << panel(60, "norm of the skip / norm of the decoder feature, noisiest level in dark blue", ratios);
  if (!changes[0].empty()) file << panel(540, "relative change of the decoder feature in a row, mean", changes);
  file << "</svg>\n";
}

void run(const options& o)
{
  for (const auto& [number, name] : {std::pair(o.steps, "--steps"), {o.levels, "--levels"}, {o.count, "--count"}})
    if (number == 0) throw std::invalid_argument(std::string(name) + " must be at least 1, but is 0");
  fewstep::require_writable(o.out);
  const findings found = look(o);
  print(found);
  plot(found, o.out);
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{"skips", "Shows the skips and the deep features of a U-Net while it draws."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_program(title, argc, argv, options_of, [&] { run(chosen); });
}
