#include "samplers.hpp"
#include "toy.hpp"
#include "trajectory.hpp"

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/plan/analytic.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/noise_clip.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/analytic_dpm_compatible.hpp"
#include "fewstep/search/least_cost_path.hpp"
#include "fewstep/search/path_cost.hpp"
#include "fewstep/search/spacing.hpp"
#include "fewstep/search/trajectory.hpp"
#include "fewstep/statistics/likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

namespace conformance {

namespace {

using fewstep::noise_level;
using fewstep::sampling_plan;
using path = std::vector<std::size_t>;

/// The betas n = 1 .. N that the case names.
numbers betas_of(const json& config)
{
  const std::size_t n = count(config, "num_diffusion_timesteps");
  const std::string kind = text(config, "beta_schedule");
  if (kind == "linear") {
    const double scale = 1000 / static_cast<double>(n);
    return fewstep::detail::evenly(scale * 1e-4, scale * 2e-2, n);
  }
  if (kind != "cosine") throw unsupported("the schedule \"" + kind + "\" is not known");
  const auto squared = [=](std::size_t t) {
    const double root =
        std::cos((static_cast<double>(t) / static_cast<double>(n) + 0.008) / 1.008 * std::numbers::pi / 2);
    return root * root;
  };
  numbers betas(n);
  for (std::size_t t = 0; t < n; ++t) betas[t] = std::min(1 - squared(t + 1) / squared(t), 0.999);
  return betas;
}

fewstep::vp_table table_of(const json& config)
{
  const std::size_t n = count(config, "num_diffusion_timesteps");
  const double scale = 1000 / static_cast<double>(n);
  if (text(config, "beta_schedule") == "cosine") return fewstep::cosine_vp(n);
  return fewstep::linear_vp({.steps = n, .first_beta = scale * 1e-4, .last_beta = scale * 2e-2});
}

/// "ms_eps" by the rule in the configuration, in the arithmetic that the rule is written in: the numbers are inputs,
/// and 1 - ms_eps shows their last bits.
numbers ms_eps_of(const json& config)
{
  const std::string kind = text(config, "ms_eps");
  numbers variances{1.0, 0.25, 0.05, 0.01, 0.001};
  if (kind.starts_with("gauss"))
    variances = {number(member(config, "ms_eps_data_variance"), "ms_eps_data_variance")};
  else if (!kind.starts_with("spectrum"))
    throw unsupported("the rule \"" + kind + "\" of ms_eps is not known");
  const double wave = number_or(config, "ms_eps_wave", 0);
  numbers ms_eps{0};
  double signal = 1;
  for (const double beta : betas_of(config)) {
    signal *= 1 - beta;
    double sum = 0;
    for (const double v : variances) sum += (1 - signal) / (v * signal + (1 - signal));
    const double n = static_cast<double>(ms_eps.size());
    ms_eps.push_back(sum / static_cast<double>(variances.size()) * (1 + wave * std::sin(0.37 * n)));
  }
  return ms_eps;
}

/// Nodes counted from 1, as numbers to compare.
numbers from_one(const path& nodes)
{
  numbers steps;
  for (const std::size_t node : nodes) steps.push_back(static_cast<double>(node) + 1);
  return steps;
}

/// The trajectory of that type.
path path_of(const std::string& type, std::size_t nodes, std::size_t stops)
{
  if (type == "linear") return fewstep::even_path(nodes, stops);
  if (type.starts_with("power")) return fewstep::power_path(nodes, stops, std::stod(type.substr(5)));
  if (type != "quad_ddim") throw unsupported("the trajectory \"" + type + "\" is not known");
  path stops_of;
  for (const double t : fewstep::quadratic_times(nodes, stops)) stops_of.push_back(static_cast<std::size_t>(t));
  std::reverse(stops_of.begin(), stops_of.end());
  return stops_of;
}

outcome check_trajectories(const sampler_case& golden)
{
  comparison all;
  for (const json& run : golden.field("runs"))
    all.add(text(run, "type"), from_one(path_of(text(run, "type"), count(run, "N"), count(run, "K"))),
            list(member(run, "steps"), "steps"), 0);
  return all.result();
}

/// The schedule, and the rule of ms_eps.
outcome check_table(const sampler_case& golden)
{
  const json& config = golden.config();
  numbers betas = golden.at("betas_with_leading_0");
  if (betas.empty() || betas.front() != 0) throw mismatch("the betas must begin with 0");
  betas.erase(betas.begin());
  const fewstep::vp_table ours = table_of(config), theirs(betas);
  numbers alphas, sigmas, their_alphas, their_sigmas;
  for (const noise_level& at : levels_of(ours)) alphas.push_back(at.alpha), sigmas.push_back(at.sigma);
  for (const noise_level& at : levels_of(theirs)) their_alphas.push_back(at.alpha), their_sigmas.push_back(at.sigma);
  comparison all;
  all.add("alpha", alphas, their_alphas, golden.tolerance(1));
  all.add("sigma", sigmas, their_sigmas, golden.tolerance(1));
  all.add("ms_eps", ms_eps_of(config), golden.at("ms_eps"), golden.tolerance(1));
  return all.result();
}

/// What the official cost of a step is known to: it takes the logarithm of 1 less a product near 1, so of a number that
/// is rounded at some 2^-53.
double cost_tolerance(double cost)
{
  return 1e-12 * std::max(1.0, std::abs(cost)) + 8 * 0x1p-53 / std::exp(cost);
}

/// What the official cost of a path is known to.
double cost_tolerance(const std::vector<fewstep::path_node>& nodes, const path& visited)
{
  double sum = 0;
  for (std::size_t k = 1; k < visited.size(); ++k)
    sum += cost_tolerance(telescoped_cost(nodes[visited[k - 1]], nodes[visited[k]]));
  return sum;
}

/// The costs of one run, whose search was over the first nodes that can be trusted.
void check_costs(comparison& all, const json& run, const path& found, std::vector<fewstep::path_node> nodes)
{
  const numbers entries = list(member(run, "path_cost_entries_F"), "path_cost_entries_F");
  if (entries.size() >= found.size()) throw mismatch("\"path_cost_entries_F\" must hold the steps of the path");
  for (std::size_t k = 0; k < entries.size(); ++k)
    all.add("cost of a step", telescoped_cost(nodes[found[k]], nodes[found[k + 1]]), entries[k],
            cost_tolerance(entries[k]));
  const numbers curve = list(member(run, "C_k_N_for_k_2_to_K"), "C_k_N_for_k_2_to_K");
  nodes.resize(count(run, "solved_N"));
  const auto best = fewstep::optimal_paths(nodes, curve.size() + 1);
  for (std::size_t k = 1; k < curve.size(); ++k)  // for two nodes the official table has no entry
    all.add("cost of a path", best.cost(k + 2), curve[k], cost_tolerance(nodes, best.path(k + 2)));
}

/// One run of the dynamic program.
void check_program(comparison& all, const json& run, const fewstep::moment_table& moments,
                   const std::vector<fewstep::path_node>& nodes)
{
  const std::size_t stops = count(run, "K");
  const path found = fewstep::analytic_dpm_compatible_path(moments, stops);
  all.add("steps", from_one(found), list(member(run, "steps"), "steps"), 0);
  const auto [trusted, searched] = fewstep::distrust(moments, stops);
  const numbers ours{static_cast<double>(searched), static_cast<double>(trusted), static_cast<double>(stops - searched),
                     static_cast<double>(moments.levels.size() - trusted)};
  all.add("split", ours, list(member(run, "split_K1_N1_K2_num_bad"), "split"), 0);
  if (member(run, "solved_K").is_number())
    check_costs(all, run, found, nodes);  // as many stops as nodes need no search
}

outcome check_programs(const sampler_case& golden)
{
  const auto levels = levels_of(table_of(golden.config()));
  const json& given = golden.field("ms_eps");
  const numbers ms_eps = given.is_array() ? golden.at("ms_eps") : ms_eps_of(golden.config());
  const auto moments = fewstep::moments_of_ms_eps(levels, ms_eps);
  const auto nodes = path_nodes(moments, levels);
  comparison all;
  for (const numbers& entry : golden.states_at("F_entries_s_t_value")) {
    if (entry.size() != 3) throw mismatch("a cost entry must be [s, t, value]");
    const auto node = [&](double n) { return nodes.at(static_cast<std::size_t>(n) - 1); };
    all.add("cost of a step", telescoped_cost(node(entry[0]), node(entry[1])), entry[2], cost_tolerance(entry[2]));
  }
  for (const json& run : golden.field("runs")) check_program(all, run, moments, nodes);
  return all.result();
}

/// The toy network as a denoiser of data, asked at the official times.
class official_network {
public:
  official_network(const sampler_case& golden, std::size_t samples) :
      samples_(samples),
      shift_(member(golden.config(), "shift1") == true ? 0 : 1),
      scale_(member(golden.config(), "rescale_timesteps") == true
                 ? 1000 / static_cast<double>(count(golden.config(), "num_diffusion_timesteps"))
                 : 1),
      predicts_noise_(member(golden.config(), "network_predicts") != "x0")
  {
    golden.require_network("toy-v1");
  }

  /// The predicted data; `asked` and `predicted`, if given, keep what was asked and answered.
  auto denoiser(numbers* asked, states* predicted) const
  {
    const auto network = [*this, asked](const numbers& x, const fewstep::evaluation& at, numbers& out) {
      const double tau = (at.t + shift_) * scale_;  // n = t + 1, with betas[0] = 0 before the first
      if (asked) asked->push_back(tau);
      out = toy(x, tau, samples_);
    };
    const auto kind = predicts_noise_ ? fewstep::prediction::noise : fewstep::prediction::data;
    return [denoise = fewstep::converted(network, kind, fewstep::prediction::data), predicted](
               const numbers& x, const fewstep::evaluation& at, numbers& out) mutable {
      fewstep::predict(denoise, x, at, out);
      if (predicted) predicted->push_back(out);
    };
  }

private:
  std::size_t samples_;
  double shift_, scale_;
  bool predicts_noise_;
};

/// Coefficients of the steps, noisiest first, against those of the case that were computed.
void add_coefficients(comparison& all, const sampler_case& golden, const std::string& name, const numbers& ours)
{
  const json& theirs = member(golden.field("coefficients"), name);
  if (theirs.is_null()) return;
  if (!theirs.is_array() || theirs.size() != ours.size()) throw mismatch("\"" + name + "\" must have one entry a step");
  numbers left, right;
  for (std::size_t k = 0; k < ours.size(); ++k)
    if (!theirs[k].is_null()) left.push_back(ours[k]), right.push_back(number(theirs[k], name));
  all.add(name, left, right, golden.tolerance(right));
}

/// Moments whose numbers at the visited levels have the bits of the case.
fewstep::moment_table moments_of(const sampler_case& golden, const std::vector<noise_level>& levels, const path& stops)
{
  numbers ms_eps = ms_eps_of(golden.config());
  const numbers visited = list(member(golden.field("coefficients"), "ms_eps_at_r"), "ms_eps_at_r");
  if (visited.size() != stops.size()) throw mismatch("\"ms_eps_at_r\" must have one entry a step");
  for (std::size_t k = 0; k < stops.size(); ++k) {
    double& ours = ms_eps.at(stops[stops.size() - 1 - k] + 1);
    if (std::abs(ours - visited[k]) > 1e-14) throw mismatch("\"ms_eps_at_r\" does not follow its rule");
    ours = visited[k];
  }
  return fewstep::moments_of_ms_eps(levels, ms_eps);
}

/// The variance and what it is made of.
void add_variances(comparison& all, const sampler_case& golden, const std::vector<fewstep::reverse_variance>& variances,
                   const fewstep::moment_table& moments, double eta)
{
  numbers lambda, small, raw, held, coefficient, offset;
  for (const auto& row : variances) {
    const auto [from, to] = row.step;
    lambda.push_back(row.lower), small.push_back(std::pow(fewstep::posterior_deviation(from, to), 2));
    raw.push_back(raw_error(moments.levels.at(static_cast<std::size_t>(from.t))).value);
    held.push_back(row.error.value), coefficient.push_back(row.gain * row.gain);
    offset.push_back(row.gain * row.gain * row.error.value);
  }
  if (eta < 1 || member(golden.field("coefficients"), "lamb2").is_array())
    add_coefficients(all, golden, "lamb2", lambda);
  add_coefficients(all, golden, "sigma2_small", small);
  add_coefficients(all, golden, "cov_x_0_pred", raw);
  add_coefficients(all, golden, "cov_x_0_pred_clamp", held);
  add_coefficients(all, golden, "coeff_cov_x_0", coefficient);
  add_coefficients(all, golden, "offset", offset);
}

/// The plan of the function that the case names, whose coefficients are compared on the way.
sampling_plan plan_of(comparison& all, const sampler_case& golden, const fewstep::vp_table& table, const path& stops)
{
  const json& config = golden.config();
  const std::string function = text(config, "function");
  const auto levels = levels_of(table);
  const auto grid = grid_of_path(levels, stops, table.data_level());
  const bool ddim = function.find("ddim") != std::string::npos;
  const double eta = ddim ? number_or(config, "eta", 0) : 1;
  const std::size_t clipped_rows = config.contains("clip_sigma_idx") ? count(config, "clip_sigma_idx") : 0;
  const fewstep::pixel_clip clip{.pixels = number_or(config, "clip_pixel", 2), .rows = clipped_rows};
  if (function.ends_with("_ms_eps")) {
    const auto moments = moments_of(golden, levels, stops);
    const fewstep::analytic_options options{.range = fewstep::data_range{}, .clip = clip};
    add_variances(all, golden, reverse_variances(grid, moments, eta, options), moments, eta);
    return analytic(grid, moments, eta, options);
  }
  if (!function.ends_with("_naive")) throw unsupported("the function \"" + function + "\" is not known");
  if (ddim) return fewstep::ddim(grid, eta);
  const bool small = member(config, "small_sigma") == true;
  return clip_noise(
      ddpm(grid, {.variance = small ? fewstep::ddpm_variance::posterior : fewstep::ddpm_variance::interval}), clip);
}

/// Calls f with the denoiser held as the official function holds it: DDIM goes on with the unclipped noise.
template <class D, class F>
trajectory with_bounds(const json& config, D denoise, F f)
{
  const std::string function = text(config, "function");
  if (function.find("ddim") != std::string::npos) return f(fewstep::clipped_keeping_direction(denoise));
  if (function.ends_with("_ms_eps") || member(config, "clip_denoise") == true) return f(fewstep::clipped(denoise));
  return f(denoise);
}

outcome check_sampling(const sampler_case& golden)
{
  const json& config = golden.config();
  require_known(config, "config",
                {"function", "beta_schedule", "num_diffusion_timesteps", "rescale_timesteps", "shift1",
                 "network_predicts", "sample_steps", "steps_type", "eta", "clip_sigma_idx", "clip_pixel", "small_sigma",
                 "clip_denoise", "ms_eps", "ms_eps_data_variance", "ms_eps_wave", "ms_eps_rule"});
  const fewstep::vp_table table = table_of(config);
  const std::size_t steps = count(config, "sample_steps");
  const std::string type = config.contains("steps_type") ? text(config, "steps_type") : "linear";
  const path stops = type == "dp_seg" ? fewstep::analytic_dpm_compatible_path(
                                            fewstep::moments_of_ms_eps(levels_of(table), ms_eps_of(config)), steps)
                                      : path_of(type, table.steps(), steps);
  comparison all;
  const sampling_plan plan = plan_of(all, golden, table, stops);
  numbers asked, variances;
  states predicted;
  const trajectory ours = with_bounds(config, official_network(golden, golden.samples()).denoiser(&asked, &predicted),
                                      [&](auto denoise) { return run(plan, golden, denoise); });
  for (const fewstep::plan_step& row : plan.steps) variances.push_back(row.noise * row.noise);
  const states reached = golden.states_at("states"), means = golden.states_at("means"),
               predictions = golden.states_at("x0_predictions");
  all.add("trajectory", from_one(stops), golden.at("trajectory"), 0);
  all.add("model_times", asked, golden.at("model_times"), golden.tolerance(golden.at("model_times")));
  add_coefficients(all, golden, "sigma2", variances);
  all.add("states", ours.reached, reached, golden.tolerance(reached));
  all.add("means", ours.noiseless, means, golden.tolerance(reached));
  all.add("x0_predictions", predicted, predictions, golden.tolerance(predictions));
  return all.result();
}

/// The options of the official bound: its approximate normal law, and a last step of the variance of the second.
fewstep::likelihood_options official_bound(const fewstep::vp_table& table, std::size_t samples)
{
  return {.pixels = {.law = fewstep::normal_law::tanh},
          .decoder_deviation = fewstep::posterior_deviation(table(1), table(0)),
          .samples_in_each = samples};
}

numbers joined(const states& parts)
{
  numbers whole;
  for (const numbers& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

outcome check_bound(const sampler_case& golden)
{
  const json& config = golden.config();
  require_known(config, "config",
                {"function", "beta_schedule", "num_diffusion_timesteps", "rescale_timesteps", "sample_steps",
                 "small_sigma", "clip_denoise", "ms_eps", "ms_eps_data_variance", "ms_eps_rule"});
  const fewstep::vp_table table = table_of(config);
  const auto levels = levels_of(table);
  const auto grid = even_grid(table, count(config, "sample_steps"));
  const bool is_analytic = text(config, "function") == "nelbo_ms_eps_ddpm";
  const bool small = member(config, "small_sigma") == true;
  if (!is_analytic && (text(config, "function") != "nelbo_naive_ddpm" || member(config, "clip_denoise") != true))
    throw unsupported("the bound \"" + text(config, "function") + "\" without clipping is not known");
  const sampling_plan plan =
      is_analytic
          ? analytic_ddpm(grid, fewstep::moments_of_ms_eps(levels, ms_eps_of(config)), {.range = fewstep::data_range{}})
          : ddpm(grid, {.variance = small ? fewstep::ddpm_variance::posterior : fewstep::ddpm_variance::interval});
  const states data = golden.states_at("x0"), draws = golden.states_at("noises");
  std::size_t used = 0;
  numbers asked;
  auto terms = likelihood_terms(plan, fewstep::clipped(official_network(golden, data.size()).denoiser(&asked, nullptr)),
                                joined(data), tape{&draws, &used}, official_bound(table, data.size()));
  std::reverse(terms.begin(), terms.end());  // theirs begin with the decoder
  numbers totals(data.size()), times;
  for (const numbers& term : terms)
    for (std::size_t k = 0; k < totals.size(); ++k) totals[k] += term[k];
  for (const numbers& of_samples : golden.states_at("model_times")) times.push_back(of_samples.at(0));
  const states theirs = golden.states_at("terms_nats");
  comparison all;
  all.add("model_times", asked, times, golden.tolerance(times));
  all.add("terms_nats", terms, theirs, golden.tolerance(theirs));
  all.add("nelbo_nats", totals, golden.at("nelbo_nats"), golden.tolerance(golden.at("nelbo_nats")));
  return all.result();
}

/// The terms of the bound for every step between two of N + 1 nodes, node 0 being the data, with the noise of each
/// level that the case gives; DDPM's large variance.
class bound_of_steps {
public:
  explicit bound_of_steps(const sampler_case& golden) :
      table_(table_of(golden.config())),
      data_(golden.states_at("data")),
      draws_(golden.states_at("noises")),
      network_(golden, data_.size())
  {
  }

  double operator()(std::size_t s, std::size_t r) const
  {
    std::vector<noise_level> grid{level(r)};
    if (s > 0) grid.push_back(level(s));
    grid.push_back(table_.data_level());
    auto options = official_bound(table_, data_.size());
    if (s == 0 && r > 1) options.decoder_deviation = level(r).sigma;
    return mean(terms(grid, r, options)[1]);
  }

  double prior() const
  {
    const std::size_t last = table_.steps();
    return mean(terms({level(last), table_.data_level()}, last, official_bound(table_, data_.size()))[0]);
  }

private:
  noise_level level(std::size_t n) const { return table_(static_cast<double>(n) - 1); }

  states terms(const std::vector<noise_level>& grid, std::size_t r, const fewstep::likelihood_options& options) const
  {
    const auto noise = [&](const numbers&, const fewstep::evaluation&, numbers& out) { out = draws_.at(r - 1); };
    return likelihood_terms(ddpm(grid, {.variance = fewstep::ddpm_variance::interval}),
                            fewstep::clipped(network_.denoiser(nullptr, nullptr)), joined(data_), noise, options);
  }

  static double mean(const numbers& of)
  {
    double sum = 0;
    for (const double value : of) sum += value / static_cast<double>(of.size());
    return sum;
  }

  fewstep::vp_table table_;
  states data_, draws_;
  official_network network_;
};

/// The baseline's program, over costs that depend on the data.
outcome check_bound_program(const sampler_case& golden)
{
  require_known(golden.config(), "config",
                {"beta_schedule", "num_diffusion_timesteps", "small_sigma", "rescale_timesteps", "network_predicts"});
  if (member(golden.config(), "small_sigma") != false) throw unsupported("costs of the small variance are not known");
  const bound_of_steps bound(golden);
  const states theirs = golden.states_at("F_upper_rows");
  const std::size_t nodes = theirs.size() + 1;
  states ours(theirs.size());
  for (std::size_t s = 0; s + 1 < nodes; ++s)
    for (std::size_t r = s + 1; r < nodes; ++r) ours[s].push_back(bound(s, r));
  comparison all;
  all.add("F_upper_rows", ours, theirs, golden.tolerance(theirs));
  all.add("last_term", bound.prior(), number(golden.field("last_term"), "last_term"), golden.tolerance(1));
  const auto cost = [&](std::size_t s, std::size_t r) { return ours[s][r - s - 1]; };
  const auto found = fewstep::least_cost_paths(nodes, nodes, cost);
  for (const json& run : golden.field("runs")) {
    const std::size_t stops = count(run, "K") + 1;
    numbers visited;
    for (const std::size_t node : found.path(stops)) visited.push_back(static_cast<double>(node));
    all.add("path", visited, list(member(run, "path"), "path"), 0);
    const double total = number(member(run, "nelbo_nats"), "nelbo_nats");
    all.add("nelbo_nats", found.cost(stops) + bound.prior(), total, golden.tolerance(total));
  }
  return all.result();
}

}  // namespace

outcome check_analytic_dpm(const sampler_case& golden)
{
  if (golden.has("F_upper_rows")) return check_bound_program(golden);
  if (golden.has("F_entries_s_t_value")) return check_programs(golden);
  if (golden.has("terms_nats")) return check_bound(golden);
  if (golden.has("betas_with_leading_0")) return check_table(golden);
  if (golden.has("runs")) return check_trajectories(golden);
  return check_sampling(golden);
}

}  // namespace conformance
