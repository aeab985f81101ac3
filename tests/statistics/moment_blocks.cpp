#include "fewstep/statistics/moment_blocks.hpp"

#include "fewstep/schedule/schedules.hpp"
#include "fewstep/statistics/moments.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using X = std::vector<double>;

namespace {

std::vector<X> some_data(std::size_t count)
{
  std::vector<X> data(count, X(3));
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t i = 0; i < 3; ++i) data[k][i] = std::sin(static_cast<double>(5 * k + i));
  return data;
}

auto halved = [](const X& x, const noise_level&) { return X{x[0] / 2, x[1] / 2, x[2] / 2}; };

}  // namespace

TEST_CASE("blocks that are added in order make the table of one run, bit by bit", "[statistics]")
{
  const std::vector<X> data = some_data(moment_block * 2 + 5);
  const vp_table schedule = linear_vp();
  const std::vector<noise_level> levels{schedule(900), schedule(300), schedule(20)};
  moment_table sum = no_moments(data, levels);
  REQUIRE(moment_blocks(data) == 3);
  for (std::size_t place = 0; place < levels.size(); ++place)
    for (std::size_t block = 0; block < 3; ++block) add(sum, measure_block(halved, data, levels, place, block));
  const moment_table whole = estimate_moments(halved, data, levels);
  REQUIRE((sum == whole));
}

TEST_CASE("what cannot be measured is refused before the network runs", "[statistics]")
{
  const std::vector<X> data = some_data(4);
  const vp_table schedule = linear_vp();
  REQUIRE_THROWS_WITH(no_moments(data, {}), ContainsSubstring("one level at least"));
  REQUIRE_THROWS_WITH(no_moments(data, {schedule(-1)}), ContainsSubstring("nothing can be measured"));
  REQUIRE_THROWS_WITH(no_moments(data, {schedule(5), schedule(5)}), ContainsSubstring("twice"));
  REQUIRE_THROWS_WITH(no_moments(data, {schedule(5)}, {.parts = 2}), ContainsSubstring("2 parts"));
}
