/// @file
/// The errors of a denoiser over a block of data at one noise level: the pieces that moments are measured in.
#pragma once

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/schedule/data_range.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/statistics/data_set.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

struct moment_options {
  prediction predicts = prediction::data;  ///< what the denoiser predicts
  std::size_t samples = 0;                 ///< of the data, at each level; 0 is all
  std::size_t levels = 0;                  ///< only the first so many in their `level_order`; 0 is all
  double wanted_error = 0;                 ///< a level is done once C is known to this, relatively; 0 is never
  std::optional<data_range> range{};       ///< measures the error of predictions held in it, too
  std::size_t parts = 0;                   ///< so many equal parts of a sample are measured one by one, too: the number
                                           ///< of channels (channels slowest), or of all numbers
  std::size_t samples_in_each = 1;         ///< samples in a tensor of the data, slowest in storage
  std::uint64_t seed = 0;
};

/// Tensors that are measured in a row, and whose moments are merged as one.
inline constexpr std::size_t moment_block = 32;

namespace detail {

/// Mean squares over a run of numbers: of the predicted noise, of the data's error, of that of the data held in range.
struct squares {
  double noise = 0, error = 0, held = 0;

  void add(const squares& more) { noise += more.noise, error += more.error, held += more.held; }
};

/// Sums the squares of one part of one sample. The output stands for the data and the noise by linear forms.
template <class A, class B>
squares sum_squares(std::span<A> data, std::span<B> x, std::span<B> output, const linear_form& as_data,
                    const linear_form& as_noise, const data_range& range)
{
  squares sum;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const double in = static_cast<double>(x[i]), out = static_cast<double>(output[i]);
    const double predicted = as_data.of_x * in + as_data.of_output * out;
    const double noise = as_noise.of_x * in + as_noise.of_output * out;
    const double error = static_cast<double>(data[i]) - predicted;
    const double held = static_cast<double>(data[i]) - std::clamp(predicted, range.low, range.high);
    sum.noise += noise * noise, sum.error += error * error, sum.held += held * held;
  }
  return sum;
}

/// Adds one sample to the moments of a level; `part_of(p)` are the sums of its parts.
template <class F>
void add_sample(moment_level& level, std::size_t size, const moment_options& options, F part_of)
{
  squares all;
  const std::size_t parts = std::max<std::size_t>(options.parts, 1), in_part = size / parts;
  for (std::size_t p = 0; p < parts; ++p) {
    const squares part = part_of(p, in_part);
    all.add(part);
    if (options.parts == 0) continue;
    level.parts[p].second_moment.add(part.noise / static_cast<double>(in_part));
    level.parts[p].residual.add(part.error / static_cast<double>(in_part));
  }
  if (!std::isfinite(all.noise + all.error))
    throw std::runtime_error("the network returned a number that is not finite at (" + to_string(level.at) + ")");
  const double d = static_cast<double>(size);
  level.second_moment.add(all.noise / d);
  level.residual.add(all.error / d);
  if (options.range) level.clipped.add(all.held / d);
}

template <tensor X>
void add_samples(moment_level& level, const X& data, const X& x, const X& output, const moment_options& options)
{
  const linear_form as_data = data_from(options.predicts, level.at);
  const linear_form as_noise = conversion(options.predicts, prediction::noise, level.at);
  const data_range range = options.range.value_or(data_range{});
  visit_elements(data, [&](auto a) {
    visit_elements(x, [&](auto u) {
      visit_elements(output, [&](auto v) {
        if (v.size() != a.size())
          throw std::invalid_argument("the network returned " + std::to_string(v.size()) + " numbers for " +
                                      std::to_string(a.size()));
        const std::size_t size = a.size() / options.samples_in_each;
        for (std::size_t k = 0; k < options.samples_in_each; ++k)
          add_sample(level, size, options, [&](std::size_t p, std::size_t count) {
            const std::size_t first = k * size + p * count;
            return sum_squares(a.subspan(first, count), u.subspan(first, count), v.subspan(first, count), as_data,
                               as_noise, range);
          });
      });
    });
  });
}

/// Throws std::invalid_argument unless a prediction of that kind tells data and noise at every level, and no two levels
/// have the same noise.
inline void require_determined(const std::vector<noise_level>& levels, prediction kind)
{
  std::vector<double> noises;
  for (const noise_level& at : levels) {
    require_level(at);
    const linear_form form = conversion(kind, prediction::noise, at), data_form = data_from(kind, at);
    if (at.sigma == 0 || !std::isfinite(form.of_x + form.of_output + data_form.of_x + data_form.of_output))
      throw std::invalid_argument("nothing can be measured at (" + to_string(at) +
                                  "): what is predicted does not tell data and noise there");
    noises.push_back(noise_variance(at));
  }
  std::sort(noises.begin(), noises.end());
  if (std::adjacent_find(noises.begin(), noises.end()) != noises.end())
    throw std::invalid_argument("every level must be given once, but one of sigma / alpha = " +
                                std::to_string(std::sqrt(*std::adjacent_find(noises.begin(), noises.end()))) +
                                " comes twice");
}

template <data_set R>
void require_measurable(const R& data, const std::vector<noise_level>& levels, const moment_options& options)
{
  tensors_wanted(data, options.samples, options.samples_in_each);
  if (!(options.wanted_error >= 0 && std::isfinite(options.wanted_error)))
    throw std::invalid_argument("the wanted error must be finite and not negative, but is " +
                                std::to_string(options.wanted_error));
  if (options.range) require_data_range(*options.range);
  const std::size_t size = require_equal_sizes(data);
  const std::size_t whole = options.samples_in_each * std::max<std::size_t>(options.parts, 1);
  if (size == 0 || size % whole != 0)
    throw std::invalid_argument("tensors of " + std::to_string(size) + " numbers do not divide into " +
                                std::to_string(options.samples_in_each) + " samples of " +
                                std::to_string(options.parts) + " parts");
  if (levels.empty()) throw std::invalid_argument("moments are measured at one level at least, but there is none");
  require_determined(levels, options.predicts);
}

}  // namespace detail

/// The table to which blocks are added: it knows the levels' hash and the data, but holds no moments yet. Throws
/// std::invalid_argument if the data, the levels or the options are none.
template <data_set R>
moment_table no_moments(const R& data, const std::vector<noise_level>& levels, const moment_options& options = {})
{
  detail::require_measurable(data, levels, options);
  const double variance = detail::variance_of(data, options.samples_in_each);
  if (!std::isfinite(variance)) throw std::invalid_argument("the data hold a number that is not finite");
  return {.schedule = hash(levels),
          .dimensions = detail::numbers_in(data, 0) / options.samples_in_each,
          .data_variance = variance};
}

/// How many blocks each level has.
template <data_set R>
std::size_t moment_blocks(const R& data, const moment_options& options = {})
{
  return (detail::tensors_wanted(data, options.samples, options.samples_in_each) + moment_block - 1) / moment_block;
}

/// The moments of one block of samples at levels[place]: the smallest piece of work, for programs that spread it over
/// machines. Added to `no_moments`, the blocks of a level in order, they make the table of `estimate_moments`, to the
/// bit.
template <data_set R, denoiser_of<R> D>
moment_level measure_block(D& denoise, const R& data, const std::vector<noise_level>& levels, std::size_t place,
                           std::size_t block, const moment_options& options = {})
{
  using X = tensor_of<R>;
  const std::size_t last =
      std::min(detail::tensors_wanted(data, options.samples, options.samples_in_each), (block + 1) * moment_block);
  const evaluation at{levels[place], place, levels[place].t};
  moment_level measured{.at = levels[place], .parts = std::vector<part_moments>(options.parts)};
  std::optional<X> x, output;
  for (std::size_t k = block * moment_block; k < last; ++k) {
    const std::size_t number = spread(k, data.size());
    const X& clean = data[number];
    philox_noise noise{options.seed, number * options.samples_in_each, options.samples_in_each};
    detail::add_noise(clean, at, noise, x);
    predict(denoise, std::as_const(*x), at, output);
    detail::add_samples(measured, clean, *x, *output, options);
  }
  return measured;
}

}  // namespace fewstep
