/// @file
/// Everything that training changes, stored and read back bit for bit.
#pragma once

#include "feature_heads.hpp"
#include "notes.hpp"
#include "optimizer_state.hpp"
#include "tensor_file.hpp"
#include "training_options.hpp"
#include "unet2d_torch.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/nn/blueprint.hpp"
#include "fewstep/train/average.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/optim/adamw.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace examples {

inline std::vector<at::Tensor> parameters_of(const unet2d_torch& net)
{
  return net.parameters();
}

/// Handles to the parameters of a module and to what its optimiser remembers of them.
template <class Module>
void add_learner(named_tensors& to, const std::string& prefix, const Module& module, torch::optim::AdamW& optimizer)
{
  const std::size_t first = to.size();
  add_parameters(to, prefix, module);
  const auto moments = states_of(optimizer);
  for (std::size_t i = 0; i < moments.size(); ++i) {
    const std::string name = to[first + i].first;
    to.emplace_back("first." + name, moments[i]->exp_avg());
    to.emplace_back("second." + name, moments[i]->exp_avg_sq());
  }
}

/// The heads of a discriminator and their optimiser. They live where the teacher does.
struct discriminator {
  discriminator(unet2d_torch& teacher, double rate, const at::Device& device) :
      heads(teacher, at::zeros({1, 1, sprite_side, sprite_side}, device),
            at::zeros({1}, at::TensorOptions(device).dtype(at::kLong))),
      optimizer(heads.parameters(), torch::optim::AdamWOptions(rate).weight_decay(0).betas({0, 0.999}))
  {
  }

  feature_heads heads;
  torch::optim::AdamW optimizer;
};

/// Everything that training changes.
struct training_state {
  training_state(const fewstep::nn::blueprint& design, const training_options& o, const at::Device& device) :
      student(design),
      average(design),
      target(design),
      optimizer(parameters_of(student), torch::optim::AdamWOptions(o.rate).weight_decay(o.decay))
  {
    for (unet2d_torch* net : {&student, &average, &target}) net->to(device);  // keeps the optimiser's handles
    follow();
  }

  /// Average and target become the student.
  void follow()
  {
    auto a = parameters_of(average), t = parameters_of(target);
    train::update_average(a, parameters_of(student), 0);
    train::update_average(t, parameters_of(student), 0);
  }

  /// Handles to all of it.
  named_tensors tensors()
  {
    named_tensors all;
    add_learner(all, "weights.", student, optimizer);
    add_parameters(all, "average.", average);
    add_parameters(all, "target.", target);
    if (judge) add_learner(all, "heads.", judge->heads, judge->optimizer);
    return all;
  }

  unet2d_torch student, average, target;
  torch::optim::AdamW optimizer;
  std::optional<discriminator> judge{};
  std::size_t step = 0;  ///< steps that are done
  double seconds = 0;    ///< that they took
  double loss_sum = 0;   ///< since the last line of the log
  std::string log{"step,loss\n"};
};

/// How many steps an optimiser has taken.
inline std::int64_t steps_of(torch::optim::AdamW& optimizer)
{
  return states_of(optimizer).front()->step();
}

inline void set_steps(torch::optim::AdamW& optimizer, const std::string& steps)
{
  for (auto* moments : states_of(optimizer)) moments->step(std::stol(steps));
}

inline void write_state(const std::filesystem::path& path, training_state& state, const training_options& o)
{
  fewstep::safetensors_metadata notes = notes_of(o);
  notes.emplace_back("step", std::to_string(state.step));
  notes.emplace_back("student_steps", std::to_string(steps_of(state.optimizer)));
  if (state.judge) notes.emplace_back("judge_steps", std::to_string(steps_of(state.judge->optimizer)));
  notes.emplace_back("seconds", fewstep::json::write(state.seconds));
  notes.emplace_back("loss_sum", fewstep::json::write(state.loss_sum));
  notes.emplace_back("log", state.log);
  write_tensors(path, state.tensors(), notes);
}

inline void read_state(const std::filesystem::path& path, training_state& state, const training_options& o)
{
  const auto file = fewstep::safetensors_file::open(path);
  require_notes(path, file.metadata(), notes_of(o));
  const auto note = [&](const std::string& name) {
    for (const auto& [key, value] : file.metadata())
      if (key == name) return value;
    throw std::runtime_error(path.string() + ": is no state of a run: it lacks \"" + name + "\"");
  };
  read_tensors(file, state.tensors());
  state.step = std::stoul(note("step"));
  set_steps(state.optimizer, note("student_steps"));
  if (state.judge) set_steps(state.judge->optimizer, note("judge_steps"));
  state.seconds = std::stod(note("seconds"));
  state.loss_sum = std::stod(note("loss_sum"));
  state.log = note("log");
}

}  // namespace examples
