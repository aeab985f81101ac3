#include "fewstep/train/adversarial.hpp"

#include "support/catch.hpp"
#include "support/dual.hpp"

#include "fewstep/plan/phased.hpp"
#include "fewstep/schedule/schedules.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using test::dual_batch;

namespace {

using numbers = std::vector<double>;

const std::vector<noise_level> judged_at(2, noise_level{0, 1, 0});

const auto itself = [](const auto& x, train::batch_levels) { return x; };

}  // namespace

TEST_CASE("the hinge losses are their formulas, the mean over the scores of a sample", "[train]")
{
  const numbers real{2, 0.5, -1, 1}, fake{-3, 0, 0.5, 1};
  // max(0, 1 - real): 0 0.5 | 2 0; max(0, 1 + fake): 0 1 | 1.5 2; max(0, 1 - fake): 4 1 | 0.5 0
  REQUIRE(train::discriminator_loss(itself, real, fake, judged_at) == numbers{0.25 + 0.5, 1 + 1.75});
  REQUIRE(train::generator_loss(itself, fake, judged_at) == numbers{2.5, 0.25});
}

TEST_CASE("several heads count alike, whatever they look at", "[train]")
{
  const auto features = [](const numbers& x, train::batch_levels) {
    return std::vector<numbers>{x, {x[0] + x[1], x[2] + x[3]}};
  };
  const auto same = [](const numbers& feature) { return feature; };
  const auto judge = train::feature_discriminator(features, std::vector{same, same});
  const numbers fake{-3, 0, 0.5, 1};
  // 1 - sums: 4, -0.5
  REQUIRE(train::generator_loss(judge, fake, judged_at) == numbers{(2.5 + 4) / 2, 0.125});
  const auto one_head = train::feature_discriminator(features, std::vector{same});
  REQUIRE_THROWS_WITH(train::generator_loss(one_head, fake, judged_at), ContainsSubstring("1 heads and 2 features"));
}

TEST_CASE("the discriminator's loss moves no student, the generator's does", "[train]")
{
  const dual_batch real{{0.2, 0.1}, {1, 1}}, fake{{-0.4, 0.3}, {1, 2}};
  REQUIRE(train::discriminator_loss(itself, real, fake, judged_at).slope == numbers{0, 0});
  REQUIRE(train::generator_loss(itself, fake, judged_at).slope == numbers{-1, -2});
}

TEST_CASE("noise added from an edge gives the law of the level above", "[train]")
{
  // x = alpha_s data + sigma_s eps, so the weights must be alpha_t on data and sigma_t^2 in all
  const vp_table table = linear_vp();
  const std::vector<noise_level> from{table(250), flow_schedule{}(0.25)}, to{table(499), flow_schedule{}(0.5)};
  const numbers keep = train::renoised(numbers{1, 1}, from, to, numbers{0, 0});
  const numbers fresh = train::renoised(numbers{0, 0}, from, to, numbers{1, 1});
  for (std::size_t k = 0; k < 2; ++k) {
    REQUIRE_THAT(keep[k] * from[k].alpha, WithinRel(to[k].alpha, 1e-15));
    REQUIRE_THAT(std::hypot(keep[k] * from[k].sigma, fresh[k]), WithinRel(to[k].sigma, 1e-15));
  }
  REQUIRE_THAT(fresh[1], WithinAbs(0.4714, 5e-5));  // where the official code for flows adds 0.3333
  REQUIRE_THROWS_WITH(train::renoised(numbers{1, 1}, to, from, numbers{0, 0}),
                      ContainsSubstring("noise can only be added"));
  REQUIRE_THROWS_AS(train::renoised(numbers{1, 1}, from, to, numbers{0}), std::invalid_argument);
}

TEST_CASE("the discriminator looks from the edge up to the length of a phase above it", "[train]")
{
  const vp_table table = scaled_linear_vp();
  REQUIRE(train::adversarial_level(table, table(499), 4, 0).t == 499);
  REQUIRE(train::adversarial_level(table, table(499), 4, 0.999).t == 748);
  REQUIRE(train::adversarial_level(table, table(900), 1, 0.999).t == 999);
  REQUIRE_THROWS_AS(train::adversarial_level(table, table(0), 4, 1), std::invalid_argument);
  REQUIRE_THROWS_AS(train::adversarial_level(table, table(0), 0, 0.5), std::invalid_argument);
}

TEST_CASE("discriminator and student take turns as in the official code", "[train]")
{
  const train::adversarial_schedule official;
  REQUIRE(train::trains_discriminator(official, 0));
  REQUIRE_FALSE(train::trains_student(official, 0));
  REQUIRE_FALSE(train::trains_discriminator(official, 7));
  REQUIRE(train::generator_weight(official, 7) == 0.1);
  REQUIRE(train::generator_weight(official, 8) == 0);
}

TEST_CASE("the adversarial term begins late and rises", "[train]")
{
  const train::adversarial_schedule late{.weight = 0.2, .start = 10, .warm_up = 4, .take_turns = false};
  REQUIRE(train::trains_student(late, 3));
  REQUIRE_FALSE(train::trains_discriminator(late, 9));
  REQUIRE(train::trains_discriminator(late, 10));
  REQUIRE(train::generator_weight(late, 13) == 0);
  REQUIRE_THAT(train::generator_weight(late, 16), WithinRel(0.1, 1e-15));
  REQUIRE(train::generator_weight(late, 400) == 0.2);
}
