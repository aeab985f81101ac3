#include "support/sampler_choice.hpp"

#include "fewstep/fewstep.hpp"
#include "fewstep/plan/analytic.hpp"
#include "fewstep/search/trajectory.hpp"
#include "support/moments_file.hpp"

#include <stdexcept>
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
std::optional<fewstep::moment_table> moments_of(const sampler_choice& o, const fewstep::vp_table& schedule)
{
  const bool by_spacing = o.spacing == "optimal" || o.spacing == "blend";
  const std::string who = by_spacing ? "the spacing " + o.spacing : "the sampler " + o.name;
  if (!by_spacing && !is_analytic(o)) {
    if (o.moments.empty()) return {};
    throw std::invalid_argument(who + " has no use for the moments " + o.moments.string());
  }
  if (o.moments.empty()) throw std::invalid_argument(who + " needs --moments, a file that the program moments writes");
  auto moments = open_moments(o.moments, fewstep::levels_of(schedule));
  repair_or_report(o.moments, moments, estimators().at(o.estimator), o.repair);
  return moments;
}

std::vector<fewstep::noise_level> grid_of(const sampler_choice& o, const fewstep::vp_table& schedule,
                                          const std::optional<fewstep::moment_table>& moments)
{
  const fewstep::trajectory_options goal{.estimator = estimators().at(o.estimator)};
  if (o.spacing == "leading") return fewstep::leading(schedule, o.steps);
  if (o.spacing == "linspace") return fewstep::linspace(schedule, o.steps);
  if (o.spacing == "quadratic") return fewstep::quadratic(schedule, o.steps);
  if (o.spacing == "karras") return fewstep::karras(schedule, o.steps);
  if (o.spacing == "even") return fewstep::even_grid(schedule, o.steps);
  if (o.spacing == "optimal") return fewstep::optimal_grid(schedule, moments.value(), o.steps, goal);
  if (o.spacing == "blend") return fewstep::blended_grid(schedule, moments.value(), o.steps, o.blend, goal);
  return fewstep::trailing(schedule, o.steps);
}

/// What the official code does for images, if the data are bounded: C held in range, the last noise to some pixels.
fewstep::analytic_options analytic_options_of(const sampler_choice& o, const fewstep::scheduler_config& config)
{
  fewstep::analytic_options options{.estimator = estimators().at(o.estimator)};
  if (config.bounds) options.range = fewstep::data_range{-config.bounds->limit, config.bounds->limit};
  const double pixels = o.pixels.value_or(config.bounds ? 1 : 0);
  if (pixels != 0) options.clip = {.pixels = pixels, .range = options.range.value_or(fewstep::data_range{})};
  return options;
}

}  // namespace

void declare(CLI::App& app, sampler_choice& o)
{
  app.add_option("--sampler", o.name, "ddpm has the checkpoint's variance")
      ->check(CLI::IsMember({"ddim", "ddpm", "ddpm-large", "heun", "dpm-solver++", "dpm-solver++-sde", "unipc",
                             "analytic-ddpm", "analytic-ddim"}))
      ->capture_default_str();
  app.add_option("--spacing,--trajectory", o.spacing,
                 "trailing, leading, linspace, quadratic, karras; from the first time to the last: even, optimal, or a "
                 "blend of these two")
      ->check(CLI::IsMember({"trailing", "leading", "linspace", "quadratic", "karras", "even", "optimal", "blend"}))
      ->capture_default_str();
  app.add_option("--steps", o.steps, "rows of the plan")->capture_default_str();
  app.add_option("--eta", o.eta, "fresh noise of ddim, 0 to 1")->capture_default_str();
  app.add_option("--moments", o.moments,
                 "the network's moments, from the program moments or the official code (ms_eps): for analytic "
                 "samplers, and spacings that are optimal or a blend");
  app.add_option("--estimator", o.estimator, "which of the moments: best, second-moment, residual, clipped")
      ->check(CLI::IsMember(estimators()))
      ->capture_default_str();
  app.add_flag("--repair", o.repair, "frees the moments of what cannot be, by isotonic regression");
  app.add_option("--blend", o.blend, "the optimal spacing's share of a blend, 0 to 1")->capture_default_str();
  app.add_option("--pixels", o.pixels,
                 "holds the last noise of an analytic sampler to so many of 255 levels on average; without it 1 if the "
                 "data are bounded; 0 is off");
}

bool keeps_direction(const sampler_choice& o)
{
  return o.name == "ddim" || o.name == "analytic-ddim";
}

fewstep::sampling_plan plan_of(const sampler_choice& o, const fewstep::scheduler_config& config)
{
  const fewstep::vp_table table = fewstep::table_of(config);
  const auto moments = moments_of(o, table);
  const auto grid = grid_of(o, table, moments);
  if (o.name == "ddim") return fewstep::ddim(grid, o.eta);
  if (o.eta != 0) throw std::invalid_argument("eta is an option of ddim, but the sampler is " + o.name);
  if (is_analytic(o)) {
    const double eta = o.name == "analytic-ddpm" ? 1 : 0;
    return fewstep::analytic(grid, moments.value(), eta, analytic_options_of(o, config));
  }
  if (o.name == "heun") return fewstep::heun(grid);
  if (o.name == "dpm-solver++") return fewstep::dpm_solver_pp(grid, {.order = 2});
  if (o.name == "dpm-solver++-sde") return fewstep::dpm_solver_pp(grid, {.order = 2, .eta = 1});
  if (o.name == "unipc") return fewstep::unipc(grid, {.order = 2});
  const auto* file = std::get_if<fewstep::ddpm_scheduler>(&config.method);
  const auto small = file ? file->variance : fewstep::ddpm_variance::posterior;
  return fewstep::ddpm(grid, {.variance = o.name == "ddpm" ? small : fewstep::ddpm_variance::interval});
}

}  // namespace examples
