// Draws the same digits with every method at 1 to 50 evaluations of the network: one picture, one table.
//
//     few_steps --models models --results docs/results/cells.json --out few_steps.svg
#include "fewstep/io/file.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/json/convert.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/noise/philox.hpp"
#include "support/cells.hpp"
#include "support/checkpoint.hpp"
#include "support/drawing.hpp"
#include "support/picture.hpp"
#include "support/program.hpp"
#include "support/sampler_choice.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace json = fewstep::json;

struct options {
  fs::path models = "models", results = "docs/results/cells.json", out = "few_steps.svg";
  std::size_t count = 20, threads = 2;
  std::uint64_t seed = 7;
};

void declare(CLI::App& app, options& o)
{
  app.add_option("--models", o.models, "folder of the checkpoints fontdigits-*")->capture_default_str();
  app.add_option("--results", o.results, "measured cells, whose Frechet distances are quoted")->capture_default_str();
  app.add_option("--count", o.count, "digits in each cell, all in turn")->capture_default_str();
  app.add_option("--seed", o.seed, "image k depends on seed and k alone, so cells show the same starts")
      ->capture_default_str();
  app.add_option("--threads", o.threads, "cores to use")->capture_default_str();
  app.add_option("--out", o.out, "picture to write, SVG")->capture_default_str();
}

constexpr std::array<std::size_t, 6> evaluations{1, 2, 4, 8, 20, 50};

/// One method. Phased networks have a checkpoint for each number of steps, which takes the place of *.
struct method {
  std::string title, checkpoint;
  examples::drawing drawn{};
  std::size_t fewest = 1, most = 50;

  std::string folder(std::size_t steps) const
  {
    std::string name = "fontdigits-" + checkpoint;
    if (const std::size_t star = name.find('*'); star != std::string::npos)
      name.replace(star, 1, std::to_string(steps));
    return name;
  }
};

std::vector<method> all_methods(const fs::path& models)
{
  const auto moments = models / "fontdigits-teacher/moments.json";
  const examples::drawing phased{.sampler = {.name = "phased"}, .clipped = false};
  return {
      {"DDIM", "teacher", {.clipped = false}},
      {"DPM-Solver++ 2M", "teacher", {.sampler = {.name = "dpm-solver++"}}},
      {"UniPC", "teacher", {.sampler = {.name = "unipc"}}},
      {"Analytic-DPM, optimal path",
       "teacher",
       {.sampler = {.name = "analytic-ddpm", .spacing = "optimal", .moments = moments}}},
      {.title = "DDIM with DeepCache",
       .checkpoint = "teacher",
       .drawn = {.branch = 1, .refresh = 2, .clipped = false},
       .fewest = 2},
      {"DDIM with Skip-Tuning", "teacher", {.rho = 0.9, .clipped = false}},
      {.title = "consistency", .checkpoint = "consistency", .drawn = {.sampler = {.name = "consistency"}}, .most = 8},
      {.title = "phased", .checkpoint = "phased-*", .drawn = phased, .most = 8},
      {.title = "phased, adversarial term", .checkpoint = "phased-*-adversarial", .drawn = phased, .most = 8}};
}

struct drawn_cell {
  std::string png;
  double seconds;  ///< for each image
  std::optional<double> frechet;
};

/// The measured distance of a cell.
std::optional<double> quoted(const json::array& results, const std::string& model, const std::string& name)
{
  const json::object key{{"model", model}, {"name", name}};
  const auto found = std::find_if(results.begin(), results.end(),
                                  [&](const json::value& cell) { return examples::has_all(cell, key); });
  const json::value* distance = found == results.end() ? nullptr : found->find("frechet");
  if (!distance) return {};
  return json::to<double>(*distance, "frechet");
}

std::optional<drawn_cell> draw(const options& o, const json::array& results, method by, std::size_t steps)
{
  if (steps < by.fewest || steps > by.most) return {};
  by.drawn.sampler.steps = steps;
  const auto from = examples::open_checkpoint(o.models / by.folder(steps));
  const auto plan = plan_of(by.drawn.sampler, from.schedule);
  fewstep::nn::workspace work(o.threads);
  const fewstep::philox_noise noise{.seed = o.seed, .samples = o.count};
  const examples::stopwatch watch;
  const auto x = examples::draw_batch(by.drawn, plan, from, work, noise);
  const double seconds = watch.seconds() / static_cast<double>(o.count);
  return drawn_cell{examples::png_bytes(examples::tiled(x, std::min<std::size_t>(10, o.count))), seconds,
                    quoted(results, by.folder(steps), examples::name_of(by.drawn))};
}

std::string base64(const std::string& bytes)
{
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t k = 0; k < bytes.size(); k += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = 0; j < 3; ++j)
      three = three << 8 | (k + j < bytes.size() ? static_cast<std::uint8_t>(bytes[k + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += k + j > bytes.size() ? '=' : letters[three >> (18 - 6 * j) & 63];
  }
  return text;
}

std::string number(double value, int digits)
{
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

/// "1.3 ms, FD 0.043".
std::string caption(const drawn_cell& cell)
{
  return number(1e3 * cell.seconds, 1) + " ms" + (cell.frechet ? ", FD " + number(*cell.frechet, 3) : "");
}

using cells = std::vector<std::vector<std::optional<drawn_cell>>>;

std::string svg_of(const options& o, const std::vector<method>& methods, const cells& drawn)
{
  const std::size_t across = std::min<std::size_t>(10, o.count), down = (o.count + across - 1) / across;
  const std::size_t width = across * 33 + 1, height = down * 33 + 1, left = 210, top = 60;
  const auto at = [](std::size_t x, std::size_t y) {
    return "x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\"";
  };
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " +
                    std::to_string(left + evaluations.size() * (width + 14)) + " " +
                    std::to_string(top + methods.size() * (height + 30)) +
                    "\" font-family=\"sans-serif\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" "
                    "fill=\"#fff\"/>\n";
  for (std::size_t k = 0; k < evaluations.size(); ++k)
    svg += "<text " + at(left + k * (width + 14), 40) + " font-weight=\"bold\">" + std::to_string(evaluations[k]) +
           (k == 0 ? " evaluation" : "") + "</text>\n";
  for (std::size_t r = 0; r < methods.size(); ++r) {
    const std::size_t y = top + r * (height + 30);
    svg += "<text " + at(10, y + height / 2) + ">" + methods[r].title + "</text>\n";
    for (std::size_t k = 0; k < evaluations.size(); ++k) {
      if (!drawn[r][k]) continue;
      const std::size_t x = left + k * (width + 14);
      svg += "<image " + at(x, y) + " width=\"" + std::to_string(width) + "\" height=\"" + std::to_string(height) +
             "\" href=\"data:image/png;base64," + base64(drawn[r][k]->png) + "\"/>\n<text " + at(x, y + height + 14) +
             " font-size=\"12\" fill=\"#555\">" + caption(*drawn[r][k]) + "</text>\n";
    }
  }
  return svg + "</svg>\n";
}

/// Milliseconds for each image as they were just now, and the Frechet distance as it was measured, in Markdown.
void print(const std::vector<method>& methods, const cells& drawn)
{
  std::printf("| %-26s |", "evaluations");
  for (const std::size_t steps : evaluations) std::printf(" %-18zu |", steps);
  std::printf("\n|----------------------------|");
  for (std::size_t k = 0; k < evaluations.size(); ++k) std::printf("--------------------|");
  std::printf("\n");
  for (std::size_t r = 0; r < methods.size(); ++r) {
    std::printf("| %-26s |", methods[r].title.c_str());
    for (const auto& cell : drawn[r]) std::printf(" %-18s |", cell ? caption(*cell).c_str() : "");
    std::printf("\n");
  }
}

void show(const options& o)
{
  for (const auto& [given, name] : {std::pair(o.count, "--count"), {o.threads, "--threads"}})
    if (given == 0) throw std::invalid_argument(std::string(name) + " must be at least 1, but is 0");
  fewstep::require_writable(o.out);
  const json::array results = examples::read_cells(o.results);
  const std::vector<method> methods = all_methods(o.models);
  cells drawn;
  examples::progress_bar bar(methods.size(), "methods");
  for (const method& by : methods) {
    drawn.emplace_back();
    for (const std::size_t steps : evaluations) drawn.back().push_back(draw(o, results, by, steps));
    bar.show(drawn.size());
  }
  const std::string text = svg_of(o, methods, drawn);
  const std::array pieces{std::string_view(text)};
  fewstep::write_file(o.out, pieces);
  print(methods, drawn);
  std::printf("\nms: for each of %zu images, drawn together, on %zu threads, now. FD: the Frechet distance of %s.\n",
              o.count, o.threads, o.results.string().c_str());
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{"few_steps", "Draws the same digits with every method at 1 to 50 evaluations."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_program(title, argc, argv, options_of, [&] { show(chosen); });
}
