#include "fewstep/nn/condition_blueprint.hpp"

#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using namespace fewstep;

TEST_CASE("the defaults of a conditional network fit together, and a list of another length does not", "[nn]")
{
  nn::condition_blueprint b;
  REQUIRE_NOTHROW(nn::check(b));
  b.channels.pop_back();
  REQUIRE_THROWS_WITH(nn::check(b), ContainsSubstring("block_out_channels"));
}
