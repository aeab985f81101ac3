// Draws digits with a U-Net that was trained in PyTorch: a checkpoint folder in, a PNG out.
//
//     digits --model models/fontdigits-ddpm --sampler ddim --steps 20 --class 3 --guidance 1.5 --count 40 --out
//     digits.png
#include "fewstep/fewstep.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/plans.hpp"
#include "fewstep/io/runs.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/nn/workspace.hpp"
#include "support/checkpoint.hpp"
#include "support/notes.hpp"
#include "support/picture.hpp"
#include "support/program.hpp"
#include "support/sampler_choice.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using fewstep::nn::images;

struct options {
  std::filesystem::path model = "models/fontdigits-ddpm";
  examples::sampler_choice sampler;
  std::size_t count = 40, threads = 2;
  double guidance = 1.5;
  std::optional<int> label, negative;
  std::uint64_t seed = 7;
  std::filesystem::path out = "digits.png", checkpoint, resume, trace;
};

void declare(CLI::App& app, options& o)
{
  app.add_option("--model", o.model, "checkpoint folder in diffusers' layout")->capture_default_str();
  examples::declare(app, o.sampler);
  app.add_option("--class", o.label, "what to draw; without it, all classes in turn");
  app.add_option("--guidance", o.guidance, "scale of classifier-free guidance; 1 is none")->capture_default_str();
  app.add_option("--negative-class", o.negative, "what to steer away from; without it, no class (the last label)");
  app.add_option("--count", o.count, "images")->capture_default_str();
  app.add_option("--seed", o.seed, "image k depends on seed and k alone")->capture_default_str();
  app.add_option("--threads", o.threads, "cores to use")->capture_default_str();
  app.add_option("--out", o.out, "picture to write")->capture_default_str();
  app.add_option("--checkpoint", o.checkpoint, "file that is to hold the run's state after every row");
  app.add_option("--resume", o.resume, "state to go on from; the other options must be those it was made with");
  app.add_option("--trace", o.trace, "file to write the plan to, as JSON");
}

/// The label of each image; empty for a network without classes.
std::vector<int> labels_of(const options& o, std::size_t classes)
{
  if (classes == 0) {
    if (o.label || o.negative)
      throw std::invalid_argument("the network has no classes, but --class or --negative-class was given");
    return {};
  }
  std::vector<int> labels(o.count);
  for (std::size_t k = 0; k < o.count; ++k)
    labels[k] = o.label.value_or(static_cast<int>(k % std::max<std::size_t>(classes - 1, 1)));
  return labels;
}

/// What must be the same when a run goes on, besides the plan.
fewstep::safetensors_metadata notes_of(const options& o)
{
  const auto label = [](const std::optional<int>& number) { return number ? std::to_string(*number) : "none"; };
  return {{"--model", std::filesystem::weakly_canonical(o.model).filename().string()},
          {"--class", label(o.label)},
          {"--negative-class", label(o.negative)},
          {"--guidance", fewstep::json::write(o.guidance)},
          {"--seed", std::to_string(o.seed)}};
}

fewstep::run_state<images> saved_run(const options& o, const images& shape)
{
  const auto run = fewstep::read_run(o.resume, shape);
  examples::require_notes(o.resume, run.notes, notes_of(o));
  return run.state;
}

void draw(const options& o)
{
  if (o.count == 0) throw std::invalid_argument("--count must be at least 1, but is 0");
  for (const auto& file : {o.out, o.checkpoint, o.trace})
    if (!file.empty()) fewstep::require_writable(file);

  const auto [network, config] = examples::open_checkpoint(o.model);
  const auto plan = plan_of(o.sampler, config);
  const images shape = examples::shape_of(network, o.count);
  const std::size_t classes = class_count(network.conditions);
  const std::vector<int> labels = labels_of(o, classes);
  const std::vector<int> others(labels.size(), o.negative.value_or(static_cast<int>(classes) - 1));

  // The chain from network to plan: condition, guidance, a guard, data instead of noise, clipping.
  fewstep::nn::workspace workspace(o.threads);
  const examples::labelled_network wanted(network, workspace, labels);
  const examples::labelled_network away(network, workspace, others);
  double inside = 0;
  std::size_t calls = 0;
  const auto timed = [&](const examples::labelled_network& by) {
    return [&](const images& x, const fewstep::evaluation& at, images& out) {
      const examples::stopwatch watch;
      by(x, at, out);
      inside += watch.seconds();
      ++calls;
    };
  };
  const double guidance = classes == 0 ? 1 : o.guidance;
  auto data = fewstep::converted(fewstep::finite(fewstep::guided(timed(wanted), timed(away), guidance)),
                                 config.predicts, plan.predicts);

  const fewstep::philox_noise noise{.seed = o.seed, .samples = o.count};
  using stepper = fewstep::stepper<images, fewstep::philox_noise>;
  stepper run = o.resume.empty() ? stepper(plan, noise.start(shape), noise) : stepper(plan, saved_run(o, shape), noise);

  if (!o.trace.empty()) fewstep::write_plan(o.trace, plan);

  const examples::stopwatch watch;
  examples::progress_bar bar(plan.steps.size(), "rows");
  const auto steps = [&](auto denoise) {
    while (!run.done()) {
      run.step(denoise);
      if (!o.checkpoint.empty()) fewstep::write_run(o.checkpoint, run.state(), notes_of(o));
      bar.show(run.row());
    }
  };
  const auto held = [&](const auto& denoise, const auto& range) {
    if (keeps_direction(o.sampler))
      steps(fewstep::clipped_keeping_direction(denoise, range));
    else
      steps(fewstep::clipped(denoise, range));
  };
  const auto drawn = [&](const auto& denoise) {
    if (!config.bounds)
      steps(denoise);
    else if (!config.bounds->quantile)
      held(denoise, config.bounds->limit);
    else
      held(denoise, fewstep::dynamic_threshold{*config.bounds->quantile, config.bounds->limit, o.count});
  };
  if (const auto boundary = boundary_of(o.sampler, config))
    drawn(fewstep::preconditioned(data, *boundary));
  else
    drawn(data);
  const double total = watch.seconds();

  const auto columns = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(o.count) * 1.6)));
  examples::write_png(o.out, examples::tiled(run.x(), classes == 11 && !o.label ? 10 : columns));
  std::printf("%s: %zu images, %zu evaluations of the batch, %.4f s each, %.4f s outside the network\n",
              o.out.string().c_str(), o.count, calls, calls == 0 ? 0 : inside / static_cast<double>(calls),
              total - inside);
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{"digits", "Draws pictures with a diffusion model's U-Net."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_program(title, argc, argv, options_of, [&] { draw(chosen); });
}
