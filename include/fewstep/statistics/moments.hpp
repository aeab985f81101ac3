/// @file
/// Measures the errors of a denoiser over data, level by level: the moments that Analytic-DPM asks for (Bao et al.
/// 2022, arXiv:2201.06503, section 3.1).
#pragma once

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/statistics/data_set.hpp"
#include "fewstep/statistics/level_order.hpp"
#include "fewstep/statistics/moment_blocks.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep {

namespace detail {

/// Threads that are waited for, whatever happens. (std::jthread is missing from some standard libraries.)
struct joined_threads {
  std::vector<std::thread> running{};

  joined_threads() = default;
  joined_threads(const joined_threads&) = delete;
  joined_threads(joined_threads&&) = delete;
  joined_threads& operator=(const joined_threads&) = delete;
  joined_threads& operator=(joined_threads&&) = delete;
  ~joined_threads()
  {
    for (std::thread& thread : running) thread.join();
  }
};

/// The moments of as many blocks as there are denoisers, each on a thread of its own.
template <class D, data_set R>
std::vector<moment_level> measure_wave(std::span<D> denoisers, const R& data, const std::vector<noise_level>& levels,
                                       std::size_t place, std::size_t first, std::size_t count,
                                       const moment_options& options)
{
  std::vector<moment_level> measured(count);
  std::vector<std::exception_ptr> errors(count);
  const auto work = [&](std::size_t k) {
    try {
      measured[k] = measure_block(denoisers[k], data, levels, place, first + k, options);
    } catch (...) {
      errors[k] = std::current_exception();
    }
  };
  {
    joined_threads threads;
    for (std::size_t k = 1; k < count; ++k) threads.running.emplace_back(work, k);
    work(0);
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  return measured;
}

/// All blocks of a level in order, until it is known well enough. What later blocks of a wave have found is dropped, so
/// that the number of threads changes nothing.
template <class D, data_set R>
moment_level measure_level(std::span<D> denoisers, const R& data, const std::vector<noise_level>& levels,
                           std::size_t place, const moment_options& options)
{
  const std::size_t blocks = moment_blocks(data, options);
  moment_table whole;
  for (std::size_t first = 0; first < blocks; first += denoisers.size()) {
    const std::size_t count = std::min(denoisers.size(), blocks - first);
    for (const moment_level& block : measure_wave(denoisers, data, levels, place, first, count, options)) {
      add(whole, block);
      const data_error error = error_at(whole.levels.front());
      const bool enough = error.standard_error <= options.wanted_error * error.value;
      if (options.wanted_error > 0 && enough) return whole.levels.front();
    }
  }
  return whole.levels.front();
}

inline bool holds(const moment_table& moments, const noise_level& at)
{
  return std::any_of(moments.levels.begin(), moments.levels.end(),
                     [&](const moment_level& level) { return level.at == at; });
}

/// Moves the levels of an earlier measurement into `moments`, if it was one of the same.
inline void take_over(moment_table& moments, moment_table&& done, const std::vector<noise_level>& levels,
                      const moment_options& options)
{
  require_moments(done);
  require_schedule(done, levels);
  if (done.dimensions != moments.dimensions || done.data_variance != moments.data_variance)
    throw std::invalid_argument("the moments so far were measured on other data: samples of " +
                                std::to_string(done.dimensions) + " numbers and variance " +
                                std::to_string(done.data_variance) + ", not " + std::to_string(moments.dimensions) +
                                " and " + std::to_string(moments.data_variance));
  for (const moment_level& level : done.levels) {
    if ((level.clipped.count > 0) != options.range.has_value())
      throw std::invalid_argument(std::string("the moments so far were measured ") +
                                  (options.range ? "without" : "with") +
                                  " predictions held in a range, but go on otherwise");
    if (level.parts.size() != options.parts)
      throw std::invalid_argument("the moments so far are of " + std::to_string(level.parts.size()) +
                                  " parts of a sample, but " + std::to_string(options.parts) + " are wanted");
  }
  moments.levels = std::move(done.levels);
}

struct unwatched {
  void operator()(const moment_table&) const {}
};

/// Whether the observer wants to go on; one that returns nothing does.
template <class O>
bool goes_on(O& observe, const moment_table& so_far)
{
  if constexpr (std::convertible_to<std::invoke_result_t<O&, const moment_table&>, bool>) {
    return observe(so_far);
  } else {
    observe(so_far);
    return true;
  }
}

}  // namespace detail

/// The places in `levels` that are measured, in their order. Throws std::invalid_argument if there are not so many.
inline std::vector<std::size_t> measured_places(const std::vector<noise_level>& levels, const moment_options& options)
{
  if (options.levels > levels.size())
    throw std::invalid_argument("there are " + std::to_string(levels.size()) + " levels, but " +
                                std::to_string(options.levels) + " were asked for");
  std::vector<std::size_t> places = level_order(levels);
  if (options.levels > 0) places.resize(options.levels);
  return places;
}

/// Measures the moments of a denoiser at `levels`, one evaluation for each sample and level: x = alpha data + sigma eps
/// with eps keyed by seed, sample and level, then E|eps_hat|^2 / d and E|data - D|^2 / d with their spread.
///
/// There is one denoiser for each thread; all must be of the same network, and the result does not depend on how many
/// there are. Levels are taken in the order of `level_order`, so that few of them serve already: plans interpolate
/// between them. After each level observe(table so far) is called; if it returns false, that table is the result. Given
/// back as `done`, with the same levels and options, it ends with the same numbers. Throws std::invalid_argument before
/// the first evaluation if the data are fewer than two samples or of different sizes, a level is the data itself or
/// comes twice, an option is out of range, or `done` belongs to other levels or data; std::runtime_error if the network
/// returns a number that is not finite.
template <class D, data_set R, std::invocable<const moment_table&> O = detail::unwatched>
requires denoiser_of<D, R> moment_table estimate_moments(std::span<D> denoisers, const R& data,
                                                         const std::vector<noise_level>& levels,
                                                         const moment_options& options = {}, O&& observe = {},
                                                         moment_table done = {})
{
  if (denoisers.empty())
    throw std::invalid_argument("moments are measured by one denoiser at least, but there is none");
  moment_table moments = no_moments(data, levels, options);
  if (!done.levels.empty()) detail::take_over(moments, std::move(done), levels, options);
  for (const std::size_t place : measured_places(levels, options)) {
    if (detail::holds(moments, levels[place])) continue;
    add(moments, detail::measure_level(denoisers, data, levels, place, options));
    if (!detail::goes_on(observe, moments)) break;
  }
  return moments;
}

/// The same on this thread.
template <class D, data_set R, std::invocable<const moment_table&> O = detail::unwatched>
requires denoiser_of<D, R> moment_table estimate_moments(D denoise, const R& data,
                                                         const std::vector<noise_level>& levels,
                                                         const moment_options& options = {}, O&& observe = {},
                                                         moment_table done = {})
{
  return estimate_moments(std::span(&denoise, 1), data, levels, options, observe, std::move(done));
}

/// The same at all times of a table.
template <class D, data_set R, std::invocable<const moment_table&> O = detail::unwatched>
moment_table estimate_moments(D denoise, const R& data, const vp_table& table, const moment_options& options = {},
                              O&& observe = {}, moment_table done = {})
{
  const std::vector<noise_level> levels = levels_of(table);
  return estimate_moments(std::move(denoise), data, levels, options, observe, std::move(done));
}

}  // namespace fewstep
