#include "fewstep/train/denoiser.hpp"

#include "support/catch.hpp"
#include "support/gaussian_batch.hpp"

#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using test::numbers;

namespace {

/// A network that is a formula of x and its own time.
double formula(double x, const noise_level& at)
{
  return std::tanh(x) + 0.1 * at.t;
}

const auto network = [](const numbers& x, train::batch_levels at) {
  return test::by_number(x, at,
                         [](double number, const noise_level& level, std::size_t) { return formula(number, level); });
};

const numbers three{0.3, -1.2, 2.5};

/// A batch of three samples gives what the wrapper of the sampling loop gives for each alone.
template <class B, class D>
void require_same(B batched, D single, const std::vector<noise_level>& at)
{
  const numbers together = batched(three, train::batch_levels(at));
  for (std::size_t k = 0; k < three.size(); ++k) {
    double alone = 0;
    single(three[k], evaluation{at[k]}, alone);
    REQUIRE_THAT(together[k], WithinRel(alone, 1e-14));
  }
}

}  // namespace

TEST_CASE("a preconditioned batch is each of its samples preconditioned", "[train]")
{
  const std::vector<noise_level> at{edm_schedule{}(80), edm_schedule{}(0.002), edm_schedule{}(0.7)};
  require_same(train::preconditioned(network, consistency_scaling{}), preconditioned(formula, consistency_scaling{}),
               at);
  require_same(train::preconditioned(network, edm_scaling{}), preconditioned(formula, edm_scaling{}), at);
  require_same(train::preconditioned(network, lcm_scaling{}), preconditioned(formula, lcm_scaling{}), at);
}

TEST_CASE("a converted batch is each of its samples converted", "[train]")
{
  const vp_table table = linear_vp();
  const std::vector<noise_level> at{table(999), table(0), table(321)};
  for (const auto kind :
       {prediction::data, prediction::noise, prediction::velocity, prediction::score, prediction::flow})
    require_same(train::converted(network, kind), converted(formula, kind, prediction::data), at);
}

TEST_CASE("each sample of a batch is guided by its own scale", "[train]")
{
  const auto zero = [](const numbers& of, train::batch_levels) { return numbers(of.size(), 1.0); };
  const auto two = [](const numbers& of, train::batch_levels) { return numbers(of.size(), 3.0); };
  const std::vector<noise_level> at(3, noise_level{0, 1, 1});
  REQUIRE(train::guided(two, zero, {0, 1, 7.5})(three, train::batch_levels(at)) == numbers{1, 3, 16});
}

TEST_CASE("what is guided by itself says without guidance what it was made from", "[train]")
{
  const auto conditional = test::exact_data({.mean = 0.7, .deviation = 0.2}), negative = test::exact_data();
  const std::vector<noise_level> at{linear_vp()(900), linear_vp()(321), linear_vp()(5)};
  const std::vector<double> scales{1.2, 1, 7.5};
  const auto sampled = train::guided(conditional, negative, scales);
  const numbers plain = train::guidance_free(sampled, negative, scales)(three, train::batch_levels(at));
  const numbers wanted = conditional(three, at), guided = sampled(three, train::batch_levels(at));
  for (std::size_t k = 0; k < three.size(); ++k) {
    REQUIRE_THAT(plain[k], WithinRel(wanted[k], 1e-13));
    REQUIRE((scales[k] == 1) == (guided[k] == plain[k]));
  }
}

TEST_CASE("a sample lands by one step of DDIM, and stays where it is when it is there", "[train]")
{
  const vp_table table = linear_vp();
  const std::vector<noise_level> at{table(999), table(500), table(250)}, ends{table(500), table(500), table(-1)};
  const numbers data = network(three, train::batch_levels(at));
  const numbers landed = train::landing(network, ends)(three, train::batch_levels(at));
  const double noise = (three[0] - at[0].alpha * data[0]) / at[0].sigma;
  REQUIRE_THAT(landed[0], WithinRel(ends[0].alpha * data[0] + ends[0].sigma * noise, 1e-13));
  REQUIRE(landed[1] == three[1]);
  REQUIRE(landed[2] == data[2]);
}

TEST_CASE("networks, scales and ends that do not fit a batch are refused", "[train]")
{
  const std::vector<noise_level> at(3, noise_level{0, 1, 1}), below(3, noise_level{0, 1, 0.5});
  const auto short_one = [](const numbers&, train::batch_levels) { return numbers{1}; };
  REQUIRE_THROWS_WITH(train::converted(short_one, prediction::data)(three, train::batch_levels(at)),
                      ContainsSubstring("what a network returns for a batch must have the shape (3), but has (1)"));
  REQUIRE_THROWS_WITH(train::guided(network, network, {1, 2})(three, train::batch_levels(at)),
                      ContainsSubstring("a batch of 3 samples needs as many guidance scales, but has 2"));
  REQUIRE_THROWS_WITH(train::guided(network, network, {1, HUGE_VAL}), ContainsSubstring("must be finite"));
  REQUIRE_THROWS_WITH(train::guidance_free(network, network, {1, 2})(three, train::batch_levels(at)),
                      ContainsSubstring("a batch of 3 samples needs as many guidance scales, but has 2"));
  REQUIRE_THROWS_WITH(train::guidance_free(network, network, {1, 0}),
                      ContainsSubstring("the guidance scale that is trained for must be positive, but is 0.0"));
  REQUIRE_THROWS_WITH(train::landing(network, at)(three, train::batch_levels(below)),
                      ContainsSubstring("must land at or below its level"));
  const std::vector<noise_level> silent(3, noise_level{0, 0, 1});
  REQUIRE_THROWS_WITH(train::converted(network, prediction::noise)(three, train::batch_levels(silent)),
                      ContainsSubstring("does not determine the data"));
  REQUIRE_THROWS_WITH(train::preconditioned(network, edm_scaling{})(three, train::batch_levels(silent)),
                      ContainsSubstring("divides by a signal or noise of zero"));
}
