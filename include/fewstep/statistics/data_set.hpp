/// @file
/// Data to measure a network on.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/noise/source.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/running_mean.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep {

/// Data to measure on: tensors of one size behind size() and [], such as a std::vector.
// clang-format off
template <class R>
concept data_set = requires(const R& data, std::size_t k) {
  { data.size() } -> std::convertible_to<std::size_t>;
  requires tensor<std::remove_cvref_t<decltype(data[k])>>;
  requires has_elements<std::remove_cvref_t<decltype(data[k])>>;
};
// clang-format on

/// The tensors of a data set.
template <data_set R>
using tensor_of = std::remove_cvref_t<decltype(std::declval<const R&>()[0])>;

/// A denoiser that gives one estimate for the tensors of a data set.
template <class D, class R>
concept denoiser_of = single_denoiser<D, tensor_of<R>>;

/// Which of `size` tensors, or levels, is measured k-th. Steps by the golden ratio go all over them evenly, however
/// soon they end and however they are sorted.
inline std::size_t spread(std::size_t k, std::size_t size)
{
  auto step = static_cast<std::size_t>(0.6180339887498949 * static_cast<double>(size)) | 1;
  while (std::gcd(step, size) != 1) step += 2;
  return static_cast<std::size_t>(static_cast<std::uint64_t>(k) * step % size);
}

namespace detail {

/// How many tensors hold `samples` samples, 0 for all, with `each` in a tensor. Throws std::invalid_argument unless
/// there are so many, and at least two.
template <data_set R>
std::size_t tensors_wanted(const R& data, std::size_t samples, std::size_t each)
{
  const std::size_t all = data.size();
  if (each == 0) throw std::invalid_argument("a tensor of the data must hold at least one sample");
  if (samples > all * each)
    throw std::invalid_argument("the data hold " + std::to_string(all * each) + " samples, but " +
                                std::to_string(samples) + " were asked for");
  const std::size_t wanted = samples == 0 ? all : (samples + each - 1) / each;
  if (wanted * each < 2)
    throw std::invalid_argument("a mean over data needs at least two samples to know its own error, but there are " +
                                std::to_string(wanted * each));
  return wanted;
}

template <data_set R>
std::size_t numbers_in(const R& data, std::size_t k)
{
  std::size_t count = 0;
  visit_elements(data[k], [&](auto numbers) { count = numbers.size(); });
  return count;
}

/// x = alpha data + sigma eps.
template <tensor X, noise_source<X> Z>
void add_noise(const X& data, const evaluation& at, Z& noise, std::optional<X>& x)
{
  draw(noise, data, at, x);
  tensor_traits<X>::combine(*x, at.sigma, std::array{term<X>{at.alpha, &data}});
}

/// The size of all tensors. Throws std::invalid_argument unless it is one.
template <data_set R>
std::size_t require_equal_sizes(const R& data)
{
  const std::size_t size = numbers_in(data, 0);
  for (std::size_t k = 1; k < data.size(); ++k)
    if (numbers_in(data, k) != size)
      throw std::invalid_argument("all tensors of the data must have the size of the first, " + std::to_string(size) +
                                  " numbers, but number " + std::to_string(k) + " has " +
                                  std::to_string(numbers_in(data, k)));
  return size;
}

/// tr Cov(data) / d, estimated over all samples.
template <data_set R>
double variance_of(const R& data, std::size_t samples_in_each)
{
  std::vector<running_mean> numbers;
  for (std::size_t k = 0; k < data.size(); ++k)
    visit_elements(data[k], [&](auto all) {
      const std::size_t size = all.size() / samples_in_each;
      numbers.resize(size);
      for (std::size_t i = 0; i < all.size(); ++i) numbers[i % size].add(static_cast<double>(all[i]));
    });
  double sum = 0;
  for (const running_mean& number : numbers) sum += number.variance();
  return sum / static_cast<double>(numbers.size());
}

}  // namespace detail

}  // namespace fewstep
