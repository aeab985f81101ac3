/// @file
/// Whether a plan is right, as numbers: for users who port a sampler and want to know. Nothing but the plan is needed;
/// the network's place is taken by data whose best denoiser, flow and law are known in closed form.
#pragma once

#include "fewstep/audit/gaussian_data.hpp"
#include "fewstep/audit/mixture_data.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/plan/check.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/random/philox.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <vector>

namespace fewstep {

/// The largest of some numbers by magnitude, with its sign, and the row that it belongs to.
struct extreme {
  double value = 0;
  std::size_t row = 0;
};

/// What there is to know of a plan. Errors at the end are in units of the exact deviation there; x at the start has the
/// law that `plan.start` names.
struct plan_audit {
  std::size_t evaluations = 0;
  std::size_t depth = 1;  ///< outputs that a row weighs, at most
  bool stochastic = false;
  /// By how much a row misses the law of the next level (`law_residuals`); the variance in units of the larger of 1 and
  /// sigma_to^2. Rounding leaves a few 1e-16.
  extreme signal{}, variance{};
  extreme weight{};           ///< of all coefficients; weights far above 1 magnify the errors of a network
  double mean_error = 0;      ///< on normal data
  double variance_error = 0;  ///< on normal data, relative
  /// On normal data and on the mixture, the distance to where the flow takes x: the root of its mean square over
  /// `audit_starts` starts that share the law evenly. Deterministic plans only, for the others leave the flow.
  std::optional<double> normal_error{}, mixture_error{};
};

inline constexpr std::size_t audit_starts = 64;

namespace detail {

inline void note(extreme& so_far, double value, std::size_t row)
{
  if (!(std::abs(value) <= std::abs(so_far.value))) so_far = {value, row};  // NaN is noted too
}

inline void note_rows(plan_audit& result, const sampling_plan& plan)
{
  const std::vector<law_residual> residuals = law_residuals(plan);
  note(result.weight, plan.lift, 0);
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const plan_step& row = plan.steps[k];
    const noise_level& to = k + 1 < plan.steps.size() ? plan.steps[k + 1].at : plan.end;
    note(result.signal, residuals[k].signal, k);
    note(result.variance, residuals[k].variance / std::max(1.0, to.sigma * to.sigma), k);
    for (double weight : row.model) note(result.weight, weight, k);
    for (double weight : {row.keep, row.noise, row.last_noise}) note(result.weight, weight, k);
  }
}

/// Where the plan takes x on data with denoiser `data`, if every normal number is 0 but that of row `drawn`, which
/// is 1.
template <class M>
double end_of(const sampling_plan& plan, double x, const M& data, std::optional<std::size_t> drawn = {})
{
  const auto noise = [&](double, const evaluation& at) { return drawn == at.row ? 1.0 : 0.0; };
  const auto denoise = [&](double at_x, const noise_level& at) { return data(at_x, at); };
  return sample(plan, x, converted(denoise, prediction::data, plan.predicts), noise);
}

/// Mean and variance at the end on normal data. Exact: x is affine in the start and in each normal number.
inline void note_moments(plan_audit& result, const sampling_plan& plan, const gaussian_data& data)
{
  const double middle = data.mean_at(plan.start), mean = end_of(plan, middle, data);
  const double exact = data.deviation_at(plan.end);
  double variance = std::pow(end_of(plan, middle + data.deviation_at(plan.start), data) - mean, 2);
  const auto add = [&](std::size_t row) { variance += std::pow(end_of(plan, middle, data, row) - mean, 2); };
  if (plan.lift != 0) add(lift_row);
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const bool again = k + 1 < plan.steps.size() && plan.steps[k + 1].last_noise != 0;
    if (plan.steps[k].noise != 0 || again) add(k);
  }
  result.mean_error = (mean - data.mean_at(plan.end)) / exact;
  result.variance_error = variance / (exact * exact) - 1;
}

template <class M, class Q>
double flow_error(const sampling_plan& plan, const M& data, Q quantile)
{
  double sum = 0;
  for (std::size_t k = 0; k < audit_starts; ++k) {
    const double x = quantile((static_cast<double>(k) + 0.5) / static_cast<double>(audit_starts));
    sum += std::pow(end_of(plan, x, data) - data.flow(x, plan.start, plan.end), 2);
  }
  return std::sqrt(sum / static_cast<double>(audit_starts)) / data.deviation_at(plan.end);
}

}  // namespace detail

/// Judges a plan, of whatever origin, by its rows and by where it takes data whose exact denoiser it is given:
/// `gaussian_data{}` and `mixture_data{}`. Plans for networks that do not predict E[data | x] (consistency models, TCD,
/// phased consistency) are judged by the law of levels only: their errors here are those of a few large steps.
/// Throws std::invalid_argument if the plan cannot be run (`require_plan`), or weighs anything but data where sigma is
/// 0.
inline plan_audit audit(const sampling_plan& plan)
{
  require_plan(plan);
  plan_audit result{.evaluations = plan.steps.size(), .depth = depth(plan), .stochastic = is_stochastic(plan)};
  const gaussian_data normal;
  const mixture_data mixture;
  detail::note_moments(result, plan, normal);
  detail::note_rows(result, plan);
  if (result.stochastic) return result;
  const mixture_data alone{{{.weight = 1, .law = normal}}};
  result.normal_error = detail::flow_error(plan, normal, [&](double p) { return alone.quantile(p, plan.start); });
  result.mixture_error = detail::flow_error(plan, mixture, [&](double p) { return mixture.quantile(p, plan.start); });
  return result;
}

/// p in error ~ steps^-p.
struct fitted_order {
  double normal = 0;  ///< of the distance to the flow on normal data; of the variance for plans that draw noise
  std::optional<double> mixture{};  ///< of the distance to the flow; deterministic plans only
};

/// A function that makes a plan of about so many steps.
template <class B>
concept plan_family =
    std::invocable<B&, std::size_t> && std::same_as<std::invoke_result_t<B&, std::size_t>, sampling_plan>;

/// The order of a family of plans between `steps` and 4 `steps`:
///
///     fit_order([](std::size_t n) { return heun(my_grid(n)); }, 64).mixture        // 2.0
///
/// All steps of its grids must shrink as n grows. A last step to the data that does not sets a floor to the error, so
/// end the grid at a level with noise, the same for all n. Multistep methods without exact history show the smaller of
/// their order and one above that of their first steps. Throws as `audit` does.
template <plan_family B>
fitted_order fit_order(B build, std::size_t steps = 64)
{
  const plan_audit coarse = audit(build(steps)), fine = audit(build(4 * steps));
  const auto order = [](double before, double after) { return std::log2(std::abs(before / after)) / 2; };
  if (coarse.stochastic) return {order(coarse.variance_error, fine.variance_error), {}};
  return {order(*coarse.normal_error, *fine.normal_error), order(*coarse.mixture_error, *fine.mixture_error)};
}

}  // namespace fewstep
