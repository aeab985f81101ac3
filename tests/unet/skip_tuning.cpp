#include "fewstep/unet/skip_tuning.hpp"

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/unet/rho.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/catch.hpp"
#include "support/toy_unet.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using test::at_row;
using test::toy_unet;
using test::unrolled;

namespace {

/// A U-Net that is linear in its skips: up(i) is deep + weight_i * skip.
struct linear_net {
  using feature = double;
  using embedding = int;

  std::array<double, 3> weights;

  std::size_t connections() const { return weights.size(); }
  embedding embed(double, const evaluation&) const { return 0; }
  double enter(double x, int) const { return x; }
  double down(std::size_t i, double h, int) const { return h + double(i) + 1; }
  double middle(double, int) const { return 0; }
  double up(std::size_t i, double deep, double skip, int) const { return deep + weights[i] * skip; }
  double leave(double h, int) const { return h; }
};

/// A tensor that counts passes over it.
struct counting {
  int passes = 0;
};

}  // namespace

template <>
struct fewstep::tensor_traits<counting> {
  static void combine(counting& x, double, std::span<const term<counting>>) { ++x.passes; }
};

TEST_CASE("the joined skip is scaled, and nothing that goes deeper", "[unet]")
{
  const toy_unet<double> net{.count = 4};
  const std::vector<double> rho{0.9, 0.75, 1.0, 0.4};
  for (const double x : {-1.3, 0.2, 0.8}) {
    const double expected = unrolled(4, x, 0.3 * 2, rho).output;
    // a rounding or two in the place of each skip
    REQUIRE_THAT(evaluate(net, x, at_row(0, 2), skip_tuning(rho)), WithinAbs(expected, 1e-14));
    REQUIRE(std::abs(expected - unrolled(4, x, 0.3 * 2).output) > 1e-3);
  }
}

TEST_CASE("on a network that is linear in its skips, factors multiply the weights", "[unet]")
{
  const linear_net net{{2, 3, 5}};
  const linear_net scaled{{2 * 0.5, 3 * 0.25, 5 * 0.75}};
  REQUIRE(evaluate(net, 1.0, {}, skip_tuning(std::vector{0.5, 0.25, 0.75})) == evaluate(scaled, 1.0, {}));
}

TEST_CASE("factors of 1 leave every bit as it was", "[unet]")
{
  const toy_unet<std::vector<float>> net{.count = 5};
  const std::vector<float> x{-0.7f, 0.1f, 1e-30f, 3.4f, -0.0f};
  REQUIRE(evaluate(net, x, at_row(0, 7), skip_tuning(constant_rho(5, 1))) == evaluate(net, x, at_row(0, 7)));
}

TEST_CASE("a factor of 1 costs no pass over the skip", "[unet]")
{
  const skip_tuning tuned(std::vector{1.0, 0.5});
  counting skip;
  tuned(0, counting{}, skip, {});
  REQUIRE(skip.passes == 0);
  tuned(1, counting{}, skip, {});
  REQUIRE(skip.passes == 1);
}

TEST_CASE("factors of 0 are skips of zeros", "[unet]")
{
  const toy_unet<double> net{.count = 3};
  const auto zero = [](std::size_t, const double&, double& skip, const evaluation&) { skip = 0; };
  REQUIRE(evaluate(net, 0.4, at_row(0, 1), skip_tuning(constant_rho(3, 0))) == evaluate(net, 0.4, at_row(0, 1), zero));
}

TEST_CASE("two tunings in turn multiply their factors", "[unet]")
{
  const toy_unet<double> net{.count = 3};
  skip_tuning once(std::vector{0.5, 0.25, 0.125}), again(std::vector{0.5, 1.0, 4.0});
  const skip_tuning product(std::vector{0.25, 0.25, 0.5});
  // powers of two multiply without rounding
  REQUIRE(evaluate(net, 0.4, at_row(0, 1), in_turn(once, again)) == evaluate(net, 0.4, at_row(0, 1), product));
}

TEST_CASE("factors may depend on the noise level, by a profile or by any function", "[unet]")
{
  const toy_unet<double> net{.count = 3};
  const std::vector<double> rho{1.0, 0.7, 0.4};
  const skip_tuning profile(tuned_at_noise(rho, 10));
  REQUIRE(evaluate(net, 0.4, at_row(0, 10), profile) == evaluate(net, 0.4, at_row(0, 10), skip_tuning(rho)));
  REQUIRE(evaluate(net, 0.4, at_row(9, 0), profile) == evaluate(net, 0.4, at_row(9, 0)));
  const auto window = [&](std::size_t i, const noise_level& at) { return at.t > 2 && at.t < 6 ? rho[i] : 1.0; };
  REQUIRE(evaluate(net, 0.4, at_row(0, 5), skip_tuning(window)) == evaluate(net, 0.4, at_row(0, 5), skip_tuning(rho)));
  REQUIRE(evaluate(net, 0.4, at_row(0, 7), skip_tuning(window)) == evaluate(net, 0.4, at_row(0, 7)));
}

TEST_CASE("a number of factors that the network does not have is refused before any work, naming both", "[unet]")
{
  std::vector<std::size_t> ran;
  toy_unet<double> net{.count = 4};
  net.connections_run = &ran;
  const auto too_few = [&] { evaluate(net, 0.4, at_row(0, 1), skip_tuning(constant_rho(3, 0.9))); };
  const auto too_many = [&] { evaluate(net, 0.4, at_row(0, 1), skip_tuning(tuned_at_noise({1, 1, 1, 1, 1}, 9))); };
  REQUIRE_THROWS_WITH(too_few(), ContainsSubstring("3 factors") && ContainsSubstring("4 connections"));
  REQUIRE_THROWS_WITH(too_many(), ContainsSubstring("5 factors") && ContainsSubstring("4 connections"));
  skip_tuning right(constant_rho(4, 0.9)), wrong(constant_rho(5, 0.9));
  REQUIRE_THROWS_AS(evaluate(net, 0.4, at_row(0, 1), in_turn(right, wrong)), std::invalid_argument);
  REQUIRE(ran.empty());
  REQUIRE_THROWS_WITH(skip_tuning(std::vector{1.0, double(NAN)}), ContainsSubstring("connection 1 is nan"));
}

TEST_CASE("a function that gives no finite factor is refused with connection and value", "[unet]")
{
  const linear_net net{{1, 1, 1}};
  const skip_tuning broken([](std::size_t i, const evaluation&) { return i == 1 ? NAN : 1.0; });
  REQUIRE_THROWS_WITH(evaluate(net, 0.0, at_row(0, 1), broken),
                      ContainsSubstring("connection 1 must be finite, but is nan"));
}
