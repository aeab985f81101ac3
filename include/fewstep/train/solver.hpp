/// @file
/// What a teacher is asked for: one step of a solver of the probability flow, from each sample's level to another. A
/// solver is a builder of plans; its rows are run with the weights of each sample.
#pragma once

#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/train/batch.hpp"
#include "fewstep/train/denoiser.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep::train {

/// solver({from, to}) is a deterministic plan that weighs predicted data.
template <class S>
concept solver = std::invocable < const S&,
        const std::vector<noise_level>
& > &&std::same_as<std::invoke_result_t<const S&, const std::vector<noise_level>&>, sampling_plan>;

/// DDIM's step, the solver of LCM and PCM. In EDM's coordinates it is Euler's.
struct ddim_solver {
  sampling_plan operator()(const std::vector<noise_level>& pair) const { return ddim(pair); }
};

/// Heun's step, the solver of consistency distillation: two evaluations, one where the step ends at the data.
struct heun_solver {
  sampling_plan operator()(const std::vector<noise_level>& pair) const { return heun(pair); }
};

namespace detail {

template <solver S>
std::vector<sampling_plan> plans_of(const S& solve, const std::vector<jump>& steps)
{
  std::vector<sampling_plan> plans;
  for (const auto& [from, to] : steps) {
    plans.push_back(solve(std::vector{from, to}));
    if (plans.back().predicts != prediction::data || is_stochastic(plans.back()) || plans.back().steps.empty())
      throw std::invalid_argument(
          "a teacher's solver must weigh predicted data and draw no noise, which the plan from (" + to_string(from) +
          ") to (" + to_string(to) + ") does not");
  }
  return plans;
}

/// Row i of a plan, and a row that changes nothing below its last.
inline plan_step row_of(const sampling_plan& plan, std::size_t i)
{
  return i < plan.steps.size() ? plan.steps[i] : plan_step{.at = plan.steps.back().at, .keep = 1};
}

}  // namespace detail

/// x after one step of the solver on the teacher's predictions: sample k goes from steps[k].from to steps[k].to.
/// Throws std::invalid_argument unless there is a step for each sample, and as the solver does.
template <differentiable X, batch_denoiser<X> U, solver S>
X solver_step(U&& teacher, X x, const std::vector<jump>& steps, const S& solve)
{
  detail::require_samples(x, steps.size(), "x");
  const std::vector<sampling_plan> plans = detail::plans_of(solve, steps);
  std::size_t rows = 0;
  for (const sampling_plan& plan : plans) rows = std::max(rows, plan.steps.size());
  std::vector<X> outputs;  // newest first
  for (std::size_t i = 0; i < rows; ++i) {
    std::vector<plan_step> row;
    std::vector<noise_level> at;
    for (const sampling_plan& plan : plans) row.push_back(detail::row_of(plan, i)), at.push_back(row.back().at);
    const auto weights = [&](auto weight) {
      std::vector<double> each;
      for (const plan_step& step : row) each.push_back(weight(step));
      return each;
    };
    outputs.insert(outputs.begin(), detail::evaluated(teacher, x, batch_levels(at)));
    std::vector<sample_term<X>> terms{{weights([](const plan_step& step) { return step.keep; }), &x}};
    for (std::size_t j = 0; j < std::min(outputs.size(), max_history); ++j)
      terms.push_back({weights([j](const plan_step& step) { return step.model[j]; }), &outputs[j]});
    x = gradient_traits<X>::sum(terms, 0);
  }
  return x;
}

}  // namespace fewstep::train
