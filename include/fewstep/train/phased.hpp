/// @file
/// Phased consistency distillation: Wang et al. 2024 (arXiv:2405.18407). Within each phase the student learns to land
/// on the phase's lower edge.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/train/batch.hpp"
#include "fewstep/train/consistency.hpp"
#include "fewstep/train/denoiser.hpp"
#include "fewstep/train/distance.hpp"
#include "fewstep/train/solver.hpp"
#include "fewstep/train/steps.hpp"

#include <vector>

namespace fewstep::train {

/// `consistency_distillation` by phases: for x at the start of each step, x_to after the teacher's step, and e the
/// lower edge of the phase,
///
///     d(F(x, from, e), F_(x_to, to, e)),   F(x, t, e) = alpha_e D + sigma_e (x - alpha_t D) / sigma_t, (section 3.2)
///
/// where student, target and teacher predict data D, and F is `landing`. At to = e the target is x_to itself. Official
/// training takes the student itself as the target, and a teacher that is `guided` (w + 1), or not, so that negative
/// conditions keep their meaning. `estimate` and `target` are what an adversarial term looks at.
/// Throws std::invalid_argument as `consistency_distillation` does.
template <differentiable X, batch_denoiser<X> S, batch_denoiser<X> T, batch_denoiser<X> U,
          distance<X> M = element_huber, solver O = ddim_solver>
compared<X> phased_distillation(S&& student, T&& target, U&& teacher, const batch<X>& clean,
                                const std::vector<phased_step>& steps, const M& metric = M{}, const O& solve = {})
{
  std::vector<jump> jumps;
  std::vector<noise_level> ends;
  for (const auto& [from, to, end] : steps) jumps.push_back({from, to}), ends.push_back(end);
  const auto student_data = [&](const X& x, batch_levels at) -> X { return student(x, at); };
  const auto target_data = [&](const X& x, batch_levels at) -> X { return target(x, at); };
  return consistency_distillation(landing(student_data, ends), landing(target_data, ends), teacher, clean, jumps,
                                  metric, solve);
}

}  // namespace fewstep::train
