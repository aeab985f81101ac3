#include "fewstep/random/mt19937.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <random>

using namespace fewstep;

TEST_CASE("mt19937 is the standard library's", "[random]")
{
  for (std::uint32_t seed : {0u, 1u, 5489u, 0xffffffffu}) {
    mt19937 ours = seeded_mt19937(seed);
    std::mt19937 theirs(seed);
    for (int k = 0; k < 2000; ++k) REQUIRE(ours() == theirs());
  }
}
