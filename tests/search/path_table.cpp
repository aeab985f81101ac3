#include "fewstep/search/path_table.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <limits>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;

namespace {

using path = std::vector<std::size_t>;

/// Nodes 0 .. 4. Paths of 3 nodes: to 2, 3, 4 over 1, 1, 2; of 4 nodes: to 3 and 4 over 2 and 3.
path_table small()
{
  path_table table(5, 4, path_search::plain);
  table.add(10, {});
  table.add(7, {1, 1, 2});
  table.add(std::numeric_limits<double>::infinity(), {2, 3});
  return table;
}

}  // namespace

TEST_CASE("a path is read back from its end", "[search]")
{
  const path_table table = small();
  REQUIRE(table.most() == 4);
  REQUIRE(table.found_by() == path_search::plain);
  REQUIRE(table.cost(2) == 10);
  REQUIRE(table.path(2) == path{0, 4});
  REQUIRE(table.path(3) == path{0, 2, 4});
  path_table longer(5, 4, path_search::plain);
  longer.add(10, {});
  longer.add(7, {1, 1, 2});
  longer.add(6, {2, 3});
  REQUIRE(longer.path(4) == path{0, 1, 3, 4});
  REQUIRE(longer.bytes() == 5 * 4);
  REQUIRE(longer.costs() == std::vector<double>{10, 7, 6});
}

TEST_CASE("a path that the table does not hold is refused", "[search]")
{
  const path_table table = small();
  REQUIRE_THROWS_WITH(table.path(1), ContainsSubstring("2 to 4"));
  REQUIRE_THROWS_WITH(table.cost(5), ContainsSubstring("5 were asked for"));
  REQUIRE_THROWS_WITH(table.path(4), ContainsSubstring("no path of 4 nodes"));
}
