#include "samplers.hpp"
#include "toy.hpp"
#include "trajectory.hpp"

#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/plan/runge_kutta.hpp"
#include "fewstep/schedule/continuous.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/schedule/sigma_grids.hpp"
#include "fewstep/tensor/contiguous.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace conformance {

namespace {

using fewstep::noise_level;
using fewstep::sampling_plan;

/// Calls f with the scaling of the network that the case names.
template <class F>
auto with_scaling(const json& config, F f)
{
  const std::string kind = text(config, "preconditioning");
  const json options = config.value("preconditioning_options", json::object());
  if (kind == "EDMPrecond") {
    require_known(options, "preconditioning_options", {"sigma_data"});
    return f(fewstep::edm_scaling{.sigma_data = number_or(options, "sigma_data", 0.5)});
  }
  if (kind == "VPPrecond") {
    require_known(options, "preconditioning_options", {"beta_d", "beta_min", "M"});
    return f(fewstep::vp_scaling{number_or(options, "beta_d", 19.9), number_or(options, "beta_min", 0.1),
                                 number_or(options, "M", 1000)});
  }
  require_known(options, "preconditioning_options", {});
  if (kind == "VEPrecond") return f(fewstep::ve_scaling{});
  if (kind == "iDDPMPrecond") return f(fewstep::iddpm_scaling{});
  throw unsupported("the preconditioning \"" + kind + "\" is not known");
}

/// The scaling's numbers, and what the network predicts with it, at the sigmas of a table.
outcome check_scaling(const sampler_case& golden)
{
  const json& table = golden.field("table");
  const numbers sigmas = list(member(table, "sigma"), "sigma");
  const states x = lists(member(table, "x"), "x"), denoised = lists(member(table, "denoised"), "denoised");
  if (x.size() != sigmas.size() || denoised.size() != sigmas.size())
    throw mismatch("the table's columns differ in length");
  comparison all;
  with_scaling(golden.config(), [&](const auto& scaling) {
    numbers skip, out, in, time;
    for (std::size_t k = 0; k < sigmas.size(); ++k) {
      const noise_level at = fewstep::edm_schedule{}(sigmas[k]);
      const fewstep::network_scaling c = scaling(at);
      skip.push_back(c.skip), out.push_back(c.out), in.push_back(c.in), time.push_back(c.time);
      numbers y = x[k];
      const auto network = [](const numbers& input, const fewstep::evaluation& e) { return toy(input, e.t, 1); };
      fewstep::preconditioned(network, scaling)(x[k], fewstep::evaluation{at, 0, at.t}, y);
      all.add("denoised", y, denoised[k], 2 * golden.tolerance(denoised[k]));
    }
    // VP's time is the root of log(1 + sigma^2), which the official code takes without log1p
    for (const auto& [name, ours] : {std::pair("c_skip", skip), {"c_out", out}, {"c_in", in}, {"c_noise", time}}) {
      const numbers theirs = list(member(table, name), name);
      all.add(name, ours, theirs, 2 * golden.tolerance(theirs));
    }
  });
  return all.result();
}

fewstep::churn_options churn_in(const json& config)
{
  return {.churn = number_or(config, "S_churn", 0),
          .s_min = number_or(config, "S_min", 0),
          .s_max = number_or(config, "S_max", std::numeric_limits<double>::infinity()),
          .s_noise = number_or(config, "S_noise", 1)};
}

/// The sigmas at which the iDDPM network was trained are the only ones that it is run at.
numbers rounded(const json& config, numbers sigmas)
{
  if (text(config, "preconditioning") != "iDDPMPrecond") return sigmas;
  if (number_or(config, "S_churn", 0) > 0) throw unsupported("churn that is rounded to the iDDPM network's sigmas");
  const fewstep::iddpm_scaling network;
  const numbers& trained = network.sigmas();
  for (double& sigma : sigmas) {
    const double wanted = sigma;
    sigma = *std::min_element(trained.begin(), trained.end(),
                              [=](double a, double b) { return std::abs(a - wanted) < std::abs(b - wanted); });
  }
  return sigmas;
}

numbers discretised(const std::string& kind, std::size_t n, const fewstep::sigma_range& range, double rho)
{
  if (kind == "edm") return fewstep::karras_sigmas(n, range, rho);
  if (kind == "ve") return fewstep::exponential_sigmas(n, range);
  if (kind == "iddpm") return fewstep::iddpm_sigmas(n, range);
  if (kind == "vp") return fewstep::vp_sigmas(n, fewstep::continuous_vp_between(range));
  throw unsupported("the discretization \"" + kind + "\" is not known");
}

/// A plan and the grid that its steps go along.
struct run_along_times {
  sampling_plan plan;
  std::vector<noise_level> grid;
};

template <class S>
run_along_times along_times(const S& schedule, const numbers& sigmas, const fewstep::runge_kutta_options& options)
{
  numbers times;
  std::vector<noise_level> grid;
  for (const double sigma : sigmas) {
    times.push_back(schedule.at_noise_to_signal(sigma).t);
    grid.push_back(schedule(times.back()));
  }
  times.push_back(0);
  grid.push_back(schedule.data_level());
  return {runge_kutta(schedule, times, options), std::move(grid)};
}

run_along_times ablation_plan(const json& config, std::size_t n, const fewstep::sigma_range& range)
{
  const std::string solver = text(config, "solver"), schedule = text(config, "schedule"),
                    scaling = text(config, "scaling");
  if (solver != "heun" && solver != "euler") throw unsupported("the solver \"" + solver + "\" is not known");
  const fewstep::runge_kutta_options options{
      .stages = solver == "euler" ? 1u : 2u, .alpha = number_or(config, "alpha", 1), .churn = churn_in(config)};
  const numbers sigmas =
      rounded(config, discretised(text(config, "discretization"), n, range, number_or(config, "rho", 7)));
  if (schedule == "vp" && scaling == "vp") return along_times(fewstep::continuous_vp_between(range), sigmas, options);
  if (schedule == "ve" && scaling == "none") return along_times(fewstep::continuous_ve{}, sigmas, options);
  if (schedule == "linear" && scaling == "none") return along_times(fewstep::edm_schedule{}, sigmas, options);
  throw unsupported("the schedule \"" + schedule + "\" with scaling \"" + scaling + "\" is not known");
}

/// The sigmas are cut to the network's range; the case tells what was left.
run_along_times plan_of(const sampler_case& golden)
{
  const json& config = golden.config();
  require_known(config, "config",
                {"sampler", "preconditioning", "preconditioning_options", "num_steps", "sigma_min", "sigma_max", "rho",
                 "solver", "discretization", "schedule", "scaling", "alpha", "S_churn", "S_min", "S_max", "S_noise"});
  const json& used = golden.field("coefficients");
  const fewstep::sigma_range range{number(member(used, "sigma_min"), "sigma_min"),
                                   number(member(used, "sigma_max"), "sigma_max")};
  const std::size_t n = count(config, "num_steps");
  const std::string sampler = text(config, "sampler");
  if (sampler == "ablation_sampler") return ablation_plan(config, n, range);
  if (sampler != "edm_sampler") throw unsupported("the sampler \"" + sampler + "\" is not known");
  const fewstep::edm_schedule edm;
  auto grid = grid_at_sigmas(edm, rounded(config, fewstep::karras_sigmas(n, range, number_or(config, "rho", 7))));
  sampling_plan plan = heun(edm, grid, churn_in(config));
  return {std::move(plan), std::move(grid)};
}

}  // namespace

outcome check_edm(const sampler_case& golden)
{
  if (golden.has("table")) return check_scaling(golden);
  const auto [plan, grid] = plan_of(golden);
  const toy_network network(golden);
  const trajectory ours = with_scaling(golden.config(), [&, &rows = plan](const auto& scaling) {
    return run(rows, golden, fewstep::preconditioned(network, scaling));
  });
  const states theirs = golden.states_at("states"), predictions = golden.states_at("x0_predictions");
  comparison all;
  numbers times;
  for (const noise_level& at : grid) times.push_back(at.t);
  all.add("timesteps", times, golden.at("timesteps"), golden.tolerance(golden.at("timesteps")));
  all.add("network_sigmas", network_sigmas(plan), golden.at("network_sigmas"),
          golden.tolerance(golden.at("network_sigmas")));
  all.add("model_times", network.asked(), golden.times_at("model_times"),
          golden.tolerance(golden.times_at("model_times")));
  all.add("states", before_churn(ours, plan, grid), theirs, golden.tolerance(theirs));
  all.add("x0_predictions", ours.predictions, predictions, golden.tolerance(predictions));
  return all.result();
}

}  // namespace conformance
