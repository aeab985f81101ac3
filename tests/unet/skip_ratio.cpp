#include "fewstep/unet/skip_ratio.hpp"

#include "fewstep/unet/rho.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "support/catch.hpp"
#include "support/toy_unet.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinRel;
using test::at_row;
using test::toy_unet;
using test::unrolled;

namespace {

using numbers = std::vector<double>;

/// ||(a, b)|| of what flows through the network for the two numbers of a batch.
double norm_of(double a, double b)
{
  return std::hypot(a, b);
}

}  // namespace

TEST_CASE("skip ratios are the norms of skip and decoder feature at every connection and level", "[unet]")
{
  const toy_unet<numbers> net{.count = 3};
  const auto rows =
      skip_ratios(net, std::vector<probe<numbers>>{{{0.3, -1.1}, at_row(0, 9)}, {{0.7, 0.2}, at_row(1, 2)}});
  REQUIRE(rows.size() == 2);
  for (std::size_t k = 0; k < 2; ++k) {
    const double t = k == 0 ? 9 : 2;
    const unrolled first(3, k == 0 ? 0.3 : 0.7, 0.3 * t), second(3, k == 0 ? -1.1 : 0.2, 0.3 * t);
    REQUIRE(rows[k].at.t == t);
    REQUIRE(rows[k].connections.size() == 3);
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const skip_ratio& ratio = rows[k].connections[i];
      REQUIRE_THAT(ratio.skip, WithinRel(norm_of(first.skips[i], second.skips[i]), 1e-14));
      REQUIRE_THAT(ratio.deep, WithinRel(norm_of(first.deeps[i], second.deeps[i]), 1e-14));
      sum += norm_of(first.skips[i], second.skips[i]) / norm_of(first.deeps[i], second.deeps[i]);
    }
    REQUIRE_THAT(mean_ratio(rows[k]), WithinRel(sum / 3, 1e-14));
  }
}

TEST_CASE("Skip-Tuning of the innermost connection alone scales its ratio by its factor", "[unet]")
{
  const toy_unet<numbers> net{.count = 3};
  const std::vector<probe<numbers>> inputs{{{0.3, -1.1}, at_row(0, 9)}};
  const double plain = skip_ratios(net, inputs)[0].connections[2].value();
  const double tuned = skip_ratios(net, inputs, skip_tuning(numbers{1, 1, 0.6}))[0].connections[2].value();
  REQUIRE_THAT(tuned, WithinRel(0.6 * plain, 1e-14));
}
