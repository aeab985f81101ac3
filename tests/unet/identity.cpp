#include "fewstep/unet/identity.hpp"

#include "support/catch.hpp"

using namespace fewstep;

namespace {

struct silent {};

struct telling {
  int weights = 0;
  network_identity identity() const { return {&weights, 7}; }
};

}  // namespace

TEST_CASE("a network that does not tell what it is, is unknown", "[unet]")
{
  REQUIRE(identity_of(silent{}) == network_identity{});
  const telling one, other;
  REQUIRE(identity_of(one) == network_identity{&one.weights, 7});
  REQUIRE(identity_of(one) != identity_of(other));
}
