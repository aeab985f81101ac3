/// @file
/// A number that tells plans, and schedules, apart: what is saved for one is not continued with another.
#pragma once

#include "fewstep/schedule/noise_level.hpp"

#include <bit>
#include <cstdint>
#include <vector>

namespace fewstep {

/// FNV-1a over the bits of the numbers that are added, in their order.
struct bit_hash {
  std::uint64_t code = 0xcbf29ce484222325;

  void add(double number)
  {
    for (std::uint64_t bits = std::bit_cast<std::uint64_t>(number), byte = 0; byte < 8; ++byte, bits >>= 8)
      code = (code ^ (bits & 0xff)) * 0x100000001b3;
  }

  void add(const noise_level& at) { add(at.t), add(at.alpha), add(at.sigma); }
};

/// The hash of a schedule that is given by its levels.
inline std::uint64_t hash(const std::vector<noise_level>& levels)
{
  bit_hash sum;
  for (const noise_level& at : levels) sum.add(at);
  return sum.code;
}

}  // namespace fewstep
