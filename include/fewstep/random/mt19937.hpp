/// @file
/// The Mersenne twister (Matsumoto and Nishimura 1998), as a value: what PyTorch and numpy draw from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fewstep {

/// MT19937 with its 2002 seeding, the sequence of std::mt19937.
struct mt19937 {
  std::array<std::uint32_t, 624> words{};
  std::uint32_t next = 624;  ///< how many of the words are spent

  bool operator==(const mt19937&) const = default;

  /// The next 32 bits.
  std::uint32_t operator()()
  {
    if (next == words.size()) refill();
    std::uint32_t y = words[next++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >> 18;
  }

  /// Makes the next 624 words.
  void refill()
  {
    const auto twist = [this](std::size_t k, std::size_t after, std::size_t source) {
      const std::uint32_t y = (words[k] & 0x80000000) | (words[after] & 0x7fffffff);
      words[k] = words[source] ^ y >> 1 ^ ((y & 1) * 0x9908b0df);
    };
    for (std::size_t k = 0; k < 227; ++k) twist(k, k + 1, k + 397);
    for (std::size_t k = 227; k < 623; ++k) twist(k, k + 1, k - 227);
    twist(623, 0, 396);
    next = 0;
  }
};

inline mt19937 seeded_mt19937(std::uint32_t seed)
{
  mt19937 engine{.words = {seed}};
  for (std::uint32_t k = 1; k < engine.words.size(); ++k) {
    const std::uint32_t before = engine.words[k - 1];
    engine.words[k] = 1812433253 * (before ^ before >> 30) + k;
  }
  return engine;
}

}  // namespace fewstep
