#include "fewstep/train/batch.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

namespace {

using numbers = std::vector<double>;

const std::vector<noise_level> two_levels{{0, 1, 2}, {0, 0.5, 0}};

}  // namespace

TEST_CASE("each sample of a batch is noised to its own level", "[train]")
{
  const train::batch<numbers> clean{{1, 2, 3, 4}, {10, 20, 30, 40}};
  REQUIRE(noised(clean, two_levels) == numbers{21, 42, 1.5, 2});
}

TEST_CASE("a number is a batch of one", "[train]")
{
  const noise_level at{0, 0.5, 2};
  REQUIRE(noised(train::batch<double>{3, 1}, train::batch_levels(&at, 1)) == 3.5);
  REQUIRE(train::mean(7.0) == 7);
}

TEST_CASE("the mean of losses is over samples, each with its weight", "[train]")
{
  REQUIRE(train::mean(numbers{1, 3, 8}) == numbers{4});
  REQUIRE(train::mean(numbers{1, 3, 8}, {3, 1, 0}) == numbers{2});
}

TEST_CASE("batches that do not fit are refused with their shapes", "[train]")
{
  REQUIRE_THROWS_WITH(noised(train::batch<numbers>{{1, 2}, {1}}, two_levels),
                      ContainsSubstring("the noise of a batch must have the shape (2), but has (1)"));
  REQUIRE_THROWS_WITH(noised(train::batch<numbers>{{1, 2, 3}, {1, 2, 3}}, two_levels),
                      ContainsSubstring("data of shape (3) cannot be a batch of 2 samples"));
  REQUIRE_THROWS_AS(noised(train::batch<numbers>{{}, {}}, {}), std::invalid_argument);
  REQUIRE_THROWS_AS(noised(train::batch<double>{1, 1}, two_levels), std::invalid_argument);
  const std::vector<noise_level> none{{0, 0, 0}, {0, 1, 0}};
  REQUIRE_THROWS_WITH(noised(train::batch<numbers>{{1, 2}, {1, 2}}, none), ContainsSubstring("not both 0"));
  REQUIRE_THROWS_WITH(train::mean(numbers{1, 2}, {1, NAN}), ContainsSubstring("must be finite"));
  REQUIRE_THROWS_AS(train::mean(numbers{1, 2}, {1, 2, 3}), std::invalid_argument);
}
