#include "samplers.hpp"

#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/plan/lcm.hpp"

#include <cstddef>

namespace conformance {

namespace {

/// Boundary scalings and embeddings of the guidance.
outcome check_embedding(const sampler_case& golden)
{
  const json& config = golden.config();
  require_known(config, "config", {"sigma_data", "timestep_divisor", "embedding_dim"});
  const fewstep::lcm_scaling scaling{number_or(config, "sigma_data", 0.5),
                                     1 / number(member(config, "timestep_divisor"), "timestep_divisor")};
  numbers skip, out;
  for (const double t : golden.at("timesteps")) {
    const fewstep::network_scaling c = scaling({t, 1, 1});
    skip.push_back(c.skip), out.push_back(c.out);
  }
  comparison all;
  all.add("c_skip", skip, golden.at("c_skip"), golden.tolerance(1));
  all.add("c_out", out, golden.at("c_out"), golden.tolerance(1));
  // sines of angles up to 1000 w, each right to half a unit in the last place of the angle
  const numbers guidance = golden.at("guidance_w");
  const states embeddings = golden.states_at("guidance_embedding");
  if (guidance.size() != embeddings.size()) throw mismatch("there are not as many embeddings as scales");
  for (std::size_t k = 0; k < guidance.size(); ++k)
    all.add("guidance_embedding", fewstep::guidance_embedding(guidance[k] + 1, count(config, "embedding_dim")),
            embeddings[k], 1e-12 + 2.3e-16 * 1000 * guidance[k]);
  return all.result();
}

}  // namespace

outcome check_lcm(const sampler_case& golden)
{
  if (golden.config().contains("loss_type")) return check_distillation(golden);
  return golden.has("guidance_embedding") ? check_embedding(golden) : check_solver(golden);
}

}  // namespace conformance
