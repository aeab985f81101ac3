#include "fewstep/unet/kept_feature.hpp"

#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/unet/refresh.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace fewstep;
using detail::feature_keeper;

namespace {

/// Keeps the number of computations so far, and says whether the next one was computed.
struct counted {
  explicit counted(refresh_policy policy) : keeper(std::move(policy)) {}

  bool computes(double shallow, std::size_t row)
  {
    const int before = computed;
    const double& kept = keeper.feature(shallow, row, [&] { return double(++computed); });
    REQUIRE(kept == computed);
    return computed != before;
  }

  feature_keeper<double> keeper;
  int computed = 0;
};

}  // namespace

TEST_CASE("a feature is kept for later rows, and computed anew at its own row and at earlier ones", "[unet]")
{
  counted cache(every(10));
  REQUIRE(cache.computes(1, 3));
  REQUIRE(!cache.computes(1, 4));
  REQUIRE(!cache.computes(1, 4));
  REQUIRE(!cache.computes(1, 9));
  REQUIRE(cache.computes(1, 8));
  REQUIRE(cache.computes(1, 8));
  REQUIRE(cache.computes(1, 10));
  REQUIRE(cache.keeper.report().calls == 7);
  REQUIRE(cache.keeper.report().refreshes == 4);
}

TEST_CASE("movement is measured from the last refresh, and NaN counts as movement", "[unet]")
{
  counted cache(when_moved(0.5));
  REQUIRE(cache.computes(2, 0));
  REQUIRE(!cache.computes(3, 1));
  REQUIRE(!cache.computes(1, 2));
  REQUIRE(cache.computes(3.1, 3));
  REQUIRE(cache.computes(NAN, 4));
  REQUIRE(cache.computes(0, 5));
  REQUIRE(!cache.computes(0, 6));
  REQUIRE(cache.computes(1e-9, 7));
  REQUIRE(cache.keeper.report().movement == 0.5);
}

TEST_CASE("what is kept belongs to a network and a condition, as far as they are known", "[unet]")
{
  const int one = 0, other = 0;
  counted cache(every(10));
  cache.keeper.meet({&one, 1});
  REQUIRE(cache.computes(1, 0));
  REQUIRE_THROWS_AS(cache.keeper.meet({&other, 1}), std::invalid_argument);
  cache.keeper.meet({&one, 1});
  REQUIRE(!cache.computes(1, 1));
  cache.keeper.meet({&one, 2});
  REQUIRE(cache.computes(1, 2));

  // read back in another process, where the network lies elsewhere
  kept_feature<double> stored = cache.keeper.kept().value();
  stored.from = {};
  stored.feature = 0;
  counted resumed(every(10));
  resumed.keeper.resume(stored);
  resumed.keeper.meet({&other, 1});
  REQUIRE(!resumed.computes(1, 3));
}
