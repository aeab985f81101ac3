/// @file
/// Runs of samplers, tables and losses, by the repository whose code made them.
#pragma once

#include "golden.hpp"
#include "report.hpp"

namespace conformance {

/// Schedulers of diffusers, and of repositories that use or derive them: config.scheduler names the class.
outcome check_diffusers(const sampler_case& golden);

outcome check_k_diffusion(const sampler_case& golden);
outcome check_edm(const sampler_case& golden);
outcome check_consistency_models(const sampler_case& golden);
outcome check_pcm(const sampler_case& golden);
outcome check_lcm(const sampler_case& golden);

/// Samplers, trajectories, dynamic programs and terms of the bound of the official Analytic-DPM code.
outcome check_analytic_dpm(const sampler_case& golden);

/// A table of one step of a solver from each training time, and to the edge of its phase (PCM's and LCM's training
/// code).
outcome check_solver(const sampler_case& golden);

/// Objectives of the code of consistency models, and its schedules.
outcome check_training(const sampler_case& golden);

/// One step of the distillation scripts of LCM and of PCM, from the noise to the loss.
outcome check_distillation(const sampler_case& golden);

/// The case as the family that it names. Throws unsupported for families that are not known.
outcome check_sampler(const sampler_case& golden);

}  // namespace conformance
