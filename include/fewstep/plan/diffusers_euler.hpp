/// @file
/// Churn as the Euler schedulers of diffusers do it (EulerDiscrete and EDMEuler, v0.27). It is not EDM's Algorithm 2:
/// the noise is added after the network was evaluated, which so never sees it. For comparing with diffusers; to sample,
/// take `euler`.
#pragma once

#include "fewstep/plan/churn.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// One step from sigma to sigma_to in VE coordinates, sigma_hat being the raised level and c^2 = sigma_hat^2 - sigma^2:
///
///     F = network(x, sigma),   x_hat = x + s_noise c z,   P = skip x_hat + out F,
///     x_to = (sigma_to / sigma_hat) x_hat + (1 - sigma_to / sigma_hat) P.
///
/// (skip, out) belong to sigma_hat but for velocity, which keeps those of sigma. As the network's own data prediction
/// is D = skip_0 x + out_0 F, with the numbers of sigma, F goes out: P = skip x_hat + (out / out_0) (D - skip_0 x).
///
/// `network` is what the checkpoint predicts: noise, data or velocity. With `sigma_data` > 0 the scalings are EDM's,
/// which are the same but for a sign for noise and velocity. Throws std::invalid_argument on another kind, on options
/// out of range, and unless alpha is 1 at all levels.
inline sampling_plan diffusers_euler(const std::vector<noise_level>& grid, const churn_options& options,
                                     prediction network, double sigma_data = 0)
{
  require_churn(options);
  const bool known = network == prediction::noise || network == prediction::velocity;
  if (!known && !(network == prediction::data && sigma_data == 0))
    throw std::invalid_argument(
        "diffusers' Euler schedulers know networks of noise, velocity and, but for EDM's, data");
  struct scalings {
    double skip, out;
  };
  const auto scaled = [=](double sigma) -> scalings {
    const double data = sigma_data * sigma_data, total = sigma * sigma + data;
    if (sigma_data > 0) return {data / total, sigma * sigma_data / std::sqrt(total)};
    if (network == prediction::noise) return {1, -sigma};
    if (network == prediction::velocity) return {1 / (sigma * sigma + 1), -sigma / std::sqrt(sigma * sigma + 1)};
    return {0, 1};
  };
  sampling_plan plan;
  for (const auto& [from, to] : jumps(grid)) {
    if (from.alpha != 1 || to.alpha != 1)
      throw std::invalid_argument("this step is in VE coordinates, where alpha is 1, but a level is (" +
                                  to_string(from) + ")");
    const double raised = from.sigma * churn_factor(from, grid.size() - 1, options);
    const bool keeps = network == prediction::velocity && !(sigma_data > 0);
    const scalings at = scaled(from.sigma), hat = keeps ? at : scaled(raised);
    const double ratio = to.sigma / raised, out = hat.out / at.out, slope = ratio + (1 - ratio) * hat.skip;
    const double c = std::sqrt((raised - from.sigma) * (raised + from.sigma));
    plan.steps.push_back({.at = from,
                          .keep = slope - (1 - ratio) * out * at.skip,
                          .model = {(1 - ratio) * out},
                          .noise = slope * options.s_noise * c});
  }
  plan.start = grid.front();
  plan.end = grid.back();
  return plan;
}

}  // namespace fewstep
