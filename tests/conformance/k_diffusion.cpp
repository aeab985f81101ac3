#include "samplers.hpp"
#include "toy.hpp"
#include "trajectory.hpp"

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/plan/adams.hpp"
#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/dpm_solver.hpp"
#include "fewstep/plan/dpm_solver_singlestep.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/continuous.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/schedule/sigma_grids.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>
#include <vector>

namespace conformance {

namespace {

using fewstep::noise_level;
using fewstep::sampling_plan;
using levels = std::vector<noise_level>;

/// A scaling whose network is told another function of sigma.
template <class S, class T>
struct retimed {
  S scaling;
  T time_of;

  fewstep::network_scaling operator()(const noise_level& at) const
  {
    fewstep::network_scaling c = scaling(at);
    c.time = time(noise_to_signal(at));
    return c;
  }
  double time(double sigma) const { return time_of(sigma); }
};

template <class S, class T>
retimed(S, T) -> retimed<S, T>;

numbers sigma_list(const json& sigmas)
{
  const json& options = member(sigmas, "options");
  const std::string kind = text(sigmas, "kind");
  const std::size_t n = count(options, "n");
  if (kind == "vp") {
    require_known(options, "sigmas.options", {"n", "beta_d", "beta_min", "eps_s"});
    return fewstep::vp_sigmas(n, {number_or(options, "beta_d", 19.9), number_or(options, "beta_min", 0.1)},
                              number_or(options, "eps_s", 1e-3));
  }
  require_known(options, "sigmas.options", {"n", "sigma_min", "sigma_max", "rho"});
  const fewstep::sigma_range range{number(member(options, "sigma_min"), "sigma_min"),
                                   number(member(options, "sigma_max"), "sigma_max")};
  if (kind == "karras") return fewstep::karras_sigmas(n, range, number_or(options, "rho", 7));
  if (kind == "exponential") return fewstep::exponential_sigmas(n, range);
  if (kind == "polyexponential") return fewstep::polyexponential_sigmas(n, range, number_or(options, "rho", 1));
  throw unsupported("the sigma list \"" + kind + "\" is not known");
}

fewstep::churn_options churn_of(const json& options)
{
  require_known(options, "options", {"s_churn", "s_tmin", "s_tmax", "s_noise"});
  return {.churn = number_or(options, "s_churn", 0),
          .s_min = number_or(options, "s_tmin", 0),
          .s_max = number_or(options, "s_tmax", std::numeric_limits<double>::infinity()),
          .s_noise = number_or(options, "s_noise", 1)};
}

struct noise_strength {
  double eta, s_noise;
};

noise_strength strength_of(const json& options, std::string_view further = "eta")
{
  require_known(options, "options", {"eta", "s_noise", further});
  return {number_or(options, "eta", 1), number_or(options, "s_noise", 1)};
}

fewstep::slope_weight slope_of(const json& options)
{
  const json& kind = member(options, "solver_type");
  if (kind.is_null() || kind == "midpoint") return fewstep::slope_weight::midpoint;
  if (kind == "heun") return fewstep::slope_weight::heun;
  throw unsupported("the solver_type " + kind.dump() + " is not known");
}

/// The stochastic multistep solvers, which give up no order at the end.
sampling_plan multistep_sde(const levels& grid, std::size_t order, const json& options)
{
  const auto [eta, s_noise] = strength_of(options, "solver_type");
  fewstep::dpm_solver_options solver{
      .order = order, .slope = slope_of(options), .eta = eta, .s_noise = s_noise, .lower_order_final = false};
  if (order == 3) solver.slope = fewstep::slope_weight::heun, solver.halved_curvature = true;
  return dpm_solver_pp(grid, solver);
}

sampling_plan singlestep(const levels& grid, const json& options, bool stochastic)
{
  const auto [eta, s_noise] = strength_of(options, "r");
  const double middle = number_or(options, "r", 0.5);
  const fewstep::edm_schedule edm;
  return stochastic ? dpm_solver_pp_sde(edm, grid, {middle, eta, s_noise})
                    : dpm_solver_pp_2s(edm, grid, {middle, eta, s_noise});
}

sampling_plan build_plan(const std::string& function, const levels& grid, const json& options)
{
  const fewstep::edm_schedule edm;
  if (function == "sample_euler") return euler(edm, grid, churn_of(options));
  if (function == "sample_heun") return heun(edm, grid, churn_of(options));
  if (function == "sample_dpm_2") return dpm_2(edm, grid, churn_of(options));
  if (function == "sample_dpmpp_2m_sde") return multistep_sde(grid, 2, options);
  if (function == "sample_dpmpp_3m_sde") return multistep_sde(grid, 3, options);
  if (function == "sample_dpmpp_2s_ancestral") return singlestep(grid, options, false);
  if (function == "sample_dpmpp_sde") return singlestep(grid, options, true);
  if (function == "sample_euler_ancestral") {
    const auto [eta, s_noise] = strength_of(options);
    return scaled_noise(fewstep::ddim(grid, eta), s_noise);
  }
  if (function == "sample_dpm_2_ancestral") {
    const auto [eta, s_noise] = strength_of(options);
    return dpm_2_ancestral(edm, grid, eta, s_noise);
  }
  if (function == "sample_lms") {
    require_known(options, "options", {"order"});
    return fewstep::lms(grid, options.contains("order") ? count(options, "order") : 4);
  }
  if (function == "sample_dpmpp_2m") {
    require_known(options, "options", {});
    return fewstep::dpm_solver_pp(grid, {.lower_order_final = false});
  }
  throw unsupported("the function \"" + function + "\" is not known");
}

/// Runs the plan on the network of the case's kind.
trajectory run_on(const json& denoiser, const sampling_plan& plan, const sampler_case& golden,
                  const toy_network& network)
{
  const auto with = [&](auto scaling) {
    return run(plan, golden, converted(preconditioned(network, scaling), fewstep::prediction::data, plan.predicts));
  };
  const std::string kind = text(denoiser, "kind");
  const json& options = member(denoiser, "options");
  if (kind == "karras") {
    require_known(options, "denoiser.options", {"sigma_data"});
    return with(retimed{fewstep::edm_scaling{.sigma_data = number_or(options, "sigma_data", 1)},
                        [](double sigma) { return sigma; }});
  }
  if (kind == "v") {
    require_known(options, "denoiser.options", {});
    return with(retimed{fewstep::vp_table_scaling{fewstep::prediction::velocity},
                        [](double sigma) { return 2 * std::atan(sigma) / std::numbers::pi; }});
  }
  if (kind == "eps") {
    require_known(options, "denoiser.options", {"n", "beta_start", "beta_end"});
    const auto table = fewstep::scaled_linear_vp(
        {count(options, "n"), number_or(options, "beta_start", 0.00085), number_or(options, "beta_end", 0.012)});
    return with(retimed{fewstep::vp_table_scaling{fewstep::prediction::noise},
                        [table](double sigma) { return sigma > 0 ? table.at_noise_to_signal(sigma).t : -1; }});
  }
  throw unsupported("the denoiser \"" + kind + "\" is not known");
}

outcome check_lists(const sampler_case& golden)
{
  comparison all;
  for (const json& table : golden.field("sigma_lists")) {
    numbers ours = sigma_list(table);
    ours.push_back(0);
    const numbers theirs = list(member(table, "sigmas"), "sigmas");
    all.add("sigmas of " + text(table, "kind"), ours, theirs, golden.tolerance(theirs));
  }
  for (const numbers& row : golden.states_at("ancestral_from_to_eta_down_up")) {
    if (row.size() != 5) throw mismatch("\"ancestral_from_to_eta_down_up\" must have five columns");
    const auto [down, up] = fewstep::ancestral(row[0], row[1], row[2]);
    all.add("ancestral down", down, row[3], golden.tolerance(row[0]));
    all.add("ancestral up", up, row[4], golden.tolerance(row[0]));
  }
  return all.result();
}

}  // namespace

outcome check_k_diffusion(const sampler_case& golden)
{
  if (golden.has("sigma_lists")) return check_lists(golden);
  const json& config = golden.config();
  require_known(config, "config", {"function", "sigmas", "denoiser", "options", "noise_sampler"});
  const json options = config.value("options", json::object());
  const auto grid = grid_at_sigmas(fewstep::edm_schedule{}, sigma_list(member(config, "sigmas")));
  const sampling_plan plan = build_plan(text(config, "function"), grid, options);
  const toy_network network(golden);
  const trajectory ours = run_on(member(config, "denoiser"), plan, golden, network);

  const bool churned = number_or(options, "s_churn", 0) > 0;
  const states theirs = golden.states_at("states"), predictions = golden.states_at("x0_predictions");
  comparison all;
  all.add("sigmas", sigmas_of(grid), golden.at("sigmas"), golden.tolerance(golden.at("sigmas")));
  all.add("network_sigmas", network_sigmas(plan), golden.at("network_sigmas"),
          golden.tolerance(golden.at("network_sigmas")));
  all.add("model_times", network.asked(), golden.times_at("model_times"),
          golden.tolerance(golden.times_at("model_times")));
  all.add("states", churned ? before_churn(ours, plan, grid) : after_steps(ours, grid.size() - 1), theirs,
          golden.tolerance(theirs));
  all.add("x0_predictions", ours.predictions, predictions, golden.tolerance(predictions));
  return all.result();
}

}  // namespace conformance
