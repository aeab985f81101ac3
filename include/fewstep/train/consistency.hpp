/// @file
/// Consistency distillation and consistency training: Song et al. 2023 (arXiv:2303.01469), with the improvements of
/// iCT (Song and Dhariwal 2023, arXiv:2310.14189) and the variant of LCM (Luo et al. 2023, arXiv:2310.04378). A student
/// is pulled towards what the target says one step further along the same trajectory.
///
/// | method | steps | target | metric | solver |
/// |---|---|---|---|---|
/// | CD  | jumps of `karras_sigmas`  | EMA of the student | features, `l2`, `l1` | Heun |
/// | CT  | the same, more and more of them (`progressive_levels`) | EMA, rate `target_decay` | the same | none |
/// | iCT | the same, `doubling_levels`, drawn by `lognormal_law` | the student itself | `pseudo_huber` | none |
/// | LCM | `distillation_steps` | EMA | `element_huber` | DDIM on a `guided` teacher |
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/train/batch.hpp"
#include "fewstep/train/denoiser.hpp"
#include "fewstep/train/distance.hpp"
#include "fewstep/train/solver.hpp"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::train {

namespace detail {

/// The first or the second level of each step. Throws std::invalid_argument unless the noise falls in each.
inline std::vector<noise_level> ends_of(const std::vector<jump>& steps, noise_level jump::*end)
{
  std::vector<noise_level> at;
  for (const jump& step : steps) {
    require_level(step.from), require_level(step.to);
    if (!(step.from.sigma * step.to.alpha > step.to.sigma * step.from.alpha))
      throw std::invalid_argument("the noise must fall from the student's level to the target's, but from (" +
                                  to_string(step.from) + ") to (" + to_string(step.to) + ") it does not");
    at.push_back(step.*end);
  }
  return at;
}

/// The student at x against what `target(x_to)` says without a gradient.
template <differentiable X, class S, class T, class M>
compared<X> against_target(S& student, const X& x, batch_levels from, T target, const M& metric)
{
  X goal = gradient_traits<X>::without_gradients(std::move(target));
  X estimate = evaluated(student, x, from);
  X losses = metric(estimate, goal, from.size());
  return {std::move(losses), std::move(estimate), std::move(goal)};
}

}  // namespace detail

/// With x = alpha * data + sigma * noise at steps[k].from and x_to the teacher's step from there to steps[k].to,
///
///     d(f(x, from), f_(x_to, to)),   f_ without gradient,                                 (CD: Algorithm 2; LCM: eq.
///     13)
///
/// for each sample k; its weight is the caller's (see `mean`). f and f_ are consistency functions: networks with their
/// boundary scaling, `consistency_scaling` or `lcm_scaling`, by `preconditioned`. The teacher predicts data. Where
/// networks drop units at random, give student and target the same draws.
/// Throws std::invalid_argument on shapes that differ, unless there is a step for each sample whose noise falls, and as
/// the solver does.
template <differentiable X, batch_denoiser<X> S, batch_denoiser<X> T, batch_denoiser<X> U, distance<X> M = l2,
          solver O = heun_solver>
compared<X> consistency_distillation(S&& student, T&& target, U&& teacher, const batch<X>& clean,
                                     const std::vector<jump>& steps, const M& metric = {}, const O& solve = {})
{
  const std::vector<noise_level> from = detail::ends_of(steps, &jump::from), to = detail::ends_of(steps, &jump::to);
  const X x = noised(clean, batch_levels(from));
  return detail::against_target(
      student, x, from,
      [&] { return detail::evaluated(target, solver_step(teacher, x, steps, solve), batch_levels(to)); }, metric);
}

/// The same without a teacher: grad log p(x) = -E[(x - alpha data) / sigma^2 | x], and with the unbiased estimate that
/// the data at hand give, a step of Euler's or DDIM's rule is the same noise at the lower level,
///
///     d(f(alpha data + sigma z, from), f_(alpha' data + sigma' z, to)).                               (CT: Algorithm
///     3)
template <differentiable X, batch_denoiser<X> S, batch_denoiser<X> T, distance<X> M = l2>
compared<X> consistency_training(S&& student, T&& target, const batch<X>& clean, const std::vector<jump>& steps,
                                 const M& metric = {})
{
  const std::vector<noise_level> from = detail::ends_of(steps, &jump::from), to = detail::ends_of(steps, &jump::to);
  const X x = noised(clean, batch_levels(from));
  return detail::against_target(
      student, x, from, [&] { return detail::evaluated(target, noised(clean, batch_levels(to)), batch_levels(to)); },
      metric);
}

}  // namespace fewstep::train
