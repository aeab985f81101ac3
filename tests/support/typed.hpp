/// @file
/// What every tensor must do, for tests over lists of types.
#pragma once

#include "support/catch.hpp"

#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace fewstep::test {

/// Numbers in (-1, 1) without a pattern: the finaliser of MurmurHash3 over seed and index.
inline double scrambled(std::uint64_t seed, std::uint64_t index)
{
  std::uint64_t bits = (seed + 1) * 0x9e3779b97f4a7c15 + index;
  for (const std::uint64_t factor : {0xff51afd7ed558ccdu, 0xc4ceb9fe1a85ec53u}) bits = (bits ^ bits >> 33) * factor;
  return static_cast<double>(static_cast<std::int64_t>(bits)) * 0x1p-63;
}

/// `like` with scrambled numbers in it.
template <has_elements X>
X scrambled(X like, std::uint64_t seed)
{
  edit_elements(like, [&]<class S>(std::span<S> numbers) {
    for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = static_cast<S>(scrambled(seed, k));
  });
  return like;
}

/// The numbers of x, as double.
template <has_elements X>
std::vector<double> listed(const X& x)
{
  std::vector<double> list;
  visit_elements(x, [&](auto numbers) { list.assign(numbers.begin(), numbers.end()); });
  return list;
}

/// Terms `weights[j] * parts[j]`.
template <class X>
std::vector<term<X>> weighted(const std::vector<double>& weights, const std::vector<X>& parts)
{
  std::vector<term<X>> terms;
  for (std::size_t j = 0; j < weights.size(); ++j) terms.push_back({weights[j], &parts[j]});
  return terms;
}

/// How far `got` is from the sum of the addends, in units of the last place that its type may lose: half of one for the
/// final rounding, and for double one more for each product and sum.
template <class S>
double excess(double got, const std::vector<long double>& addends)
{
  long double sum = 0, size = 0;
  for (const long double addend : addends) sum += addend, size += std::abs(addend);
  if constexpr (std::same_as<S, float>)
    return got == static_cast<double>(static_cast<float>(sum)) ? 0 : 2;
  else
    return static_cast<double>(std::abs(static_cast<long double>(got) - sum) /
                               (static_cast<long double>(addends.size()) * size * std::numeric_limits<S>::epsilon()));
}

/// combine() is its formula for 0 to 12 terms: float rounded exactly, double to the error of the sum. Copies of x and
/// the terms stay as they were.
template <has_elements X>
void require_combination(const X& like)
{
  for (std::size_t count = 0; count <= 12; ++count) {
    const double keep = scrambled(7, count);
    std::vector<double> weights;
    std::vector<X> parts;
    std::vector<std::vector<double>> numbers{listed(scrambled(like, 99))};
    for (std::size_t j = 0; j < count; ++j) {
      weights.push_back(scrambled(8, j));
      parts.push_back(scrambled(like, j));
      numbers.push_back(listed(parts.back()));
    }
    X x = scrambled(like, 99);
    const X copy = x;
    const std::vector<X> copies = parts;

    tensor_traits<X>::combine(x, keep, weighted(weights, parts));

    double worst = 0;
    visit_elements(x, [&]<class S>(std::span<S> got) {
      REQUIRE(got.size() == numbers[0].size());
      for (std::size_t k = 0; k < got.size(); ++k) {
        std::vector<long double> addends{static_cast<long double>(keep) * numbers[0][k]};
        for (std::size_t j = 0; j < count; ++j)
          addends.push_back(static_cast<long double>(weights[j]) * numbers[j + 1][k]);
        worst = std::max(worst, excess<std::remove_const_t<S>>(got[k], addends));
      }
    });
    CAPTURE(count);
    REQUIRE(worst <= 1);
    REQUIRE(listed(copy) == numbers[0]);
    for (std::size_t j = 0; j < count; ++j) REQUIRE(listed(copies[j]) == numbers[j + 1]);
  }
}

}  // namespace fewstep::test
