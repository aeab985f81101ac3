#include "fewstep/noise/philox.hpp"

#include "fewstep/random/philox.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <vector>

using namespace fewstep;
using X = std::vector<double>;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a batch gets the keyed normals of its samples, one sample after the other", "[noise]")
{
  X z(6);
  philox_noise{.seed = 8, .first_sample = 40, .samples = 3}(z, evaluation{{0, 1, 1}, 5}, z);
  for (std::size_t i = 0; i < 6; ++i)
    REQUIRE(z[i] == philox_normal({.seed = 8, .sample = 40 + i / 2, .row = 5}, i % 2));
}

TEST_CASE("a start has numbers of its own, of the deviation asked for, and leaves its argument alone", "[noise]")
{
  const X shape(4, 7.0);
  const X start = philox_noise{.seed = 8}.start(shape, 80);
  for (std::size_t i = 0; i < 4; ++i) REQUIRE(start[i] == 80 * philox_normal({.seed = 8, .row = start_row}, i));
  REQUIRE(shape == X(4, 7.0));
}

TEST_CASE("a batch that does not divide into its samples is refused", "[noise]")
{
  X z(5);
  REQUIRE_THROWS_WITH((philox_noise{.samples = 2}(z, evaluation{}, z)), ContainsSubstring("5 numbers"));
}
