#include "support/measurement.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "support/notes.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace examples {

void declare(CLI::App& app, measurement_options& o)
{
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

fewstep::nn::images sprite_rounds::operator[](std::size_t round) const
{
  fewstep::nn::images out{10, all_.images.channels, all_.images.height, all_.images.width};
  const float* first = all_.images.data() + round * out.size();
  std::copy(first, first + out.size(), out.data());
  return out;
}

measurement open_measurement(const measurement_options& o)
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

fewstep::moment_table moments_so_far(const std::filesystem::path& path, const measurement& m)
{
  fewstep::stored_moments stored = fewstep::read_stored_moments(path);
  require_notes(path, stored.notes, m.notes);
  return std::move(stored.moments);
}

round_denoiser::round_denoiser(const measurement& m) :
    workspace_(std::make_unique<fewstep::nn::workspace>(1)),
    network_(m.network, *workspace_, class_count(m.network.conditions) == 0 ? std::vector<int>{} : m.data.labels())
{
}

}  // namespace examples
