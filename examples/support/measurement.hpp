/// @file
/// The measurement of a checkpoint's moments, as the programs `moments` and `moments_mpi` share it: options, network,
/// data, levels. Whatever number of threads or ranks does the work, its parts are these.
#pragma once

#include "fewstep/fewstep.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/moments.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/statistics/moments.hpp"
#include "support/checkpoint.hpp"
#include "support/notes.hpp"
#include "support/sprites.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace examples {

struct measurement_options {
  std::filesystem::path model = "models/fontdigits-ddpm", data = "data/fontdigits", out = "moments.json";
  std::size_t samples = 1000, levels = 0;
  std::string per = "sample";
  bool clipped = false;
  double relative_error = 0;
  std::uint64_t seed = 0;
};

inline void declare(CLI::App& app, measurement_options& o)
{
  app.option_defaults()->take_last();
  app.add_option("--model", o.model, "checkpoint folder in diffusers' layout")->capture_default_str();
  app.add_option("--data", o.data, "folder with the sheets of images that it was trained on")->capture_default_str();
  app.add_option("--samples", o.samples, "images at each level, as many of each class")->capture_default_str();
  app.add_option("--levels", o.levels, "so many levels, all over the schedule; 0 is all")->capture_default_str();
  app.add_option("--per", o.per, "what is measured one by one, too: nothing, channels, or all numbers of an image")
      ->check(CLI::IsMember({"sample", "channel", "element"}))
      ->capture_default_str();
  app.add_flag("--clipped", o.clipped, "measure predictions held in [-1, 1], too");
  app.add_option("--seed", o.seed, "of the noise that is added")->capture_default_str();
  app.add_option("--out", o.out, "file of moments to write")->capture_default_str();
}

/// The sprites that a network was trained on as a data set, in rounds: tensors of one image of each digit, so that one
/// list of labels serves all of them. Made when they are asked for.
class sprite_rounds {
public:
  explicit sprite_rounds(const std::filesystem::path& folder) : all_(read_sprites(folder, train_sprites)) {}

  std::size_t size() const { return all_.images.count / 10; }

  fewstep::nn::images operator[](std::size_t round) const
  {
    fewstep::nn::images out{10, all_.images.channels, all_.images.height, all_.images.width};
    const float* first = all_.images.data() + round * out.size();
    std::copy(first, first + out.size(), out.data());
    return out;
  }

  /// Of the images in each round.
  std::vector<int> labels() const { return {all_.labels.begin(), all_.labels.begin() + 10}; }

private:
  labelled_images all_;
};

/// All that the work needs, checked.
struct measurement {
  fewstep::nn::network network;
  sprite_rounds data;
  std::vector<fewstep::noise_level> levels{};
  fewstep::moment_options options{};
  fewstep::moment_notes notes{};  ///< what must be the same when the measurement goes on
};

inline measurement open_measurement(const measurement_options& o)
{
  auto [network, config] = open_checkpoint(o.model);
  measurement m{
      .network = std::move(network), .data = sprite_rounds(o.data), .levels = levels_of(fewstep::table_of(config))};
  const fewstep::nn::images shape = m.data[0], wanted = shape_of(m.network, shape.count);
  if (wanted.channels != shape.channels || wanted.height != shape.height || wanted.width != shape.width)
    throw std::invalid_argument("the network was trained on images " + shape_of(wanted) + ", but the data are " +
                                shape_of(shape));
  const std::size_t pixels = shape.size() / shape.count;
  m.options = {.predicts = config.predicts,
               .samples = o.samples,
               .levels = o.levels,
               .wanted_error = o.relative_error,
               .parts = o.per == "sample"    ? 0
                        : o.per == "channel" ? shape.channels
                                             : pixels,
               .samples_in_each = shape.count,
               .seed = o.seed};
  if (o.clipped) m.options.range = fewstep::data_range{};
  const std::filesystem::path model = std::filesystem::weakly_canonical(o.model);
  m.notes = {{"model", model.filename().string()},  {"samples", std::to_string(o.samples)},
             {"seed", std::to_string(o.seed)},      {"relative_error", fewstep::json::write(o.relative_error)},
             {"clipped", o.clipped ? "yes" : "no"}, {"per", o.per}};
  return m;
}

/// What is in a file already. Throws std::invalid_argument, with the path first, if it was measured otherwise.
inline fewstep::moment_table moments_so_far(const std::filesystem::path& path, const measurement& m)
{
  fewstep::stored_moments stored = fewstep::read_stored_moments(path);
  require_notes(path, stored.notes, m.notes);
  return std::move(stored.moments);
}

/// The network at work on rounds of the data, on a thread of its own.
class round_denoiser {
public:
  explicit round_denoiser(const measurement& m) :
      workspace_(std::make_unique<fewstep::nn::workspace>(1)),
      lane_(m.network, *workspace_,
            {.class_labels = class_count(m.network.conditions) == 0 ? std::vector<int>{} : m.data.labels()})
  {
  }

  void operator()(const fewstep::nn::images& x, const fewstep::evaluation& at, fewstep::nn::images& out) const
  {
    lane_(x, at, out);
  }

private:
  std::unique_ptr<fewstep::nn::workspace> workspace_;
  fewstep::nn::lane lane_;
};

}  // namespace examples
