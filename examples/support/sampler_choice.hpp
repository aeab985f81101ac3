/// @file
/// The samplers that programs offer by name, with the grids that they run on.
#pragma once

#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/plan/plan.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace examples {

/// A sampler of some steps.
struct sampler_choice {
  std::string name = "ddim", spacing = "trailing";
  std::size_t steps = 20;
  double eta = 0;
  std::size_t phase_times = 20;     ///< that a phased network was trained on
  std::vector<double> times{};      ///< of consistency sampling; without them those of the checkpoint's file
  std::filesystem::path moments{};  ///< for analytic samplers, and spacings that are optimal or a blend
  std::string estimator = "best";   ///< whose errors of the moments count
  double blend = 0.5;               ///< share of the optimal spacing in a blend
  bool repair = false;              ///< moments by isotonic regression
  std::optional<double> pixels{};   ///< that the last noise of an analytic sampler is held to; 0 is off
};

void declare(CLI::App& app, sampler_choice& o);

/// Whether data and direction are clipped apart, as the official code of these samplers has it.
bool keeps_direction(const sampler_choice& o);

/// What a consistency model's file says. Throws std::invalid_argument if the checkpoint is none.
const fewstep::lcm_scheduler& consistency_of(const fewstep::scheduler_config& config);

/// How a consistency model's network is scaled, none for samplers of other networks. Throws std::invalid_argument if
/// the checkpoint is none.
std::optional<fewstep::lcm_scaling> boundary_of(const sampler_choice& o, const fewstep::scheduler_config& config);

/// The plan for a checkpoint with that scheduler. Throws std::invalid_argument or std::runtime_error if options
/// contradict one another, or if moments are needed and not given, given in vain, or those of another schedule.
fewstep::sampling_plan plan_of(const sampler_choice& o, const fewstep::scheduler_config& config);

}  // namespace examples
