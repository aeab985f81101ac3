#include "fewstep/schedule/running_mean.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <vector>

using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

/// Numbers with a mean far above their spread, where sums of squares would lose it.
std::vector<double> numbers()
{
  std::vector<double> all;
  for (int k = 0; k < 100; ++k) all.push_back(1e6 + std::sin(k * 1.7) * (k % 7));
  return all;
}

running_mean of(const std::vector<double>& all, std::size_t first, std::size_t last)
{
  running_mean mean;
  for (std::size_t k = first; k < last; ++k) mean.add(all[k]);
  return mean;
}

}  // namespace

TEST_CASE("mean and spread are those of the definition", "[schedule]")
{
  const auto all = numbers();
  double sum = 0, squares = 0;
  for (const double x : all) sum += x / 100;
  for (const double x : all) squares += (x - sum) * (x - sum);
  const running_mean mean = of(all, 0, 100);
  REQUIRE(mean.count == 100);
  REQUIRE_THAT(mean.mean, WithinRel(sum, 1e-14));
  REQUIRE_THAT(mean.variance(), WithinRel(squares / 99, 1e-8));  // 1e6 holds the spread to 1e-10
  REQUIRE_THAT(mean.standard_error(), WithinRel(std::sqrt(squares / 99 / 100), 1e-8));
}

TEST_CASE("parts merge into the whole", "[schedule]")
{
  const auto all = numbers();
  const running_mean whole = of(all, 0, 100);
  for (const std::size_t cut : {0u, 1u, 37u, 99u, 100u}) {
    running_mean first = of(all, 0, cut);
    first.merge(of(all, cut, 100));
    REQUIRE(first.count == 100);
    REQUIRE_THAT(first.mean, WithinRel(whole.mean, 1e-15));
    REQUIRE_THAT(first.squares, WithinRel(whole.squares, 1e-8));
  }
}

TEST_CASE("merging with nothing changes no bit, and fewer than two numbers have no known error", "[schedule]")
{
  running_mean some = of(numbers(), 0, 3), none;
  const running_mean before = some;
  some.merge({});
  REQUIRE(some == before);
  none.merge(before);
  REQUIRE(none == before);
  REQUIRE(std::isinf(running_mean{}.standard_error()));
  REQUIRE(std::isinf(of(numbers(), 0, 1).standard_error()));
}
