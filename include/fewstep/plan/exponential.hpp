/// @file
/// What the exponential integrators share (DPM-Solver, UniPC, DEIS): in lambda = ln(alpha / sigma) the flow is a linear
/// part that is solved exactly and an integral over the predictions (Lu et al. 2022, arXiv:2206.00927, eq. 3.4;
/// arXiv:2211.01095, Proposition 4.1).
#pragma once

#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace fewstep {

/// phi_k(z) = integral over u in [0, 1] of exp((1 - u) z) u^(k - 1) / (k - 1)!, for k >= 1:
/// phi_1(z) = (e^z - 1) / z, phi_{k+1}(z) = (phi_k(z) - 1 / k!) / z, phi_k(0) = 1 / k!.
inline double phi(int k, double z)
{
  double factorial = 1;
  for (int i = 2; i <= k; ++i) factorial *= i;
  if (std::abs(z) < 1) {  // the recursion cancels near 0: sum z^i / (i + k)!
    double sum = 0, part = 1 / factorial;
    for (int i = 1; i < 20; ++i) {
      sum += part;
      part *= z / (i + k);
    }
    return sum;
  }
  return k == 1 ? std::expm1(z) / z : (phi(k - 1, z) - k / factorial) / z;
}

/// One step of an exponential integrator, in lambda from `from` to `to`, with h = lambda_to - lambda:
///
///     x_to = keep * x - scale * expm1(z) * m_0 - scale * z * (phi_2(z) * h m' + phi_3(z) * h^2 m'' + ...),
///
/// m', m'' being derivatives of the prediction by lambda at `from`. Predicted data have keep = sigma_to / sigma,
/// scale = alpha_to, z = -h; predicted noise keep = alpha_to / alpha, scale = sigma_to, z = h.
struct exponential_step {
  double h = 0;
  double keep = 0;
  double scale = 0;
  double z = 0;
  double first = 0;  ///< -scale * expm1(z), as a difference, which is finite at sigma_to = 0 also
};

inline exponential_step step_in_lambda(prediction predicts, const noise_level& from, const noise_level& to)
{
  const double h = log_snr(to) - log_snr(from);
  if (predicts == prediction::noise) {
    const double keep = to.alpha / from.alpha;
    return {h, keep, to.sigma, h, to.sigma - keep * from.sigma};
  }
  const double keep = to.sigma / from.sigma;
  return {h, keep, to.alpha, -h, to.alpha - keep * from.alpha};
}

/// The rule by which the authors' code and diffusers give up order: the first steps lack history; a step to sigma = 0
/// has no end in lambda; and a run of fewer than 15 steps ends with orders 2 and 1, which is steadier.
struct order_rule {
  std::size_t order = 2;
  bool lower_order_final = true;  ///< the rule of fewer than 15 steps
  bool euler_at_final = false;    ///< the last step is of order 1, however many there are
};

/// The order of step k of n.
inline std::size_t order_at(const order_rule& rule, std::size_t k, std::size_t n, const noise_level& to)
{
  const bool few = rule.lower_order_final && n < 15;
  if (to.sigma == 0 || (k + 1 == n && (few || rule.euler_at_final))) return 1;
  return std::min({rule.order, k + 1, few && k + 2 == n ? std::size_t{2} : max_history});
}

/// Derivatives of the prediction by lambda at level k, in weights of the outputs m_0 .. m_2, from the line (order 2) or
/// the parabola (order 3) through them; f[..] are Newton's divided differences:
///
///     order 2:  m' = f[0,1]
///     order 3:  m' = f[0,1] + (lambda_0 - lambda_1) f[0,1,2],   m'' = 2 f[0,1,2]
struct history_derivatives {
  std::array<double, max_history> first{};
  std::array<double, max_history> second{};
};

inline history_derivatives derivatives(const std::vector<noise_level>& grid, std::size_t k, std::size_t order)
{
  history_derivatives of;
  if (order < 2) return of;
  const double h0 = log_snr(grid[k]) - log_snr(grid[k - 1]);
  of.first = {1 / h0, -1 / h0};
  if (order < 3) return of;
  const double h1 = log_snr(grid[k - 1]) - log_snr(grid[k - 2]);
  const std::array<double, 3> curvature{1 / h0 / (h0 + h1), -(1 / h0 + 1 / h1) / (h0 + h1), 1 / h1 / (h0 + h1)};
  for (std::size_t j = 0; j < 3; ++j) {
    of.first[j] += h0 * curvature[j];
    of.second[j] = 2 * curvature[j];
  }
  return of;
}

}  // namespace fewstep
