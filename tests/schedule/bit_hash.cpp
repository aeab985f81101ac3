#include "fewstep/schedule/bit_hash.hpp"

#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

using namespace fewstep;

TEST_CASE("the hash is FNV-1a over the bytes of the numbers", "[schedule]")
{
  const double numbers[] = {1.5, -0.0, std::numeric_limits<double>::quiet_NaN()};
  unsigned char bytes[sizeof numbers];
  std::memcpy(bytes, numbers, sizeof numbers);
  std::uint64_t expected = 14695981039346656037u;  // offset and prime as published
  for (unsigned char byte : bytes) expected = (expected ^ byte) * 1099511628211u;
  bit_hash sum;
  for (double number : numbers) sum.add(number);
  REQUIRE(sum.code == expected);
}

TEST_CASE("the hash of a schedule changes with every number of every level", "[schedule]")
{
  const auto levels = levels_of(linear_vp({.steps = 5}));
  REQUIRE(hash(levels) == hash(levels_of(linear_vp({.steps = 5}))));
  for (double noise_level::*number : {&noise_level::t, &noise_level::alpha, &noise_level::sigma}) {
    auto other = levels;
    other[3].*number += 1e-9;
    REQUIRE(hash(other) != hash(levels));
  }
  REQUIRE(hash({levels.begin(), levels.end() - 1}) != hash(levels));
}
