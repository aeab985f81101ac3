/// @file
/// The variational bound of a plan: how well its reverse process explains data, in bits per dimension (Ho et al. 2020,
/// arXiv:2006.11239, eq. 5; Bao et al. 2022, arXiv:2201.06503, for any sub-trajectory).
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/noise/source.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/running_mean.hpp"
#include "fewstep/statistics/data_set.hpp"
#include "fewstep/statistics/pixel_law.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

struct likelihood_options {
  pixel_law pixels{};
  double decoder_deviation = 0;  ///< of the last step, if its row adds no noise. The official code takes that of DDPM's
                                 ///< step from time 1 to 0: posterior_deviation(table(1), table(0))
  double prior_deviation = 1;    ///< of the x that sampling starts from
  std::size_t samples = 0;       ///< of the data; 0 is all
  std::size_t samples_in_each = 1;
  std::uint64_t seed = 0;
};

/// The bound, an average over samples with its spread, in bits per dimension.
struct likelihood_bound {
  running_mean total{};
  std::vector<running_mean> terms{};  ///< that of the prior, then of each row; the last row's is the decoder's
};

namespace detail {

/// r - 1 - ln r, twice the divergence of normal laws of one mean whose variances have the ratio r.
inline double variance_divergence(double ratio)
{
  return ratio - 1 - std::log(ratio);
}

/// The variance of q(x_to | x, data) that a first-order row means.
inline double forward_variance(const plan_step& row, const noise_level& to)
{
  const double kept = row.keep * row.at.sigma;
  return (to.sigma - kept) * (to.sigma + kept);
}

inline const noise_level& level_after(const sampling_plan& plan, std::size_t row)
{
  return row + 1 < plan.steps.size() ? plan.steps[row + 1].at : plan.end;
}

/// Throws std::invalid_argument unless the plan is a reverse process with a finite bound.
inline void require_bounded(const sampling_plan& plan, const likelihood_options& options)
{
  const auto refuse = [](const std::string& why) { throw std::invalid_argument("the plan has no likelihood: " + why); };
  if (plan.steps.empty()) refuse("it has no rows");
  if (plan.predicts != prediction::data || depth(plan) > 1 || plan.lift != 0)
    refuse("its rows must weigh one data prediction each and lift nothing");
  if (plan.end.sigma != 0 || plan.end.alpha != 1)
    refuse("it must end at the data, but ends at (" + to_string(plan.end) + ")");
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const plan_step& row = plan.steps[k];
    const noise_level& to = level_after(plan, k);
    const std::string name = "row " + std::to_string(k);
    if (row.last_noise != 0 || std::abs(row.keep * row.at.alpha + row.model[0] - to.alpha) > 1e-9)
      refuse(name + " is not a first-order step to the level of the next");
    if (k + 1 < plan.steps.size() && !(row.noise > 0 && forward_variance(row, to) > 0))
      refuse(name + " adds no noise, or keeps all of it (eta = 0), which makes the bound infinite");
  }
  if (!(plan.steps.back().noise > 0 || options.decoder_deviation > 0))
    refuse("its last row adds no noise, so a decoder_deviation above 0 must be given");
}

inline void require_likelihood(const likelihood_options& options)
{
  require_pixels(options.pixels);
  if (!(options.prior_deviation > 0 && options.decoder_deviation >= 0))
    throw std::invalid_argument(
        "a likelihood needs a prior_deviation above 0 and a decoder_deviation not below, but has " +
        std::to_string(options.prior_deviation) + " and " + std::to_string(options.decoder_deviation));
}

/// Sums f(numbers of a, b) over each of `samples` samples.
template <tensor X, class F>
std::vector<double> sum_by_sample(const X& a, const X& b, std::size_t samples, F f)
{
  std::vector<double> sums(samples);
  visit_elements(a, [&](auto u) {
    visit_elements(b, [&](auto v) {
      if (u.size() != v.size())
        throw std::invalid_argument("the network returned " + std::to_string(v.size()) + " numbers for " +
                                    std::to_string(u.size()));
      const std::size_t size = u.size() / samples;
      for (std::size_t i = 0; i < size * samples; ++i)
        sums[i / size] += f(static_cast<double>(u[i]), static_cast<double>(v[i]));
    });
  });
  return sums;
}

/// The divergence of a row that is not the last, of each sample, given the data that was predicted.
template <tensor X>
std::vector<double> row_terms(const sampling_plan& plan, std::size_t k, const X& data, const X& predicted,
                              std::size_t samples, double d)
{
  const plan_step& row = plan.steps[k];
  const double variance = row.noise * row.noise, slope = row.model[0] * row.model[0] / (2 * variance);
  const double constant = d / 2 * variance_divergence(forward_variance(row, level_after(plan, k)) / variance);
  std::vector<double> terms =
      sum_by_sample(data, predicted, samples, [](double a, double b) { return (a - b) * (a - b); });
  for (double& term : terms) term = constant + slope * term;
  return terms;
}

/// -ln p(data | x) of the last row, whose mean is `predicted` since it keeps nothing of x on its way to the data.
template <tensor X>
std::vector<double> decoder_terms(const plan_step& row, const X& data, const X& predicted, std::size_t samples,
                                  const likelihood_options& options)
{
  const double deviation = row.noise > 0 ? row.noise : options.decoder_deviation;
  return sum_by_sample(data, predicted, samples, [&](double value, double mean) {
    return -log_probability(options.pixels, value, mean, deviation);
  });
}

template <tensor X>
std::vector<double> prior_terms(const noise_level& start, const X& data, std::size_t samples, double d,
                                double deviation)
{
  const double variance = deviation * deviation, ratio = start.sigma * start.sigma / variance;
  std::vector<double> terms = sum_by_sample(data, data, samples, [](double a, double) { return a * a; });
  for (double& term : terms) term = (d * variance_divergence(ratio) + start.alpha * start.alpha / variance * term) / 2;
  return terms;
}

}  // namespace detail

/// The terms of the bound for one tensor of data, [term][sample], in nats:
///
///     prior     KL(q(x_start | data) || N(0, prior_deviation^2))
///     row k     E KL(q(x_to | x, data) || N(row's mean, row's noise^2))
///     last row  -E ln P(data | N(row's mean, noise^2)), the data taken for pixels
///
/// each expectation by one draw, x = alpha data + sigma eps, eps from noise(data, {level, row}). q is the forward
/// process whose mean the row has with the data in the place of the prediction, that is the one of the plan's eta.
/// Throws std::invalid_argument if that makes the bound infinite (eta = 0, a row without noise), or the plan is no
/// first-order plan to the data.
template <tensor X, single_denoiser<X> D, noise_source<X> Z>
requires has_elements<X> std::vector<std::vector<double>> likelihood_terms(const sampling_plan& plan, D&& denoise,
                                                                           const X& data, Z noise,
                                                                           const likelihood_options& options)
{
  detail::require_likelihood(options);
  detail::require_bounded(plan, options);
  std::size_t numbers = 0;
  visit_elements(data, [&](auto all) { numbers = all.size(); });
  const std::size_t samples = options.samples_in_each;
  const double d = static_cast<double>(detail::sample_size(numbers, samples));
  std::vector<std::vector<double>> terms{detail::prior_terms(plan.start, data, samples, d, options.prior_deviation)};
  std::optional<X> x, predicted;
  for (std::size_t k = 0; k < plan.steps.size(); ++k) {
    const evaluation at{plan.steps[k].at, k, detail::level_after(plan, k).t};
    detail::add_noise(data, at, noise, x);
    predict(denoise, std::as_const(*x), at, predicted);
    terms.push_back(k + 1 < plan.steps.size()
                        ? detail::row_terms(plan, k, data, *predicted, samples, d)
                        : detail::decoder_terms(plan.steps[k], data, *predicted, samples, options));
  }
  return terms;
}

/// An upper bound on -ln p(data) under the reverse process that a plan samples, in bits per dimension, with its
/// standard error over samples and draws. Works for DDPM of any variance and Analytic-DPM with eta > 0. Deterministic
/// in the seed. Throws as `likelihood_terms` does, and if there are fewer than two samples.
template <data_set R, denoiser_of<R> D>
likelihood_bound negative_log_likelihood(const sampling_plan& plan, D&& denoise, const R& data,
                                         const likelihood_options& options = {})
{
  const std::size_t each = options.samples_in_each;
  const std::size_t count = detail::tensors_wanted(data, options.samples, each);
  const double dimensions = static_cast<double>(detail::sample_size(detail::require_equal_sizes(data), each));
  const double bits = 1 / (dimensions * std::numbers::ln2);
  likelihood_bound bound{.terms = std::vector<running_mean>(plan.steps.size() + 1)};
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t number = spread(k, data.size());
    const auto terms =
        likelihood_terms(plan, denoise, data[number], philox_noise{options.seed, number * each, each}, options);
    for (std::size_t sample = 0; sample < each; ++sample) {
      double total = 0;
      for (std::size_t term = 0; term < terms.size(); ++term) {
        bound.terms[term].add(terms[term][sample] * bits);
        total += terms[term][sample] * bits;
      }
      bound.total.add(total);
    }
  }
  return bound;
}

}  // namespace fewstep
