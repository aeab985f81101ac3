#include "samplers.hpp"
#include "toy.hpp"
#include "trajectory.hpp"

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/editing.hpp"
#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/consistency.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

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

/// The official last noise has a scale of up to 1e-9, where exact arithmetic has none.
constexpr double last_noise = 1e-9;

struct gridded_plan {
  sampling_plan plan;
  std::vector<noise_level> grid;
};

/// The Karras grid that a case samples on.
struct karras_grid {
  std::size_t n;
  fewstep::sigma_range range;
  double rho;

  numbers sigmas() const { return fewstep::karras_sigmas(n, range, rho); }
};

karras_grid grid_of(const json& call)
{
  return {count(call, "steps"),
          {number_or(call, "sigma_min", 0.002), number_or(call, "sigma_max", 80)},
          number_or(call, "rho", 7)};
}

/// Multistep sampling along `ts`; a list that ends early leaves the noise of its last level in the image.
gridded_plan multistep(const karras_grid& karras, const std::vector<std::size_t>& ts)
{
  const numbers sigmas = karras.sigmas();
  std::vector<noise_level> grid;
  for (const std::size_t index : ts) {
    if (index >= sigmas.size()) throw mismatch("\"ts\" holds an index beyond the grid");
    grid.push_back(fewstep::edm_schedule{}(sigmas[index]));
  }
  return {consistency(grid, {.lands_on = fewstep::edm_schedule{}(karras.range.sigma_min)}), grid};
}

/// The official DPM-2 takes its second slope at the mean of cube roots, in the step to 0 also.
void append_cubic_dpm_2(sampling_plan& plan, const noise_level& from, const noise_level& to)
{
  const double middle = std::pow((std::cbrt(from.sigma) + std::cbrt(to.sigma)) / 2, 3);
  fewstep::detail::append_two_stages(plan, from, fewstep::edm_schedule{}(middle), to, 1);
}

gridded_plan karras_plan(const json& call, const std::string& sampler, const karras_grid& karras)
{
  const fewstep::edm_schedule edm;
  if (sampler == "onestep") return multistep(karras, {0, karras.n - 1});
  if (sampler == "multistep") return multistep(karras, counts(call, "ts"));
  if (sampler == "progdist") {  // n + 1 levels, the last of them sigma_min and not 0
    std::vector<noise_level> grid;
    for (const double sigma : karras_grid{karras.n + 1, karras.range, karras.rho}.sigmas()) grid.push_back(edm(sigma));
    return {fewstep::ddim(grid), grid};
  }
  auto grid = fewstep::karras(edm, karras.n, karras.range, karras.rho);
  if (sampler == "euler") return {fewstep::ddim(grid), grid};
  if (sampler == "ancestral") return {fewstep::ddim(grid, 1), grid};
  const fewstep::churn_options churn{.churn = number_or(call, "s_churn", 0),
                                     .s_min = number_or(call, "s_tmin", 0),
                                     .s_max = number_or(call, "s_tmax", std::numeric_limits<double>::infinity()),
                                     .s_noise = number_or(call, "s_noise", 1)};
  if (sampler == "heun") return {heun(edm, grid, churn), grid};
  if (sampler == "dpm") return {churned(edm, grid, churn, append_cubic_dpm_2), grid};
  throw unsupported("the sampler \"" + sampler + "\" is not known");
}

/// Runs the plan on the network as KarrasDenoiser presents it, clipped if the case says so.
trajectory run_karras(const sampling_plan& plan, const sampler_case& golden, const toy_network& network, bool clip)
{
  const json& model = member(golden.config(), "KarrasDenoiser");
  require_known(model, "KarrasDenoiser", {"distillation", "sigma_data", "sigma_min", "sigma_max"});
  const double sigma_data = number_or(model, "sigma_data", 0.5), sigma_min = number_or(model, "sigma_min", 0.002);
  const auto bounded = [&](const auto& data) {
    return clip ? run(plan, golden, fewstep::clipped(data)) : run(plan, golden, data);
  };
  if (member(model, "distillation") == true)
    return bounded(preconditioned(network, fewstep::consistency_scaling{sigma_data, sigma_min}));
  return bounded(preconditioned(network, fewstep::edm_scaling{sigma_data, 250}));
}

/// Compares states; the last may carry noise that exact arithmetic has not.
void compare_states(const sampler_case& golden, const states& ours, bool noisy_end, comparison& all)
{
  const states theirs = golden.states_at("states");
  if (ours.size() != theirs.size() || theirs.empty()) throw mismatch("\"states\" are not as many as the steps");
  const double tolerance = golden.tolerance(theirs);
  for (std::size_t k = 0; k < theirs.size(); ++k)
    all.add("states[" + std::to_string(k) + "]", ours[k], theirs[k],
            tolerance + (noisy_end && k + 1 == theirs.size() ? last_noise : 0));
}

outcome check_karras_sample(const sampler_case& golden)
{
  const json& call = member(golden.config(), "karras_sample");
  require_known(call, "karras_sample",
                {"sampler", "steps", "ts", "sigma_min", "sigma_max", "rho", "clip_denoised", "s_churn", "s_tmin",
                 "s_tmax", "s_noise"});
  const std::string sampler = text(call, "sampler");
  const auto [plan, grid] = karras_plan(call, sampler, grid_of(call));
  const toy_network network(golden);
  const trajectory ours = run_karras(plan, golden, network, member(call, "clip_denoised") != false);

  const bool churned = number_or(call, "s_churn", 0) > 0, multistep = sampler == "multistep" || sampler == "onestep";
  const states predictions = golden.states_at("x0_predictions");
  comparison all;
  if (!multistep && golden.at("sigmas").size() == grid.size())
    all.add("sigmas", sigmas_of(grid), golden.at("sigmas"), golden.tolerance(golden.at("sigmas")));
  all.add("network_sigmas", network_sigmas(plan), golden.at("network_sigmas"),
          golden.tolerance(golden.at("network_sigmas")));
  all.add("model_times", network.asked(), golden.times_at("model_times"),
          golden.tolerance(golden.times_at("model_times")));
  compare_states(golden, churned ? before_churn(ours, plan, grid) : after_steps(ours, grid.size() - 1), multistep, all);
  all.add("x0_predictions", ours.predictions, predictions, golden.tolerance(predictions));
  numbers result = ours.reached.back();
  for (double& value : result) value = std::clamp(value, -1.0, 1.0);
  all.add("result_after_final_clamp", result, golden.at("result_after_final_clamp"),
          golden.tolerance(1) + (multistep ? last_noise : 0));
  return all.result();
}

/// What the editing function knows of the image.
fewstep::known_part known_of(const std::string& function, const sampler_case& golden)
{
  const std::vector<std::size_t> shape = golden.shape();
  if (shape.size() != 4) throw mismatch("\"shape\" must be that of images");
  const fewstep::image_shape image{shape[0], shape[1], shape[2], shape[3]};
  if (function == "iterative_colorization") return known_luminance(image);
  if (function == "iterative_superres") return known_patch_means(image, 8);
  if (function == "iterative_inpainting") return fewstep::known_elements(golden.flat_at("mask"));
  throw unsupported("the function \"" + function + "\" is not known");
}

outcome check_editing(const sampler_case& golden)
{
  const json& config = golden.config();
  require_known(config, "config", {"function", "KarrasDenoiser", "ts", "steps"});
  const auto [plan, grid] = multistep({count(config, "steps"), {}, 7}, counts(config, "ts"));
  const fewstep::known_part known = known_of(text(config, "function"), golden);
  const toy_network network(golden);
  const auto data = fewstep::preconditioned(network, fewstep::consistency_scaling{});
  const trajectory ours = run(plan, golden, fewstep::keeping(fewstep::clipped(data), golden.flat_at("images"), known));
  const states replaced = golden.states_at("x0_after_replacement");
  comparison all;
  all.add("model_times", network.asked(), golden.times_at("model_times"),
          golden.tolerance(golden.times_at("model_times")));
  all.add("x0_after_replacement", ours.predictions, replaced, golden.tolerance(replaced));
  compare_states(golden, ours.reached, true, all);
  return all.result();
}

void compare_scalings(const json& table, comparison& all)
{
  const json& options = member(table, "options");
  require_known(options, "options", {"sigma_data", "sigma_min", "sigma_max"});
  const fewstep::edm_scaling edm{number_or(options, "sigma_data", 0.5), 250};
  const fewstep::consistency_scaling boundary{edm.sigma_data, number_or(options, "sigma_min", 0.002)};
  const numbers sigmas = list(member(table, "sigma"), "sigma");
  const auto compare = [&](const char* name, auto value) {
    numbers ours;
    for (const double sigma : sigmas) ours.push_back(value(fewstep::edm_schedule{}(sigma)));
    const numbers theirs = list(member(table, name), name);
    all.add(name, ours, theirs, 1e-12 * std::max(1.0, largest(theirs)));
  };
  compare("c_skip", [&](const noise_level& at) { return edm(at).skip; });
  compare("c_out", [&](const noise_level& at) { return edm(at).out; });
  compare("c_in", [&](const noise_level& at) { return edm(at).in; });
  compare("boundary_c_skip", [&](const noise_level& at) { return boundary(at).skip; });
  compare("boundary_c_out", [&](const noise_level& at) { return boundary(at).out; });
  compare("boundary_c_in", [&](const noise_level& at) { return boundary(at).in; });
  compare("rescaled_t", [&](const noise_level& at) { return boundary(at).time; });
}

outcome check_tables(const sampler_case& golden)
{
  comparison all;
  for (const json& table : golden.field("karras_sigmas")) {
    const karras_grid karras{count(table, "n"),
                             {number_or(table, "sigma_min", 0.002), number_or(table, "sigma_max", 80)},
                             number_or(table, "rho", 7)};
    numbers ours = karras.sigmas();
    ours.push_back(0);
    const numbers theirs = list(member(table, "sigmas"), "sigmas");
    all.add("karras_sigmas", ours, theirs, golden.tolerance(theirs));
  }
  for (const json& table : golden.field("scalings")) compare_scalings(table, all);
  for (const numbers& row : golden.states_at("ancestral_from_to_down_up")) {
    if (row.size() != 4) throw mismatch("\"ancestral_from_to_down_up\" must have four columns");
    const auto [down, up] = fewstep::ancestral(row[0], row[1], 1);
    all.add("ancestral down", down, row[2], golden.tolerance(row[0]));
    all.add("ancestral up", up, row[3], golden.tolerance(row[0]));
  }
  return all.result();
}

}  // namespace

outcome check_consistency_models(const sampler_case& golden)
{
  if (golden.has("karras_sigmas")) return check_tables(golden);
  return golden.config().contains("function") ? check_editing(golden) : check_karras_sample(golden);
}

}  // namespace conformance
