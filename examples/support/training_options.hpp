/// @file
/// The options of training, what is wrong with them, and which of them a run that goes on must share.
#pragma once

#include "student.hpp"
#include "training_batch.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/plans.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/train/adversarial.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

namespace examples {

/// How a network is trained.
struct training_options {
  objective_options objective{.steps = 20'000};
  batch_options batch{};
  train::adversarial_schedule adversarial{.weight = 0};
  std::string real = "target";  ///< what the discriminator takes for real: where the target lands, or data
  std::filesystem::path data = "data/fontdigits", init = "models/fontdigits-ddpm", teacher{}, out{};
  std::filesystem::path classifier = "models/fontdigits-classifier";
  double rate = 2e-4, decay = 0, clip = 1, average = 0.999, target_rate = 0.95;
  bool cosine = false, from_scratch = false, resume = false, bfloat16 = false, half = false;
  std::size_t warm_up = 100, images = 0, save_every = 500, preview = 4, log_every = 50;
  double minutes = 0;
  int threads = 2;
  std::string device = "cpu", predict{};
};

/// Throws std::invalid_argument with the sentence unless `good`.
inline void require(bool good, const std::string& sentence)
{
  if (!good) throw std::invalid_argument(sentence);
}

/// Throws std::invalid_argument for options out of range.
inline void check(const training_options& o)
{
  const auto positive = [](std::size_t number, const std::string& name) {
    require(number > 0, name + " must be at least 1, but is 0");
  };
  positive(o.objective.steps, "--steps"), positive(o.batch.size, "--batch");
  positive(o.save_every, "--save-every"), positive(o.log_every, "--log-every");
  require(o.threads > 0, "--threads must be at least 1, but is " + std::to_string(o.threads));
  require(o.rate > 0 && std::isfinite(o.rate), "--rate must be positive, but is " + std::to_string(o.rate));
  require(o.clip > 0, "--clip must be positive, but is " + std::to_string(o.clip));
  require(o.adversarial.weight >= 0 && std::isfinite(o.adversarial.weight),
          "--adversarial must not be negative, but is " + std::to_string(o.adversarial.weight));
  require(o.adversarial.weight == 0 || o.objective.name == "phased",
          "--adversarial belongs to phased distillation, but the objective is " + o.objective.name);
  require(o.adversarial.weight > 0 || (o.real == "target" && o.adversarial.take_turns),
          "--adversarial-real and --adversarial-together belong to the adversarial term, but --adversarial is 0");
  require(o.minutes >= 0, "--minutes must not be negative, but is " + std::to_string(o.minutes));
  for (const auto& [name, part] :
       {std::pair("--drop-class", o.batch.drop_class), std::pair("--augment", o.batch.augment),
        std::pair("--average", o.average), std::pair("--target-rate", o.target_rate)})
    require(part >= 0 && part <= 1, std::string(name) + " must lie in [0, 1], but is " + std::to_string(part));
}

/// What the trained network predicts, if the one that it starts from predicts `before`. Throws std::invalid_argument if
/// it is to change in distillation, whose student starts as its teacher.
inline fewstep::prediction predicted_by(const training_options& o, fewstep::prediction before)
{
  using fewstep::prediction;
  if (o.predict.empty() || o.predict == fewstep::name_of(before)) return before;
  require(o.objective.name == "denoising" || o.from_scratch,
          "--predict must be what --init does, " + std::string(fewstep::name_of(before)) +
              ", unless the objective is denoising, but is " + o.predict);
  return o.predict == "velocity" ? prediction::velocity : o.predict == "noise" ? prediction::noise : prediction::data;
}

/// What must be the same when a run goes on.
inline fewstep::safetensors_metadata notes_of(const training_options& o)
{
  const auto text = [](double number) { return fewstep::json::write(number); };
  return {{"--objective", o.objective.name},
          {"--predict", o.predict},
          {"--bfloat16", o.bfloat16 ? "yes" : "no"},
          {"--times", std::to_string(o.objective.times)},
          {"--skip", std::to_string(o.objective.skip)},
          {"--phases", std::to_string(o.objective.phases)},
          {"--solver", o.objective.solver},
          {"--metric", o.objective.metric},
          {"--guidance", text(o.objective.guidance)},
          {"--clipped", o.objective.clipped ? "yes" : "no"},
          {"--adversarial", text(o.adversarial.weight)},
          {"--adversarial-start", std::to_string(o.adversarial.start)},
          {"--adversarial-warm-up", std::to_string(o.adversarial.warm_up)},
          {"--adversarial-real", o.real},
          {"--adversarial-together", o.adversarial.take_turns ? "no" : "yes"},
          {"--target-rate", text(o.target_rate)},
          {"--steps", std::to_string(o.objective.steps)},
          {"--images", std::to_string(o.images)},
          {"--augment", text(o.batch.augment)},
          {"--drop-class", text(o.batch.drop_class)},
          {"--batch", std::to_string(o.batch.size)},
          {"--rate", text(o.rate)},
          {"--cosine", o.cosine ? "yes" : "no"},
          {"--warm-up", std::to_string(o.warm_up)},
          {"--decay", text(o.decay)},
          {"--clip", text(o.clip)},
          {"--average", text(o.average)},
          {"--log-every", std::to_string(o.log_every)},
          {"--seed", std::to_string(o.batch.seed)}};
}

}  // namespace examples
