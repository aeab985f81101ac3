/// @file
/// The second loop: steps whose length follows from an error estimate, so that no table can be made in advance.
/// DPM-Solver-12 of Lu et al. 2022 (arXiv:2206.00927, appendix C, algorithm 3) in data prediction (DPM-Solver++,
/// arXiv:2211.01095): a step of second order, whose distance to the first-order step is the error.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace fewstep {

struct adaptive_options {
  double relative = 0.05;    ///< tolerance of a number x: max(absolute, relative * |x|)
  double absolute = 0.0078;  ///< one grey level of 256 where data lies in [-1, 1]
  double first_step = 0.05;  ///< in lambda = ln(alpha / sigma)
  double safety = 0.9;       ///< the next step is safety / sqrt(error) times this one
  std::size_t most_evaluations = 10000;
};

/// Where the run ended, and the rows that were accepted: `sample(plan, start, denoise)` repeats it.
template <class X>
struct adaptive_result {
  X x;
  sampling_plan plan{};
  std::size_t evaluations = 0;
  std::size_t rejected = 0;  ///< steps that were tried again, shorter; each cost one evaluation
};

namespace detail {

inline void require_adaptive(const adaptive_options& o, const noise_level& from, const noise_level& to)
{
  require_denoising({from, to});
  if (!(from.alpha > 0 && to.sigma > 0))
    throw std::invalid_argument("adaptive steps go from alpha > 0 to sigma > 0, but from (" + to_string(from) +
                                ") to (" + to_string(to) + ")");
  if (!(o.relative >= 0 && o.absolute >= 0 && o.relative + o.absolute > 0 && std::isfinite(o.relative + o.absolute)))
    throw std::invalid_argument(
        "the tolerances of adaptive steps must be finite, not negative and not both 0, but are " +
        std::to_string(o.relative) + " and " + std::to_string(o.absolute));
  if (!(o.first_step > 0 && o.safety > 0 && o.safety < 1))
    throw std::invalid_argument("adaptive steps need a first step above 0 and a safety factor in (0, 1), but have " +
                                std::to_string(o.first_step) + " and " + std::to_string(o.safety));
}

/// The two rows that go from `s` through `m` to `t`, of second order (midpoint):
///
///     u   = (sigma_m / sigma_s) x + a m_0,   a = alpha_m - (sigma_m / sigma_s) alpha_s
///     x_t = (sigma_t / sigma_s) x + c m_1,   c = alpha_t - (sigma_t / sigma_s) alpha_s,
///
/// the second with x = (sigma_s / sigma_m) (u - a m_0).
inline std::array<plan_step, 2> midpoint_rows(const noise_level& s, const noise_level& m, const noise_level& t)
{
  const double half = m.sigma / s.sigma, rest = t.sigma / m.sigma, a = m.alpha - half * s.alpha;
  const double c = t.alpha - t.sigma / s.sigma * s.alpha;
  return {plan_step{.at = s, .keep = half, .model = {a}}, plan_step{.at = m, .keep = rest, .model = {c, -rest * a}}};
}

/// The root mean square of c (m_1 - m_0) / tolerance. c (m_1 - m_0) is the distance of `high` from the first-order step
/// `low`; a number's tolerance follows from the larger of |low| and what the last accepted step had there.
template <has_elements X>
double scaled_error(const X& high, const X& before, const X& m0, const X& m1, double c, const adaptive_options& o)
{
  double error = 0;
  visit_elements(high, [&](auto now) {
    visit_elements(before, [&](auto last) {
      visit_elements(m0, [&](auto first) {
        visit_elements(m1, [&](auto second) {
          const auto square = [&](std::size_t k) {
            const double gap = c * (static_cast<double>(second[k]) - static_cast<double>(first[k]));
            const double low = static_cast<double>(now[k]) - gap;
            const double size = std::max(std::abs(low), std::abs(static_cast<double>(last[k])));
            const double scaled = gap / std::max(o.absolute, o.relative * size);
            return scaled * scaled;
          };
          error = std::sqrt(pairwise_sum(0, now.size(), square) / static_cast<double>(now.size()));
        });
      });
    });
  });
  return error;
}

}  // namespace detail

/// Goes from x at level `from` to level `to` of a schedule. `denoise` predicts data. All numbers of x, so all samples
/// of a batch, share the steps. Throws std::invalid_argument before the first evaluation on options or levels that make
/// no sense; std::runtime_error if the error stays above 1 at any length (a network that returns NaN) or the
/// evaluations run out.
template <has_elements X, invertible_schedule S, class D>
requires std::same_as<estimate<std::remove_reference_t<D>, X>, X> adaptive_result<X> sample_adaptively(
    const S& schedule, const noise_level& from, const noise_level& to, X x, D&& denoise,
    const adaptive_options& options = {})
{
  detail::require_adaptive(options, from, to);
  const auto level = [&](double lambda) { return schedule.at_noise_to_signal(std::exp(-lambda)); };
  adaptive_result<X> run{.x = std::move(x), .plan = {.start = from, .end = to}};
  X before = duplicate(run.x), trial = duplicate(run.x);
  std::optional<X> m0, m1;
  const auto evaluate = [&](const X& at_x, const noise_level& at, const noise_level& target, std::size_t row,
                            auto& out) {
    if (run.evaluations++ == options.most_evaluations)
      throw std::runtime_error("adaptive steps have not arrived after " + std::to_string(options.most_evaluations) +
                               " evaluations, but are at (" + to_string(at) + ")");
    predict(denoise, at_x, evaluation{at, run.plan.steps.size() + row, target.t}, out);
  };

  const double goal = log_snr(to);
  noise_level here = from;
  for (double step = options.first_step, lambda = log_snr(from); lambda < goal;) {
    step = std::min(step, goal - lambda);
    const bool last = step == goal - lambda;
    const noise_level next = last ? to : level(lambda + step), middle = level(lambda + step / 2);
    const auto [first, second] = detail::midpoint_rows(here, middle, next);
    if (!m0) evaluate(run.x, here, middle, 0, m0);
    tensor_traits<X>::combine(trial, 0, std::array{term<X>{1, &run.x}});
    tensor_traits<X>::combine(trial, first.keep, std::array{term<X>{first.model[0], &*m0}});
    evaluate(std::as_const(trial), middle, next, 1, m1);
    tensor_traits<X>::combine(trial, second.keep,
                              std::array{term<X>{second.model[0], &*m1}, term<X>{second.model[1], &*m0}});

    const double c = second.model[0], error = detail::scaled_error(trial, before, *m0, *m1, c, options);
    if (error <= 1) {
      tensor_traits<X>::combine(before, 0, std::array{term<X>{1, &trial}, term<X>{-c, &*m1}, term<X>{c, &*m0}});
      std::swap(run.x, trial);
      run.plan.steps.insert(run.plan.steps.end(), {first, second});
      m0.reset();
      here = next;
      lambda = last ? goal : lambda + step;
    } else {
      ++run.rejected;
    }
    const double factor = options.safety / std::sqrt(error);
    step *= std::isfinite(error) ? std::clamp(factor, 0.1, 10.0) : 0.1;
    if (!(step > 1e-9))
      throw std::runtime_error("the error of adaptive steps stays above their tolerance at (" + to_string(here) + ")");
  }
  return run;
}

}  // namespace fewstep
