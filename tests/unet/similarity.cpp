#include "fewstep/unet/similarity.hpp"

#include "fewstep/plan/ddim.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/catch.hpp"
#include "support/toy_unet.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using test::toy_unet;
using test::unrolled;

namespace {

using numbers = std::vector<double>;

}  // namespace

TEST_CASE("neighbouring rows of a run are compared at every connection, and the run is as it was", "[unet]")
{
  const toy_unet<numbers> net{.count = 3};
  const std::vector<noise_level> grid{{9, 1, 9}, {5, 1, 5}, {2, 1, 2}, {0, 1, 0}};
  std::vector<numbers> states;
  feature_similarity<numbers> alike;
  const auto watched = [&](const numbers& x, const evaluation& at) {
    states.push_back(x);
    return evaluate(net, x, at, alike);
  };
  const numbers start{4, -2};
  const numbers end = sample(ddim(grid), start, watched);
  REQUIRE(end ==
          sample(ddim(grid), start, [&](const numbers& x, const evaluation& at) { return evaluate(net, x, at); }));

  REQUIRE(alike.table().size() == 2 * 3);
  std::size_t k = 0;
  for (std::size_t row = 1; row < 3; ++row)
    for (std::size_t i = 3; i-- > 0; ++k) {
      double dot = 0, now = 0, before = 0, apart = 0;
      for (std::size_t j = 0; j < 2; ++j) {
        const double u = unrolled(3, states[row][j], 0.3 * grid[row].t).deeps[i];
        const double v = unrolled(3, states[row - 1][j], 0.3 * grid[row - 1].t).deeps[i];
        dot += u * v, now += u * u, before += v * v, apart += (u - v) * (u - v);
      }
      const similarity& one = alike.table()[k];
      REQUIRE(one.row == row);
      REQUIRE(one.connection == i);
      REQUIRE_THAT(one.cosine, WithinAbs(dot / std::sqrt(now * before), 1e-14));
      REQUIRE_THAT(one.distance, WithinAbs(std::sqrt(apart / before), 1e-14));
    }
}

TEST_CASE("means are taken over the rows of each connection", "[unet]")
{
  const auto means = mean_by_connection({{1, 1, 0.5, 2}, {1, 0, 0.25, 1}, {2, 1, 0.75, 4}, {2, 0, 0.75, 2}});
  REQUIRE(means.size() == 2);
  REQUIRE(means[0].cosine == 0.5);
  REQUIRE(means[0].distance == 1.5);
  REQUIRE(means[1].cosine == 0.625);
  REQUIRE(means[1].distance == 3);
  REQUIRE(mean_by_connection({}).empty());
}
