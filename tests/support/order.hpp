/// @file
/// How fast plans converge to the exact flow, and to the exact law, as their grids are refined.
#pragma once

#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "support/gaussian.hpp"
#include "support/mixture.hpp"
#include "support/run.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace fewstep::test {

/// A schedule whose time is sigma / alpha, as VE levels (alpha = 1) or VP levels.
struct ratio_schedule {
  bool variance_preserving = false;

  static noise_level data_level() { return {0, 1, 0}; }
  noise_level operator()(double ratio) const { return at_noise_to_signal(ratio); }
  noise_level at_noise_to_signal(double ratio) const
  {
    const double norm = variance_preserving ? std::hypot(1.0, ratio) : 1;
    return {ratio, 1 / norm, ratio / norm};
  }
};

/// Even in lambda: sigma / alpha falls from `high` to `low`.
struct lambda_grid {
  double high = 14.6;
  double low = 0.03;
  bool variance_preserving = false;

  ratio_schedule schedule() const { return {variance_preserving}; }

  std::vector<noise_level> operator()(std::size_t steps) const
  {
    std::vector<noise_level> grid;
    for (std::size_t k = 0; k <= steps; ++k)
      grid.push_back(schedule()(high * std::pow(low / high, static_cast<double>(k) / static_cast<double>(steps))));
    return grid;
  }
};

/// The two settings in which plans are proved. On the mixture, whose flow bends, over the whole range of levels; on
/// normal data over a shorter one, as the error of a linear flow has no sign changes there.
inline constexpr lambda_grid mixture_grid{};
inline constexpr lambda_grid gaussian_grid{.high = 5, .low = 0.1, .variance_preserving = true};

/// How far a plan ends from the flow, at worst over starts at -9, 2 and 15 in VE coordinates. The first `exact` rows
/// follow the flow, which seeds the history of multistep methods.
template <class M>
double flow_error(const sampling_plan& plan, const M& model, std::size_t exact = 0)
{
  double worst = 0;
  for (double y : {-9.0, 2.0, 15.0}) {
    const double x = plan.start.alpha * y;
    worst = std::max(worst, std::abs(run(plan, x, model, exact) - model.flow(x, plan.start, plan.end)));
  }
  return worst;
}

/// p in error ~ steps^-p, between n and 4 n steps.
template <class B, class M>
double fitted_order(B build, const lambda_grid& grid, const M& model, std::size_t n, std::size_t exact = 0)
{
  const auto error = [&](std::size_t steps) { return flow_error(build(grid(steps)), model, exact); };
  return std::log2(error(n) / error(4 * n)) / 2;
}

/// The same on the mixture and on normal data; the worse of both (the nearer to no convergence).
template <class B>
double lowest_order(B build, std::size_t exact = 0)
{
  return std::min(fitted_order(build, mixture_grid, mixture{}, 512, exact),
                  fitted_order(build, gaussian_grid, gaussian{}, 256, exact));
}

template <class B>
double highest_order(B build, std::size_t exact = 0)
{
  return std::max(fitted_order(build, mixture_grid, mixture{}, 512, exact),
                  fitted_order(build, gaussian_grid, gaussian{}, 256, exact));
}

struct moments {
  double mean = 0;
  double variance = 0;
};

/// Mean and variance of x at the end, for normal data and their posterior mean, x at the start having the law that
/// `plan.start` names. Exact: x is linear in the start and in each noise, so runs with one of them at 1 give its
/// weight.
inline moments end_moments(const sampling_plan& plan, const gaussian& data)
{
  const double middle = data.mean_at(plan.start), none = run(plan, middle, data);
  const double start = run(plan, middle + data.deviation_at(plan.start), data) - none;
  double variance = start * start;
  for (std::size_t drawn = 0; drawn <= plan.steps.size(); ++drawn) {
    const double weight = run(plan, middle, data, [=](std::size_t k) { return k == drawn ? 1.0 : 0.0; }) - none;
    variance += weight * weight;
  }
  return {none, variance};
}

/// How far the variance at the end is from the data's at that level, relatively.
inline double variance_error(const sampling_plan& plan, const gaussian& data)
{
  const double exact = data.deviation_at(plan.end) * data.deviation_at(plan.end);
  return end_moments(plan, data).variance / exact - 1;
}

/// p in variance error ~ steps^-p, between 32 and 128 steps.
template <class B>
double variance_order(B build, const lambda_grid& grid = gaussian_grid)
{
  const auto error = [&](std::size_t steps) { return std::abs(variance_error(build(grid(steps)), gaussian{})); };
  return std::log2(error(32) / error(128)) / 2;
}

}  // namespace fewstep::test
