/// @file
/// Noise without a state: each normal is a function of seed, sample, row and element alone, by the counter-based
/// generator Philox (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). Batch size,
/// order of drawing and number of threads cannot change a sample.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>

namespace fewstep {

/// Philox4x32 with ten rounds: a bijection of the 128-bit counter, chosen by the key. Word 0 is the lowest.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key)
{
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xd2511f53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xcd9e8d57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9e3779b9;
    key[1] += 0xbb67ae85;
  }
  return counter;
}

/// Rows that no plan reaches: the draw of the start, and the noise that lifts it before row 0.
inline constexpr std::uint32_t start_row = 0xffffffff;
inline constexpr std::uint32_t lift_row = 0xfffffffe;

/// Names one stream of numbers: streams that differ in any member are independent.
struct philox_key {
  std::uint64_t seed = 0;
  std::uint64_t sample = 0;  ///< index of the sample in the whole job, whatever the batch
  std::uint32_t row = 0;     ///< row of the plan, or `start_row`, `lift_row`

  bool operator==(const philox_key&) const = default;
};

/// The 128 bits that elements 2 * block and 2 * block + 1 share, as two 64-bit words:
///
///     counter = (block, row, low half of sample, high half of sample),   key = (low, high half of seed),
///     word 0 = output 1 above output 0,   word 1 = output 3 above output 2.
constexpr std::array<std::uint64_t, 2> philox_words(const philox_key& key, std::uint32_t block)
{
  const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  const auto high = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
  const auto out = philox4x32({block, key.row, low(key.sample), high(key.sample)}, {low(key.seed), high(key.seed)});
  return {std::uint64_t{out[1]} << 32 | out[0], std::uint64_t{out[3]} << 32 | out[2]};
}

/// (k + 1/2) / 2^52 for the upper 52 bits k of a word: uniform in the open interval (0, 1), exact, symmetric.
constexpr double open_uniform(std::uint64_t word)
{
  const auto one_to_two = std::bit_cast<double>(0x3ff0000000000000 | word >> 12);
  return one_to_two - (1 - 0x1p-53);
}

/// Two independent standard normals from two words, by Box and Muller (1958). With u = open_uniform(word 0), q the two
/// top bits of word 1 and v = open_uniform(word 1 without them),
///
///     angle = (q + v - 1/2) * pi/2,   z = sqrt(-2 ln u) * (cos angle, sin angle).
///
/// No |z| exceeds sqrt(106 ln 2) = 8.572, which true normals pass once in 1e17 draws. Drawing the quarter on its own
/// keeps sin and cos within pi/4, where they are fast. Their last digit, and that of log, is the standard library's;
/// there is no sum that a compiler could contract.
inline std::array<double, 2> box_muller(const std::array<std::uint64_t, 2>& words)
{
  const double radius = std::sqrt(-2 * std::log(open_uniform(words[0])));
  const double angle = (open_uniform(words[1] << 2) - 0.5) * (std::numbers::pi / 2);
  const double x = radius * std::cos(angle);
  const double y = radius * std::sin(angle);
  const double sign = words[1] >> 63 == 0 ? 1 : -1;
  const bool quarter = (words[1] >> 62 & 1) != 0;
  return {sign * (quarter ? -y : x), sign * (quarter ? x : y)};
}

/// The standard normal of one element: entry element mod 2 of box_muller(philox_words(key, element / 2)). A stream has
/// 2^33 elements.
inline double philox_normal(const philox_key& key, std::uint64_t element)
{
  assert(element >> 33 == 0);
  return box_muller(philox_words(key, static_cast<std::uint32_t>(element / 2)))[element % 2];
}

/// The uniform of one element, in the open interval (0, 1). It is made of the words that the normals are made of: use
/// a stream for the one or for the other.
constexpr double philox_uniform(const philox_key& key, std::uint64_t element)
{
  assert(element >> 33 == 0);
  return open_uniform(philox_words(key, static_cast<std::uint32_t>(element / 2))[element % 2]);
}

namespace detail {

/// Both elements of `pairs` blocks, in chunks whose words are made before their normals: without calls in it, that
/// loop runs in vector registers.
template <std::floating_point S>
void fill_normal_pairs(S* out, std::size_t pairs, const philox_key& key, std::uint32_t block)
{
  std::array<std::array<std::uint64_t, 2>, 64> words;
  for (std::size_t done = 0; done < pairs; done += words.size()) {
    const std::size_t count = std::min(words.size(), pairs - done);
    for (std::size_t i = 0; i < count; ++i) words[i] = philox_words(key, block + static_cast<std::uint32_t>(done + i));
    for (std::size_t i = 0; i < count; ++i) {
      const auto [a, b] = box_muller(words[i]);
      out[2 * (done + i)] = static_cast<S>(a);
      out[2 * (done + i) + 1] = static_cast<S>(b);
    }
  }
}

template <std::floating_point S>
void fill_normal(std::span<S> out, const philox_key& key, std::uint64_t first)
{
  if (out.empty()) return;
  assert((first + out.size() - 1) >> 33 == 0);
  if (first % 2 != 0) {
    out.front() = static_cast<S>(philox_normal(key, first++));
    out = out.subspan(1);
  }
  fill_normal_pairs(out.data(), out.size() / 2, key, static_cast<std::uint32_t>(first / 2));
  if (out.size() % 2 != 0) out.back() = static_cast<S>(philox_normal(key, first + out.size() - 1));
}

}  // namespace detail

/// Sets out[k] to the normal of element first + k, for every k; floats are the doubles rounded. Slices of a stream may
/// be filled in any order and by any thread.
inline void fill_normal(std::span<double> out, const philox_key& key, std::uint64_t first = 0)
{
  detail::fill_normal(out, key, first);
}

inline void fill_normal(std::span<float> out, const philox_key& key, std::uint64_t first = 0)
{
  detail::fill_normal(out, key, first);
}

}  // namespace fewstep
