#include "fewstep/unet/branch.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <stdexcept>

using namespace fewstep;

TEST_CASE("every numbering names the number of connections that a cached step computes anew", "[unet]")
{
  // fresh connections m = branch + 1: the helper computes b + 1 of them, the DDPM code b + 2, the pipelines 3 L + K + 2
  for (std::size_t b = 0; b < 12; ++b) {
    REQUIRE(branch_of_paper(b + 1) + 1 == b + 1);
    REQUIRE(branch_of_helper(b) + 1 == b + 1);
    REQUIRE(branch_of_ddpm(b) + 1 == b + 2);
    REQUIRE(branch_of_pipeline(b / 3, b % 3) + 1 == 3 * (b / 3) + b % 3 + 2);
  }
  // the paper's own setting for DDPM, m = 3, is --branch 1 of its code
  REQUIRE(branch_of_paper(3) == branch_of_ddpm(1));
}

TEST_CASE("branches that a numbering does not have are refused", "[unet]")
{
  REQUIRE_THROWS_AS(branch_of_paper(0), std::invalid_argument);
  REQUIRE_THROWS_AS(branch_of_pipeline(0, 3), std::invalid_argument);
}
