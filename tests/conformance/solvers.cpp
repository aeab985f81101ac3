#include "samplers.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/flow.hpp"
#include "fewstep/plan/phased.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace conformance {

namespace {

using fewstep::noise_level;
using levels = std::vector<noise_level>;

/// The probes of a case: from each training time a state, and the data predicted there.
struct probes {
  levels from;
  states x, data;
};

/// DDIM's step from each training time to `to`, which is given by place.
states landed(const probes& p, const std::function<noise_level(std::size_t)>& to)
{
  states out;
  for (std::size_t i = 0; i < p.from.size(); ++i) {
    const fewstep::plan_step row = fewstep::first_order(p.from[i], to(i), 0);
    numbers y(p.x[i].size());
    for (std::size_t k = 0; k < y.size(); ++k) y[k] = row.keep * p.x[i][k] + row.model[0] * p.data[i][k];
    out.push_back(y);
  }
  return out;
}

/// Where the phase of each training time ends.
levels ends_of(const levels& edges, const levels& from)
{
  levels out;
  for (const noise_level& at : from) out.push_back(phase_path(edges, at)[1]);
  return out;
}

void require_probes(const probes& p, const states& a, const states& b)
{
  const auto pairs = [](const numbers& pair) { return pair.size() == 2; };
  if (a.size() != p.from.size() || b.size() != p.from.size() || !std::all_of(a.begin(), a.end(), pairs) ||
      !std::all_of(b.begin(), b.end(), pairs))
    throw mismatch("there must be a probe of two numbers for every training time");
}

/// The first of the edges is the start of all phases; the official lists count from the clean end.
numbers clean_to_noisy(const levels& edges, double noise_level::*coordinate)
{
  numbers out;
  for (std::size_t m = edges.size(); m-- > 1;) out.push_back(edges[m].*coordinate);
  return out;
}

fewstep::vp_table schedule_of(const json& schedule)
{
  require_known(schedule, "noise_schedule", {"beta_schedule", "beta_start", "beta_end"});
  if (text(schedule, "beta_schedule") != "scaled_linear")
    throw unsupported("another noise_schedule than scaled_linear");
  return fewstep::scaled_linear_vp(
      {1000, number_or(schedule, "beta_start", 0.00085), number_or(schedule, "beta_end", 0.012)});
}

/// The training times k - 1, 2 k - 1, ... of a table.
numbers training_times(std::size_t table, std::size_t n)
{
  if (n == 0 || n > table) throw mismatch("the training times are not on the table");
  numbers times;
  for (std::size_t i = 1; i <= n; ++i) times.push_back(static_cast<double>(i * (table / n) - 1));
  return times;
}

outcome check_ddim_solver(const sampler_case& golden)
{
  const json& config = golden.config();
  require_known(config, "config", {"noise_schedule", "ddim_timesteps", "multiphase"});
  const fewstep::vp_table table = schedule_of(member(config, "noise_schedule"));
  const std::size_t n = count(config, "ddim_timesteps");
  const numbers times = training_times(table.steps(), n);
  const states data = golden.states_at("probe_pred_x0"), noise = golden.states_at("probe_pred_noise");
  probes p{.from = {}, .x = {}, .data = data};
  for (const double t : times) p.from.push_back(table(t));
  require_probes(p, data, noise);
  for (std::size_t i = 0; i < n; ++i)
    p.x.push_back({p.from[i].alpha * data[i][0] + p.from[i].sigma * noise[i][0],
                   p.from[i].alpha * data[i][1] + p.from[i].sigma * noise[i][1]});

  comparison all;
  const auto compare = [&](const std::string& name, const states& ours, const states& theirs) {
    all.add(name, ours, theirs, golden.tolerance(theirs));
  };
  all.add("ddim_timesteps", times, golden.at("ddim_timesteps"), golden.tolerance(1));
  const auto before = [&](std::size_t i) { return i == 0 ? table(0) : p.from[i - 1]; };
  compare("ddim_step", landed(p, before), golden.states_at("ddim_step"));
  if (!golden.has("phases")) return all.result();
  for (const json& phase : golden.field("phases")) {
    const std::size_t phases = count(phase, "multiphase");
    const levels edges = fewstep::phases(table, phases, n), ends = ends_of(edges, p.from);
    numbers end_times;
    for (const noise_level& at : ends) end_times.push_back(at.t);
    all.add("edge_timesteps", clean_to_noisy(edges, &noise_level::t), list(member(phase, "edge_timesteps"), "edges"),
            golden.tolerance(1));
    all.add("end_timestep_per_index", end_times, list(member(phase, "end_timestep_per_index"), "ends"),
            golden.tolerance(1));
    const json& predicted = golden.field("multiphase_pred");
    compare("multiphase_pred", landed(p, [&](std::size_t i) { return ends[i]; }),
            lists(member(predicted.is_object() ? predicted : phase,
                         predicted.is_object() ? std::to_string(phases) : "multiphase_pred"),
                  "multiphase_pred"));
  }
  return all.result();
}

outcome check_euler_solver(const sampler_case& golden)
{
  const json& config = golden.config();
  require_known(config, "config", {"shift", "num_train_timesteps", "euler_timesteps", "multiphase"});
  const std::size_t n = count(config, "euler_timesteps"), table = count(config, "num_train_timesteps");
  const double shift = number(member(config, "shift"), "shift");
  const auto level = [&](double t) {
    return fewstep::flow_schedule{}(fewstep::shifted((t + 1) / static_cast<double>(table), shift));
  };
  const states x = golden.states_at("probe_sample"), flow = golden.states_at("probe_model_pred");
  probes p{.from = {}, .x = x, .data = x};
  for (const double t : training_times(table, n)) p.from.push_back(level(t));
  require_probes(p, x, flow);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < 2; ++k) p.data[i][k] -= p.from[i].sigma * flow[i][k];

  comparison all;
  const auto compare = [&](const std::string& name, const states& ours, const states& theirs) {
    all.add(name, ours, theirs, golden.tolerance(theirs));
  };
  numbers sigmas;
  for (const noise_level& at : p.from) sigmas.push_back(at.sigma);
  all.add("sigmas", sigmas, golden.at("sigmas"), golden.tolerance(1));
  const auto before = [&](std::size_t i) { return i == 0 ? level(0) : p.from[i - 1]; };
  compare("euler_step", landed(p, before), golden.states_at("euler_step"));
  for (const json& phase : golden.field("phases")) {
    const levels edges = fewstep::flow_phases(count(phase, "multiphase"), {.grid = n, .shift = shift, .table = table});
    const levels ends = ends_of(edges, p.from);
    all.add("edge_sigmas", clean_to_noisy(edges, &noise_level::sigma), list(member(phase, "edge_sigmas"), "edges"),
            golden.tolerance(1));
    compare("online_pred", landed(p, [&](std::size_t i) { return ends[i]; }),
            lists(member(phase, "online_pred"), "online_pred"));
  }
  return all.result();
}

}  // namespace

outcome check_solver(const sampler_case& golden)
{
  if (golden.config().contains("ddim_timesteps")) return check_ddim_solver(golden);
  if (golden.config().contains("euler_timesteps")) return check_euler_solver(golden);
  throw unsupported("a case of this form is not known");
}

}  // namespace conformance
