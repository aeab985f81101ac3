/// @file
/// diffusers' scheduler_config.json as a sampler: the plan of n steps, what the network predicts, how its input is
/// scaled, how its data is held in bounds, and how much noise a run starts from.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler/common.hpp"
#include "fewstep/io/scheduler/consistency.hpp"
#include "fewstep/io/scheduler/ddim.hpp"
#include "fewstep/io/scheduler/dpm_solver.hpp"
#include "fewstep/io/scheduler/edm.hpp"
#include "fewstep/io/scheduler/euler.hpp"
#include "fewstep/io/scheduler/flow.hpp"
#include "fewstep/io/scheduler/pndm.hpp"
#include "fewstep/io/scheduler/table.hpp"
#include "fewstep/io/scheduler/unipc.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace fewstep {

/// A scheduler of diffusers, by the class that its file names.
using scheduler = std::variant<ddim_scheduler, ddpm_scheduler, pndm_scheduler, euler_scheduler, dpm_solver_scheduler,
                               unipc_scheduler, lcm_scheduler, tcd_scheduler, consistency_scheduler,
                               edm_euler_scheduler, edm_dpm_solver_scheduler, flow_scheduler>;

/// What a scheduler's file says.
struct scheduler_config {
  scheduler method;
  prediction predicts = prediction::noise;  ///< by the network
  std::optional<data_bounds> bounds{};      ///< of the predicted data
  std::vector<std::string> unused{};        ///< keys of the file that mean nothing here
};

namespace detail {

/// Method, prediction and bounds of the class that the file names.
inline scheduler_config read_class(json::object_reader& file)
{
  using config = scheduler_config;
  using input = json::object_reader;
  // clang-format off
  const auto read = file.one_of<config (*)(input&)>("_class_name", {
      {"DDIMScheduler", [](input& f) { return config{read_ddim(f), read_prediction(f), read_bounds(f, true)}; }},
      {"DDPMScheduler", [](input& f) { return config{read_ddpm(f), read_prediction(f), read_bounds(f, true)}; }},
      {"PNDMScheduler", [](input& f) { return config{read_pndm(f), read_noise_or_velocity(f)}; }},
      {"EulerDiscreteScheduler", [](input& f) { return config{read_euler(f, read_prediction(f)), read_prediction(f)}; }},
      {"EulerAncestralDiscreteScheduler",
       [](input& f) { return config{read_euler_ancestral(f), read_noise_or_velocity(f)}; }},
      {"HeunDiscreteScheduler", [](input& f) { return config{read_heun(f), read_prediction(f), read_clip(f, false)}; }},
      {"DPMSolverMultistepScheduler",
       [](input& f) { return config{read_dpm_solver(f), read_prediction(f), read_threshold(f)}; }},
      {"UniPCMultistepScheduler", [](input& f) { return config{read_unipc(f), read_prediction(f), read_threshold(f)}; }},
      {"LCMScheduler", [](input& f) { return config{read_lcm(f), read_prediction(f), read_bounds(f, false)}; }},
      {"TCDScheduler", [](input& f) { return config{read_tcd(f), read_prediction(f)}; }},
      {"CMStochasticIterativeScheduler",
       [](input& f) { return config{read_consistency(f), prediction::data, read_clip_denoised(f)}; }},
      {"EDMEulerScheduler", [](input& f) { return config{read_edm_euler(f), read_noise_or_velocity(f)}; }},
      {"EDMDPMSolverMultistepScheduler",
       [](input& f) { return config{read_edm_dpm_solver(f), read_noise_or_velocity(f), read_threshold(f)}; }},
      {"FlowMatchEulerDiscreteScheduler", [](input& f) { return config{read_flow(f), prediction::flow}; }}});
  // clang-format on
  return read(file);
}

inline const vp_table* find_table(const scheduler& method)
{
  return std::visit(
      [](const auto& s) -> const vp_table* {
        if constexpr (requires { s.table.data_level(); })
          return &s.table;
        else if constexpr (requires { s.times.table; })
          return &s.times.table;
        else if constexpr (requires { s.grid.times.table; })
          return &s.grid.times.table;
        else
          return nullptr;
      },
      method);
}

}  // namespace detail

/// Reads the file of one of the classes that `scheduler` lists; defaults are those of diffusers. Throws
/// std::runtime_error, naming the key, on a value that is unknown or no value, on options that are not known here and
/// change the sampler, and on a schedule that is none.
inline scheduler_config read_scheduler_config(json::object_reader file)
{
  file.ignore("_diffusers_version");
  scheduler_config config = detail::read_class(file);
  config.unused = file.unused();
  return config;
}

/// The same from a file, which may hold infinities as Python writes them.
inline scheduler_config read_scheduler_config(const std::filesystem::path& path)
{
  return read_scheduler_config(json::read_object(path, {.non_finite = true}));
}

/// The VP table that the network was trained on. Throws std::invalid_argument for EDM, consistency models and flows,
/// which have none.
inline vp_table table_of(const scheduler_config& config)
{
  if (const vp_table* table = detail::find_table(config.method)) return *table;
  throw std::invalid_argument("the scheduler of this checkpoint has no table of noise levels");
}

/// The plan that the scheduler runs for n steps. The default is right where diffusers is known to be off; with
/// `diffusers_compatible` it is theirs, level by level:
///
///   - DDIM, DDPM, PNDM: steps go to t - floor(T / n) whatever the next time is; the default goes to the next time.
///   - trailing times: one too many, -1, for some n; the default has n.
///   - Euler with log-linear sigmas ends at the smallest, not at 0, and tells the network other times; the default
///     tells the times of the sigmas and ends at the data. With churn the network does not see the added noise.
///   - DPM-Solver of order 3 counts the second derivative half. Karras' sigmas: the network is told rounded times.
///   - A run that ends at sigma_min on a grid that holds it evaluates the network there once for nothing.
///   - Flows: the last step starts at the table's first time, shifted twice.
///
/// Throws std::invalid_argument if the schedule has not so many steps, or on options out of range.
inline sampling_plan plan_of(const scheduler_config& config, std::size_t steps, const scheduler_options& options = {})
{
  const plan_request request{options, config.predicts};
  return std::visit([&](const auto& method) { return plan_of(method, steps, request); }, config.method);
}

/// The plan along times of one's own; each step goes to the next, the last to the end that the file names. A time is an
/// index of the table; a sigma for EDM; s for flows; an index of the grid, falling, for consistency models, which
/// diffusers reads from its end: 22, 0 visits the noisiest level and then number 22. Throws std::invalid_argument if
/// the noise does not fall or a time lies outside.
inline sampling_plan plan_of(const scheduler_config& config, const std::vector<double>& times,
                             const scheduler_options& options = {})
{
  const plan_request request{options, config.predicts};
  return std::visit([&](const auto& method) { return plan_at(method, times, request); }, config.method);
}

/// The deviation of the normal numbers from which diffusers starts the plan (init_noise_sigma): 1 but in coordinates
/// where alpha is 1. There it is sigma, or sqrt(sigma^2 + 1) where data of variance 1 are reckoned in: for EDM, and
/// for the Euler family under leading times.
inline double start_deviation(const scheduler_config& config, const sampling_plan& plan)
{
  const double sigma = plan.start.sigma;
  if (std::holds_alternative<consistency_scheduler>(config.method)) return sigma;
  if (const auto* euler = std::get_if<euler_scheduler>(&config.method))
    return euler->grid.times.spacing == time_spacing::leading ? std::hypot(sigma, 1.0) : sigma;
  const bool edm = std::holds_alternative<edm_euler_scheduler>(config.method) ||
                   std::holds_alternative<edm_dpm_solver_scheduler>(config.method);
  return edm ? std::hypot(sigma, 1.0) : 1.0;
}

}  // namespace fewstep
