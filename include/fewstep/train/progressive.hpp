/// @file
/// Progressive distillation: Salimans and Ho 2022 (arXiv:2202.00512). A student learns to do in one step what its
/// teacher does in two.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/train/batch.hpp"
#include "fewstep/train/consistency.hpp"
#include "fewstep/train/denoiser.hpp"
#include "fewstep/train/distance.hpp"
#include "fewstep/train/solver.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::train {

/// Two steps of the teacher, one of the student.
struct double_step {
  noise_level from;
  noise_level middle;
  noise_level to;
};

/// The double steps of a grid for the teacher: levels 0 1 2, 2 3 4, ... Throws std::invalid_argument unless the grid
/// falls and has an odd number of levels.
inline std::vector<double_step> double_steps(const std::vector<noise_level>& grid)
{
  require_denoising(grid);
  if (grid.size() % 2 == 0)
    throw std::invalid_argument("double steps need a grid of an odd number of levels, but it has " +
                                std::to_string(grid.size()));
  std::vector<double_step> steps;
  for (std::size_t k = 0; k + 2 < grid.size(); k += 2) steps.push_back({grid[k], grid[k + 1], grid[k + 2]});
  return steps;
}

/// The distance of the student's predicted data from those by which one step of DDIM (in EDM's coordinates Euler's)
/// lands where two steps of the teacher do:
///
///     target = (x_to - keep * x) / (alpha_to - keep * alpha),   keep = sigma_to / sigma            (Algorithm 2).
///
/// Throws std::invalid_argument as `consistency_distillation` does.
template <differentiable X, batch_denoiser<X> S, batch_denoiser<X> U, distance<X> M = l2>
compared<X> progressive_distillation(S&& student, U&& teacher, const batch<X>& clean,
                                     const std::vector<double_step>& steps, const M& metric = {})
{
  std::vector<jump> first, second;
  std::vector<double> of_x, of_end;
  for (const auto& [from, middle, to] : steps) {
    first.push_back({from, middle}), second.push_back({middle, to});
    const plan_step row = first_order(from, to, 0);
    of_x.push_back(-row.keep / row.model[0]), of_end.push_back(1 / row.model[0]);
  }
  const std::vector<noise_level> from = detail::ends_of(first, &jump::from);
  detail::ends_of(second, &jump::from);
  const X x = noised(clean, batch_levels(from));
  return detail::against_target(
      student, x, from,
      [&] {
        const X middle = solver_step(teacher, x, first, ddim_solver{});
        return detail::weighted(of_x, x, of_end, solver_step(teacher, middle, second, ddim_solver{}));
      },
      metric);
}

}  // namespace fewstep::train
