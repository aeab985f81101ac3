// Trains and distils the digits' network with LibTorch: sprites in, a checkpoint folder out. A run that was killed goes
// on with --resume and ends with the same bits.
//
//     train_digits --objective phased --phases 4 --teacher models/fontdigits-ddpm --steps 20000 --out build/phased-4
#include <ATen/core/ivalue.h>  // before ATen/ops: clang++ refuses LibTorch 1.13 otherwise

#include "support/bfloat16.hpp"
#include "support/checkpoint_writer.hpp"
#include "support/picture.hpp"
#include "support/program.hpp"
#include "support/reference_outputs.hpp"
#include "support/sprites.hpp"
#include "support/student.hpp"
#include "support/tensor_file.hpp"
#include "support/training_batch.hpp"
#include "support/training_options.hpp"
#include "support/training_state.hpp"
#include "support/training_step.hpp"
#include "support/unet2d_torch.hpp"

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/nn/unet2d_config.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/train/average.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace train = fewstep::train;
using examples::unet2d_torch;

void declare(CLI::App& app, examples::training_options& o)
{
  app.option_defaults()->always_capture_default();
  app.add_option("--objective", o.objective.name, "what is learnt")
      ->check(CLI::IsMember({"denoising", "consistency", "consistency-training", "phased"}));
  app.add_option("--predict", o.predict, "what the network predicts; without it what --init does")
      ->check(CLI::IsMember({"noise", "data", "velocity"}));
  app.add_option("--init", o.init, "checkpoint folder whose architecture and weights the network starts with");
  app.add_flag("--from-scratch", o.from_scratch, "start with random weights");
  app.add_option("--teacher", o.teacher, "checkpoint folder to distil; without it that of --init");
  app.add_option("--out", o.out, "folder for the checkpoint and the state of the run")->required();
  app.add_flag("--resume", o.resume, "go on with the run in --out; the other options must be those it was made with");
  app.add_option("--data", o.data, "folder of the sheets");
  app.add_option("--images", o.images, "so many of its sprites, 0 for all");
  app.add_option("--augment", o.batch.augment, "strength of random moves, turns, scales and strokes; 0 is none");
  app.add_option("--drop-class", o.batch.drop_class, "part of the images that are shown without their class");
  app.add_option("--times", o.objective.times, "training times of a student");
  app.add_option("--skip", o.objective.skip, "times of the table that the solver steps over; 0 is one training time");
  app.add_option("--phases", o.objective.phases, "of phased distillation");
  app.add_option("--solver", o.objective.solver, "the teacher's")->check(CLI::IsMember({"ddim", "heun"}));
  app.add_option(
         "--metric", o.objective.metric,
         "by which student and target are compared; without it pseudo-huber in consistency-training, else huber")
      ->check(CLI::IsMember({"huber", "l2", "l1", "pseudo-huber", "features"}));
  app.add_option("--classifier", o.classifier, "folder of the classifier by whose features --metric features compares");
  app.add_option("--guidance", o.objective.guidance,
                 "scale by which the teacher's solver is augmented, or that denoising builds in; 1 is none");
  app.add_flag("--clipped", o.objective.clipped, "hold the data that a student and its teacher predict in [-1, 1]");
  app.add_option("--adversarial", o.adversarial.weight,
                 "weight of the adversarial term of phased distillation; its paper has 0.1, 0 is none");
  app.add_option("--adversarial-start", o.adversarial.start, "steps before it begins");
  app.add_option("--adversarial-warm-up", o.adversarial.warm_up, "steps of the discriminator alone, then of its rise");
  app.add_option("--adversarial-real", o.real,
                 "what the discriminator takes for real: where the target lands, as in the paper, or data")
      ->check(CLI::IsMember({"target", "data"}));
  app.add_flag("--adversarial-together{false}", o.adversarial.take_turns,
               "train student and discriminator at every step, not in turns");
  app.add_option("--target-rate", o.target_rate, "of the average that is the target of consistency distillation");
  app.add_option("--steps", o.objective.steps, "of training in all");
  app.add_option("--batch", o.batch.size, "images a step");
  app.add_option("--rate", o.rate, "learning rate");
  app.add_flag("--cosine", o.cosine, "let the rate fall to 0 as a cosine");
  app.add_option("--warm-up", o.warm_up, "steps over which the rate rises");
  app.add_option("--decay", o.decay, "weight decay");
  app.add_option("--clip", o.clip, "largest norm of a gradient");
  app.add_option("--average", o.average, "rate of the average of weights that is saved and sampled");
  app.add_option("--seed", o.batch.seed, "image k of the run depends on seed and k alone");
  app.add_option("--threads", o.threads, "cores to use");
  app.add_option("--device", o.device, "LibTorch's name of the device that computes: cpu, cuda, cuda:1");
  app.add_flag("--half", o.half, "store the checkpoint's weights in half precision");
  app.add_flag("--bfloat16", o.bfloat16, "multiply and convolve in bfloat16; weights, losses and sums stay float");
  app.add_option("--save-every", o.save_every, "steps between two saves, of state, checkpoint and preview");
  app.add_option("--preview", o.preview, "rows of the ten digits in the preview; 0 is none");
  app.add_option("--log-every", o.log_every, "steps whose mean loss is a line of losses.csv");
  app.add_option("--minutes", o.minutes, "save and stop after so many; 0 is no limit");
}

/// A checkpoint's files, read.
struct checkpoint {
  fewstep::diffusers_folder files;
  fewstep::nn::blueprint design;
  fewstep::scheduler_config scheduler;
};

checkpoint open_checkpoint(const fs::path& folder)
{
  fewstep::diffusers_folder files = fewstep::open_diffusers(folder);
  if (!files.scheduler_config) throw std::runtime_error(folder.string() + ": has no scheduler/scheduler_config.json");
  auto design =
      fewstep::nn::read_blueprint(fewstep::json::read_file(files.unet_config), files.unet_config.string()).design;
  auto scheduler = fewstep::read_scheduler_config(*files.scheduler_config);
  return {std::move(files), std::move(design), std::move(scheduler)};
}

/// Throws std::invalid_argument unless the network fits the sprites and their classes.
void require_digits(const checkpoint& of, const fs::path& folder)
{
  const auto& d = of.design;
  examples::require(d.in_channels == 1 && d.out_channels == 1 && d.classes == 11u,
                    folder.string() +
                        ": the digits' network has one channel and 11 classes, the last for none, but this one has " +
                        std::to_string(d.in_channels) + " and " + std::to_string(d.classes.value_or(0)));
}

/// Throws std::invalid_argument unless a teacher is of the student's kind.
void require_same_kind(const checkpoint& teacher, const checkpoint& student, const fs::path& folder)
{
  examples::require(
      teacher.design == student.design,
      folder.string() + ": the teacher must have the architecture of --init, but its unet/config.json differs");
  examples::require(teacher.scheduler.predicts == student.scheduler.predicts,
                    folder.string() + ": the teacher must predict what --init does, " +
                        std::string(fewstep::name_of(student.scheduler.predicts)) + ", but predicts " +
                        std::string(fewstep::name_of(teacher.scheduler.predicts)));
}

/// The device of that name. Throws std::invalid_argument if there is none.
at::Device device_of(const std::string& name)
{
  try {
    const at::Device device(name);
    at::empty({1}, device);
    return device;
  } catch (const std::exception&) {
    throw std::invalid_argument("--device must name a device that this LibTorch computes on, but is " + name);
  }
}

/// Rows of the ten digits, drawn with the averaged weights from the same noise each time.
fewstep::nn::images preview(std::size_t rows, examples::training_state& state, const examples::objective& objective,
                            fewstep::prediction predicts, const at::Device& device)
{
  const c10::NoGradGuard no_gradients;
  const std::size_t images = 10 * rows;
  const auto count = static_cast<std::int64_t>(images);
  at::Tensor labels = at::empty({count}, at::kLong);
  for (std::int64_t k = 0; k < count; ++k) labels.data_ptr<std::int64_t>()[k] = k % 10;
  labels = labels.to(device);
  const auto network = [&](const at::Tensor& x, const fewstep::evaluation& at) {
    return state.average.forward(x, at::full({count}, at.t, at::kDouble), labels);
  };
  const auto data = fewstep::converted(network, predicts, fewstep::prediction::data);
  const fewstep::philox_noise noise{.seed = 7, .samples = images};
  const at::Tensor start = noise.start(at::zeros({count, 1, examples::sprite_side, examples::sprite_side}, device));
  const auto drawn = [&](const auto& denoise) { return fewstep::sample(objective.plan(), start, denoise, noise); };
  const at::Tensor x = objective.is_consistency()
                           ? drawn(fewstep::clipped(fewstep::preconditioned(data, fewstep::lcm_scaling{})))
                           : drawn(fewstep::clipped(data));
  fewstep::nn::images out{images, 1, examples::sprite_side, examples::sprite_side};
  std::copy_n(x.cpu().contiguous().data_ptr<float>(), out.size(), out.data());
  return out;
}

/// The class of diffusers that samples the result.
fewstep::json::object scheduler_of(const examples::training_options& o, const checkpoint& init,
                                   fewstep::prediction predicts)
{
  using fewstep::json::object;
  const auto scheduler = [&](std::string_view name, object options) {
    return examples::scheduler_file(name, *init.files.scheduler_config, predicts, std::move(options));
  };
  if (o.objective.name == "denoising")
    return scheduler("DDPMScheduler", object{{"variance_type", "fixed_small"},
                                             {"clip_sample", true},
                                             {"clip_sample_range", 1.0},
                                             {"timestep_spacing", "leading"},
                                             {"steps_offset", 0}});
  if (o.objective.name == "phased")
    return scheduler("DDIMScheduler", object{{"clip_sample", false},
                                             {"set_alpha_to_one", false},
                                             {"timestep_spacing", "trailing"},
                                             {"steps_offset", 0}});
  return scheduler("LCMScheduler", object{{"original_inference_steps", o.objective.times},
                                          {"timestep_scaling", 10.0},
                                          {"clip_sample", true},
                                          {"clip_sample_range", 1.0},
                                          {"timestep_spacing", "leading"},
                                          {"steps_offset", 0}});
}

/// The network on the processor with the weights as they are stored, and these.
std::pair<std::unique_ptr<unet2d_torch>, examples::named_tensors> shipped(const unet2d_torch& trained,
                                                                          const fewstep::nn::blueprint& design,
                                                                          bool half)
{
  const c10::NoGradGuard no_gradients;
  auto net = std::make_unique<unet2d_torch>(design);
  examples::named_tensors weights, own;
  add_parameters(weights, "", trained), add_parameters(own, "", *net);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    at::Tensor& weight = weights[i].second;
    weight = weight.detach().to(at::kCPU);
    if (half) weight = weight.to(at::kHalf);
    own[i].second.copy_(weight);
  }
  return {std::move(net), std::move(weights)};
}

/// The model card.
std::string card_of(const examples::training_options& o, const examples::training_state& state,
                    const std::string& command)
{
  const auto fixed = [](double number, int digits) {
    std::string text(32, '\0');
    text.resize(static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.*f", digits, number)));
    return text;
  };
  std::string card = "# " + fs::weakly_canonical(o.out).filename().string() + "\n\n";
  card += "A digit network trained with the objective \"" + o.objective.name + "\" from " +
          (o.from_scratch ? std::string("random weights") : o.init.generic_string()) + ".\n\n";
  card += "    " + command + "\n\n| | |\n|---|---|\n";
  card += "| data | " + o.data.generic_string() + " |\n";
  card += "| steps | " + std::to_string(state.step) + " of " + std::to_string(o.objective.steps) + " |\n";
  card += "| images seen | " + std::to_string(state.step * o.batch.size) + " |\n";
  card += "| time | " + fixed(state.seconds / 60, 1) + " minutes on " +
          (o.device == "cpu" ? std::to_string(o.threads) + " threads" : o.device) + " |\n";
  if (o.objective.name == "phased") card += "| phases | " + std::to_string(o.objective.phases) + " |\n";
  card += "| weights | average of rate " + fixed(o.average, 6) + " |\n\n";
  card += "`plan.json` is the plan that it is sampled by. Losses, as means over " + std::to_string(o.log_every) +
          " steps, every tenth of the run and the last:\n\n| step | loss |\n|---|---|\n";
  std::vector<std::string> lines;
  for (std::size_t begin = state.log.find('\n') + 1, end; (end = state.log.find('\n', begin)) != std::string::npos;
       begin = end + 1)
    lines.push_back(state.log.substr(begin, end - begin));
  const std::size_t stride = std::max<std::size_t>(1, lines.size() / 10);
  for (std::size_t k = 0; k < lines.size(); ++k)
    if (k % stride == 0 || k + 1 == lines.size()) {
      const std::size_t comma = lines[k].find(',');
      card += "| " + lines[k].substr(0, comma) + " | " + lines[k].substr(comma + 1) + " |\n";
    }
  return card;
}

/// Set by the signals that ask a program to end.
volatile std::sig_atomic_t asked_to_stop = 0;

void train_network(const examples::training_options& o, const std::string& command)
{
  examples::check(o);
  const at::Device device = device_of(o.device);
  at::set_num_threads(o.threads);
  at::manual_seed(o.batch.seed);  // of weights that begin at random
  const fs::path state_file = o.out / "state.safetensors";
  if (!o.resume && fs::exists(state_file))
    throw std::invalid_argument(state_file.string() +
                                ": a run is there already; go on with --resume, or choose another --out");

  const checkpoint init = open_checkpoint(o.init);
  require_digits(init, o.init);
  const fewstep::prediction predicts = examples::predicted_by(o, init.scheduler.predicts);
  const examples::objective objective(
      o.objective, fewstep::table_of(init.scheduler), predicts,
      examples::metric_of(examples::metric_name(o.objective), examples::sprite_side * examples::sprite_side,
                          o.classifier, device));
  const examples::labelled_images data = examples::read_sprites(o.data, examples::train_sprites, o.images);

  examples::training_state state(init.design, o, device);
  if (!o.from_scratch) load(state.student, fewstep::safetensors_file::open(init.files.unet_weights));
  state.follow();
  std::optional<unet2d_torch> teacher;
  if (objective.needs_teacher()) {
    const fs::path folder = o.teacher.empty() ? o.init : o.teacher;
    const checkpoint from = open_checkpoint(folder);
    require_same_kind(from, init, folder);
    teacher.emplace(from.design);
    load(*teacher, fewstep::safetensors_file::open(from.files.unet_weights));
    teacher->to(device);
    for (at::Tensor& weight : teacher->parameters()) weight.requires_grad_(false);
    if (o.adversarial.weight > 0) state.judge.emplace(*teacher, o.rate, device);
  } else if (!o.teacher.empty()) {
    throw std::invalid_argument("--teacher was given, but " + o.objective.name + " has none");
  }
  fs::create_directories(o.out);
  if (o.resume) examples::read_state(state_file, state, o);

  const auto save = [&] {
    examples::write_state(state_file, state, o);
    auto [net, weights] = shipped(state.average, init.design, o.half);
    examples::write_checkpoint(
        o.out, {.unet_config = init.files.unet_config,
                .scheduler = scheduler_of(o, init, predicts),
                .plan = objective.plan(),
                .weights = weights,
                .reference = examples::reference_outputs(*net, fewstep::table_of(init.scheduler), predicts),
                .card = card_of(o, state, command)});
    examples::detail::write_text(o.out / "losses.csv", state.log);
    if (o.preview > 0)
      examples::write_png(o.out / "preview.png",
                          examples::tiled(preview(o.preview, state, objective, predicts, device), 10));
  };

  std::signal(SIGINT, [](int) { asked_to_stop = 1; });
  std::signal(SIGTERM, [](int) { asked_to_stop = 1; });
  if (state.step == o.objective.steps) save();  // it may be asked for in another form
  const examples::stopwatch watch;
  const double seconds_before = state.seconds;
  const std::size_t first = state.step;
  examples::progress_bar bar(o.objective.steps, "steps");
  const auto parameters = examples::parameters_of(state.student);
  auto average = examples::parameters_of(state.average), target = examples::parameters_of(state.target);
  while (state.step < o.objective.steps) {
    const std::size_t k = state.step;
    const examples::training_batch batch = examples::batch_at(k, data, o.batch, device);
    const auto [value, norm] = [&] {
      const examples::bfloat16_scope half(o.bfloat16, device);
      return examples::learn(o, state, objective, teacher, k, batch);
    }();
    if (!std::isfinite(value) || !std::isfinite(norm)) {
      save();
      throw std::runtime_error("the loss or its gradient is not finite at step " + std::to_string(k + 1) +
                               "; what was learnt before is saved in " + o.out.string());
    }
    const double done = static_cast<double>(k);
    if (o.adversarial.weight == 0 || train::trains_student(o.adversarial, k))
      train::update_average(average, parameters, std::min(o.average, (1 + done) / (10 + done)));
    if (objective.has_target()) train::update_average(target, parameters, o.target_rate);
    ++state.step;
    state.loss_sum += value;
    state.seconds = seconds_before + watch.seconds();
    if (state.step % o.log_every == 0)
      state.log += std::to_string(state.step) + "," +
                   fewstep::json::write(std::exchange(state.loss_sum, 0) / static_cast<double>(o.log_every)) + "\n";
    const double speed = static_cast<double>((state.step - first) * o.batch.size) / watch.seconds();
    char note[64];
    std::snprintf(note, sizeof note, "loss %.5f, %.0f images/s", value, speed);
    bar.show(state.step, note);
    const bool stop = asked_to_stop != 0 || (o.minutes > 0 && watch.seconds() > 60 * o.minutes);
    if (state.step % o.save_every == 0 || state.step == o.objective.steps || stop) save();
    if (stop) break;
  }
  std::printf("%s: %zu of %zu steps, %.1f images per second\n", o.out.string().c_str(), state.step, o.objective.steps,
              static_cast<double>((state.step - first) * o.batch.size) / watch.seconds());
}

}  // namespace

int main(int argc, char** argv)
{
  examples::training_options chosen;
  std::string command = "train_digits";
  for (int k = 1; k < argc; ++k)
    if (std::string(argv[k]) != "--resume") command += std::string(" ") + argv[k];
  const examples::program_title title{"train_digits", "Trains and distils the digits' network."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_program(title, argc, argv, options_of, [&] { train_network(chosen, command); });
}
