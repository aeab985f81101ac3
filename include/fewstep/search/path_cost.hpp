/// @file
/// What a trajectory costs: the Kullback-Leibler divergence from the true reverse process to Analytic-DPM's along it
/// (Bao et al. 2022, arXiv:2201.06503, theorem 3), a sum over its steps.
#pragma once

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// A place that a trajectory may visit. A path names the places that it does visit by number, the noise rising.
struct path_node {
  double noise = 0;     ///< n = (sigma / alpha)^2
  double residual = 0;  ///< R = E|eps - eps_hat|^2 / d = C / n, in [0, 1]
};

/// The nodes at `levels`, whose noise must rise. Throws std::invalid_argument unless there are two at least and each
/// holds signal and noise.
inline std::vector<path_node> path_nodes(const moment_table& moments, const std::vector<noise_level>& levels,
                                         error_estimator wanted = error_estimator::best)
{
  require_moments(moments);
  if (levels.size() < 2)
    throw std::invalid_argument("a search for a trajectory needs at least two levels, but has " +
                                std::to_string(levels.size()));
  std::vector<path_node> nodes;
  for (const noise_level& at : levels) {
    require_level(at);
    if (!(at.alpha > 0 && at.sigma > 0))
      throw std::invalid_argument("a trajectory is searched among levels with signal and noise, unlike (" +
                                  to_string(at) + ")");
    const double n = noise_variance(at);
    if (!nodes.empty() && !(n > nodes.back().noise))
      throw std::invalid_argument("the levels must be given with their noise rising, but (" + to_string(at) +
                                  ") has no more than the one before");
    nodes.push_back({n, error_at(moments, at, wanted).value / n});
  }
  return nodes;
}

/// The cost of DDPM's step from t to s without what telescopes along any path,
///
///     Jt(s, t) = ln(1 - beta_{t|s} Gamma_t) = ln(R_t + (1 - R_t) n_s / n_t)      theorem 3 and its remark on DDPM.
///
/// It equals ln((v_t + n_s) / (v_t + n_t)) with the effective variance v of the data, and is never positive.
inline double telescoped_cost(const path_node& s, const path_node& t)
{
  return std::log(t.residual + (1 - t.residual) * (s.noise / t.noise));
}

/// What telescopes: sum J = sum Jt + telescoped_part(first, last) over any path, for eta = 1.
inline double telescoped_part(const path_node& first, const path_node& last)
{
  return std::log(last.noise / first.noise);
}

/// Throws std::invalid_argument unless eta lies in (0, 1].
inline void require_path_eta(double eta)
{
  if (eta == 0)
    throw std::invalid_argument(
        "at eta = 0 (DDIM) every trajectory's divergence is infinite, so none is optimal: search with eta = 1, the "
        "trajectory of DDPM");
  if (!(eta > 0 && eta <= 1)) throw std::invalid_argument("eta must lie in (0, 1], but is " + std::to_string(eta));
}

/// J(s, t) = ln(optimal variance / lambda^2), theorem 3. In units of alpha_s, with c^2 = eta^2 n_s (1 - n_s / n_t), it
/// is ln(1 + (1 - sqrt((n_s - c^2) / n_t))^2 C_t / c^2), C_t = R_t n_t. Infinite at eta = 0.
inline double path_cost(const path_node& s, const path_node& t, double eta = 1)
{
  const double ratio = s.noise / t.noise, fresh = eta * eta * (1 - ratio);  // lambda^2 = fresh n_s
  const double gain = 1 - std::sqrt(ratio * (1 - fresh));
  return std::log1p(gain * gain * t.residual / (fresh * ratio));
}

/// The sum of J along a path. 2 / d times the divergence of the whole process, but for a term that all paths share.
/// Throws std::invalid_argument at eta = 0, or if the path is none.
inline double path_cost(const std::vector<path_node>& nodes, const std::vector<std::size_t>& path, double eta = 1)
{
  require_path_eta(eta);
  double sum = 0;
  for (std::size_t k = 0; k < path.size(); ++k) {
    if (path[k] >= nodes.size() || (k > 0 && path[k] <= path[k - 1]))
      throw std::invalid_argument("a path visits some of " + std::to_string(nodes.size()) +
                                  " nodes in rising order, but stop " + std::to_string(k) + " is node " +
                                  std::to_string(path[k]));
    if (k > 0) sum += path_cost(nodes[path[k - 1]], nodes[path[k]], eta);
  }
  return sum;
}

}  // namespace fewstep
