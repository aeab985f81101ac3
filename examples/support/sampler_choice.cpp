#include "support/sampler_choice.hpp"

#include "fewstep/fewstep.hpp"
#include "fewstep/plan/analytic.hpp"
#include "fewstep/plan/noise_clip.hpp"
#include "fewstep/search/trajectory.hpp"
#include "support/moments_file.hpp"

#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

namespace examples {

namespace {

bool is_analytic(const sampler_choice& o)
{
  return o.name.starts_with("analytic-");
}

/// The moments that a choice asks for, none if it does not. Throws std::invalid_argument if they are not given, or
/// given in vain; and as `open_moments` does.
std::optional<chosen_moments> moments_of(const sampler_choice& o, const fewstep::vp_table& schedule)
{
  const bool by_spacing = o.spacing == "optimal" || o.spacing == "blend";
  const std::string who = by_spacing ? "the spacing " + o.spacing : "the sampler " + o.name;
  if (!by_spacing && !is_analytic(o)) {
    if (o.repair) throw std::invalid_argument(who + " has no moments to repair");
    if (o.moments.empty()) return {};
    throw std::invalid_argument(who + " has no use for the moments " + o.moments.string());
  }
  if (o.moments.empty()) throw std::invalid_argument(who + " needs --moments, a file that the program moments writes");
  return choose_errors(o.moments, open_moments(o.moments, fewstep::levels_of(schedule)), o.estimator, o.repair);
}

std::vector<fewstep::noise_level> grid_of(const sampler_choice& o, const fewstep::vp_table& schedule,
                                          const std::optional<chosen_moments>& moments)
{
  if (o.spacing == "leading") return fewstep::leading(schedule, o.steps);
  if (o.spacing == "linspace") return fewstep::linspace(schedule, o.steps);
  if (o.spacing == "quadratic") return fewstep::quadratic(schedule, o.steps);
  if (o.spacing == "karras") return fewstep::karras(schedule, o.steps);
  if (o.spacing == "even") return fewstep::even_grid(schedule, o.steps);
  if (o.spacing == "trailing") return fewstep::trailing(schedule, o.steps);
  const auto& [table, estimator] = moments.value();
  const fewstep::trajectory_options goal{.estimator = estimator};
  if (o.spacing == "optimal") return fewstep::optimal_grid(schedule, table, o.steps, goal);
  return fewstep::blended_grid(schedule, table, o.steps, o.blend, goal);
}

std::optional<fewstep::data_range> range_of(const fewstep::scheduler_config& config)
{
  if (!config.bounds) return {};
  return fewstep::data_range{-config.bounds->limit, config.bounds->limit};
}

std::optional<fewstep::pixel_clip> clip_of(double pixels, const fewstep::scheduler_config& config)
{
  if (pixels == 0) return {};
  return fewstep::pixel_clip{.pixels = pixels, .range = range_of(config).value_or(fewstep::data_range{})};
}

}  // namespace

void declare(CLI::App& app, sampler_choice& o)
{
  app.add_option(
         "--sampler", o.name,
         "ddpm has the checkpoint's variance; consistency and phased are for networks distilled for them, phased "
         "with a step for each phase")
      ->check(CLI::IsMember({"ddim", "ddpm", "ddpm-large", "heun", "dpm-solver++", "dpm-solver++-sde", "unipc",
                             "analytic-ddpm", "analytic-ddim", "consistency", "phased"}))
      ->capture_default_str();
  app.add_option("--spacing,--trajectory", o.spacing,
                 "trailing, leading, linspace, quadratic, karras; from the first time to the last: even, optimal, or a "
                 "blend of these two")
      ->check(CLI::IsMember({"trailing", "leading", "linspace", "quadratic", "karras", "even", "optimal", "blend"}))
      ->capture_default_str();
  app.add_option("--steps", o.steps, "rows of the plan")->capture_default_str();
  app.add_option("--eta", o.eta, "fresh noise of ddim and phased, 0 to 1")->capture_default_str();
  app.add_option("--phase-times", o.phase_times, "times of the schedule that a phased network was trained on")
      ->capture_default_str();
  app.add_option("--times", o.times, "the times of consistency sampling, noisiest first, instead of --steps")
      ->delimiter(',');
  app.add_option("--moments", o.moments,
                 "the network's moments, from the program moments or the official code (ms_eps): for analytic "
                 "samplers, and spacings that are optimal or a blend");
  app.add_option("--estimator", o.estimator, "which of the moments: best, second-moment, residual, clipped")
      ->check(CLI::IsMember(estimators()))
      ->capture_default_str();
  app.add_flag("--repair", o.repair, "frees the moments of what cannot be, by isotonic regression");
  app.add_option("--blend", o.blend, "the optimal spacing's share of a blend, 0 to 1")->capture_default_str();
  app.add_option(
      "--pixels", o.pixels,
      "holds the last noise of ddpm, ddpm-large or an analytic sampler to so many of 255 levels on average; 0 "
      "is off; without it 1 for analytic samplers of bounded data, and off for the others");
}

bool keeps_direction(const sampler_choice& o)
{
  return o.name == "ddim" || o.name == "analytic-ddim";
}

const fewstep::lcm_scheduler& consistency_of(const fewstep::scheduler_config& config)
{
  if (const auto* file = std::get_if<fewstep::lcm_scheduler>(&config.method)) return *file;
  throw std::invalid_argument("the sampler consistency needs a checkpoint whose scheduler is LCMScheduler");
}

std::optional<fewstep::lcm_scaling> boundary_of(const sampler_choice& o, const fewstep::scheduler_config& config)
{
  if (o.name != "consistency") return {};
  return fewstep::lcm_scaling{.timestep_scaling = consistency_of(config).timestep_scaling};
}

fewstep::sampling_plan plan_of(const sampler_choice& o, const fewstep::scheduler_config& config)
{
  const fewstep::vp_table table = fewstep::table_of(config);
  if (!o.times.empty() && o.name != "consistency")
    throw std::invalid_argument("--times are those of consistency sampling, but the sampler is " + o.name);
  const auto moments = moments_of(o, table);
  const auto grid = grid_of(o, table, moments);
  if (o.pixels.value_or(0) != 0 && !is_analytic(o) && !o.name.starts_with("ddpm"))
    throw std::invalid_argument(
        "--pixels holds the noise of ddpm, ddpm-large and analytic samplers, but the sampler is " + o.name);
  if (o.name == "ddim") return fewstep::ddim(grid, o.eta);
  if (o.name == "phased") return fewstep::phased(fewstep::phases(table, o.steps, o.phase_times), 1 - o.eta * o.eta);
  if (o.eta != 0) throw std::invalid_argument("eta is an option of ddim and phased, but the sampler is " + o.name);
  if (o.name == "consistency") {
    const auto& file = consistency_of(config);
    return o.times.empty() ? fewstep::plan_of(file, o.steps, {}) : fewstep::lcm(table, o.times);
  }
  if (is_analytic(o)) {
    // what the official code does for images: C held in range, the last noise to some pixels
    const auto& [moment_table, estimator] = moments.value();
    return fewstep::analytic(grid, moment_table, o.name == "analytic-ddpm" ? 1 : 0,
                             {.estimator = estimator,
                              .range = range_of(config),
                              .clip = clip_of(o.pixels.value_or(config.bounds ? 1 : 0), config)});
  }
  if (o.name == "heun") return fewstep::heun(grid);
  if (o.name == "dpm-solver++") return fewstep::dpm_solver_pp(grid, {.order = 2});
  if (o.name == "dpm-solver++-sde") return fewstep::dpm_solver_pp(grid, {.order = 2, .eta = 1});
  if (o.name == "unipc") return fewstep::unipc(grid, {.order = 2});
  const auto* file = std::get_if<fewstep::ddpm_scheduler>(&config.method);
  const auto small = file ? file->variance : fewstep::ddpm_variance::posterior;
  auto plan = fewstep::ddpm(grid, {.variance = o.name == "ddpm" ? small : fewstep::ddpm_variance::interval});
  const auto clip = clip_of(o.pixels.value_or(0), config);
  return clip ? fewstep::clip_noise(std::move(plan), *clip) : plan;
}

}  // namespace examples
