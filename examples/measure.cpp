// Draws images with a sampler and measures how good they are: one cell of a table of results.
//
//     measure --sampler ddim --spacing even --steps 10 --images 1000 --seeds 3 --out cells.json
//
// Images that were drawn, features of the data and cells that were measured are kept in files, so whoever kills it may
// start it again. A cell that was measured with as many images is not measured again.
#include "fewstep/fewstep.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/statistics/likelihood.hpp"
#include "support/cells.hpp"
#include "support/checkpoint.hpp"
#include "support/drawing.hpp"
#include "support/judge.hpp"
#include "support/kept_tensors.hpp"
#include "support/pixels.hpp"
#include "support/program.hpp"
#include "support/sampler_choice.hpp"
#include "support/sprites.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace nn = fewstep::nn;
namespace json = fewstep::json;
using nn::images;

struct options {
  std::filesystem::path model = "models/fontdigits-ddpm", out = "cells.json";
  examples::judge_options by{};
  examples::drawing drawn{.sampler = {.spacing = "even"}};
  bool real = false;
  std::vector<std::string> near;
  std::size_t images = 1000, seeds = 3, threads = 2, likelihood = 0;
};

void declare(CLI::App& app, options& o)
{
  app.add_option("--model", o.model, "checkpoint folder in diffusers' layout")->capture_default_str();
  examples::declare(app, o.by);
  examples::declare(app, o.drawn);
  app.add_flag("--real", o.real, "measure images that the network was trained on instead: the floor");
  app.add_option("--near", o.near,
                 "MODEL/CELL, measured before, whose images of the same seeds these are compared with, pixel by pixel")
      ->take_all();
  app.add_option("--images", o.images, "images of each seed, all digits in turn")->capture_default_str();
  app.add_option("--seeds", o.seeds, "seeds 1, 2, ... so many")->capture_default_str();
  app.add_option("--likelihood", o.likelihood, "bound the likelihood of so many unseen images, too, where there is one")
      ->capture_default_str();
  app.add_option("--out", o.out, "file of cells, to which this one is added")->capture_default_str();
}

std::string model_of(const options& o)
{
  return std::filesystem::weakly_canonical(o.model).filename().string();
}

/// What tells cells apart.
json::object key_of(const options& o)
{
  return {{"model", model_of(o)}, {"name", o.real ? "real" : examples::name_of(o.drawn)}};
}

std::string own_name(const options& o)
{
  return model_of(o) + "/" + examples::name_of(o.drawn);
}

/// Where the cell MODEL/NAME keeps what it drew.
std::filesystem::path images_path(const options& o, const std::string& cell, std::uint64_t seed)
{
  return o.by.keep / (cell + "-seed" + std::to_string(seed) + ".safetensors");
}

/// One set of images as pixels of 8 bits, and how much of what was drawn lies a twentieth of the range or more beyond
/// its ends.
struct image_set {
  examples::labelled_images shown;
  double outside = 0;
};

double share_outside(const images& x)
{
  const auto outside =
      std::count_if(x.data(), x.data() + x.size(), [](float number) { return std::abs(number) > 1.1F; });
  return static_cast<double>(outside) / static_cast<double>(x.size());
}

/// What a picture shows of images.
images shown(images x)
{
  for (float& number : x.values) number = examples::number_of(examples::pixel_of(number));
  return x;
}

/// The images of a seed: drawn, or taken from the training set, each seed its own.
image_set images_of(const options& o, const examples::checkpoint& from, std::uint64_t seed)
{
  if (o.real) {
    const auto all = examples::read_sprites(o.by.data, examples::train_sprites, seed * o.images);
    images part{o.images, all.images.channels, all.images.height, all.images.width};
    std::copy_n(all.images.data() + (seed - 1) * part.size(), part.size(), part.data());
    const auto last = all.labels.end();
    return {{std::move(part), {last - static_cast<std::ptrdiff_t>(o.images), last}}};
  }
  const auto path = images_path(o, own_name(o), seed);
  const images shape = examples::shape_of(from.network, o.images);
  if (!std::filesystem::exists(path)) {
    const images drawn = examples::draw(o.drawn, from, {.seed = seed, .images = o.images}, o.by.threads);
    o.drawn.clipped ? examples::keep_pixels(path, drawn) : examples::keep_numbers(path, drawn);
  }
  images x = examples::kept_images(path, shape);
  const double outside = share_outside(x);
  return {{shown(std::move(x)), examples::digits_of(0, o.images)}, outside};
}

/// The root of the mean squared difference from the images of another cell. Throws std::runtime_error, with the path
/// first, if it was not measured.
double distance_to(const options& o, const std::string& cell, const images& x, std::uint64_t seed)
{
  const auto path = images_path(o, cell, seed);
  if (!std::filesystem::exists(path))
    throw std::runtime_error(path.string() + ": does not exist; measure that cell first, with as many seeds");
  const images other = shown(examples::kept_images(path, {x.count, x.channels, x.height, x.width}));
  double squares = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double difference = static_cast<double>(x.data()[k]) - static_cast<double>(other.data()[k]);
    squares += difference * difference;
  }
  return std::sqrt(squares / static_cast<double>(x.size()));
}

/// The bound on the likelihood of unseen images under the plan that samples, without the pixel clip, which serves the
/// eye. The last row adds no noise; it gets the deviation that DDPM's step from time 1 to 0 has, as in the official
/// code.
fewstep::likelihood_bound bound(const options& o, const examples::checkpoint& from)
{
  const auto table = fewstep::table_of(from.schedule);
  examples::sampler_choice sampler = o.drawn.sampler;
  sampler.pixels = 0;
  const auto plan = plan_of(sampler, from.schedule);
  constexpr std::size_t each = 50;
  const auto unseen = examples::read_sprites(o.by.data, examples::eval_sprites, o.likelihood);
  std::vector<images> data;
  for (std::size_t first = 0; first + each <= o.likelihood; first += each) {
    images part = examples::shape_of(from.network, each);
    std::copy_n(unseen.images.data() + first * part.size() / each, part.size(), part.data());
    data.push_back(std::move(part));
  }
  nn::workspace work(o.by.threads);
  const examples::labelled_network network(from.network, work, {unseen.labels.begin(), unseen.labels.begin() + each});
  const auto denoise = fewstep::clipped(fewstep::converted(network, from.schedule.predicts, plan.predicts), 1.0);
  return fewstep::negative_log_likelihood(
      plan, denoise, data,
      {.decoder_deviation = fewstep::posterior_deviation(table(1), table(0)), .samples_in_each = each});
}

json::object measure_cell(const options& o, const examples::checkpoint& from)
{
  examples::judge by(o.by);
  json::array distances, accuracies;
  double accuracy = 0, outside = 0;
  std::vector<json::array> near(o.near.size());
  for (std::uint64_t seed = 1; seed <= o.seeds; ++seed) {
    const auto [x, beyond] = images_of(o, from, seed);
    const examples::verdict own = by(x);
    distances.emplace_back(own.frechet);
    accuracies.emplace_back(own.accuracy);
    accuracy += own.accuracy / static_cast<double>(o.seeds);
    outside += beyond / static_cast<double>(o.seeds);
    for (std::size_t k = 0; k < o.near.size(); ++k) near[k].emplace_back(distance_to(o, o.near[k], x.images, seed));
  }
  const examples::joint_verdict all = by.together();
  json::object found{{"frechet", all.frechet}, {"frechet_of_seeds", distances},
                     {"kernel", all.kernel},   {"kernel_standard_error", all.kernel_standard_error},
                     {"accuracy", accuracy},   {"accuracy_of_seeds", accuracies},
                     {"outside", outside}};
  if (!near.empty()) found.emplace_back("distances", json::array(near.begin(), near.end()));
  if (o.likelihood > 0) {
    const auto bits = bound(o, from);
    found.emplace_back("bits", bits.total.mean);
    found.emplace_back("bits_standard_error", bits.total.standard_error());
  }
  return found;
}

void measure(const options& o)
{
  for (const auto& [number, name] :
       {std::pair(o.images, "--images"), {o.seeds, "--seeds"}, {o.by.threads, "--threads"}})
    if (number == 0) throw std::invalid_argument(std::string(name) + " must be at least 1, but is 0");
  fewstep::require_writable(o.out);
  json::object cell = key_of(o);
  const json::object key = cell;
  for (const auto& [name, value] : {std::pair("images", o.images), {"seeds", o.seeds}, {"bits_images", o.likelihood}})
    cell.emplace_back(name, value);
  if (!o.near.empty()) cell.emplace_back("near", json::array(o.near.begin(), o.near.end()));
  for (const json::value& done : examples::read_cells(o.out))
    if (examples::has_all(done, cell)) {
      std::printf("%s: is in %s already\n", json::write(cell).c_str(), o.out.string().c_str());
      return;
    }

  std::filesystem::create_directories(o.by.keep / model_of(o));
  for (auto& found : measure_cell(o, examples::open_checkpoint(o.model))) cell.push_back(std::move(found));
  json::array cells = examples::read_cells(o.out);  // another process may have added its own meanwhile
  std::erase_if(cells, [&](const json::value& old) { return examples::has_all(old, key); });
  cells.emplace_back(cell);
  json::write_file(o.out, json::object{{"cells", std::move(cells)}});
  std::printf("%s\n", json::write(cell).c_str());
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{"measure", "Draws images with a sampler and measures how good they are."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_program(title, argc, argv, options_of, [&] { measure(chosen); });
}
