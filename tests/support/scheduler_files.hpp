/// @file
/// Scheduler files written out in tests.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/plan/plan.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::test {

/// The members that Stable Diffusion's files share.
inline const std::string latent = R"("beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012)";

/// The config of a class whose file has `members` besides its name: `"beta_end": 0.012, "solver_order": 3`.
inline scheduler_config scheduler_file(const std::string& name, const std::string& members = "")
{
  const std::string text = R"({"_class_name": ")" + name + R"(Scheduler", "_diffusers_version": "0.27.2")" +
                           (members.empty() ? "" : ", ") + members + "}";
  return read_scheduler_config(json::object_reader(json::parse(text), "scheduler_config.json"));
}

/// The sentence with which such a file is refused.
inline std::string file_refusal(const std::string& name, const std::string& members)
{
  try {
    scheduler_file(name, members);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

/// What the network is told, row by row.
inline std::vector<double> times(const sampling_plan& plan)
{
  std::vector<double> out;
  for (const plan_step& row : plan.steps) out.push_back(row.at.t);
  return out;
}

}  // namespace fewstep::test
