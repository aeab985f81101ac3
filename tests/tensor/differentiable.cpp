#include "fewstep/tensor/differentiable.hpp"

#include "support/catch.hpp"

#include <array>
#include <span>
#include <vector>

using namespace fewstep;

namespace {

using numbers = std::vector<double>;
using traits = gradient_traits<numbers>;

}  // namespace

TEST_CASE("vectors and numbers model a tensor with gradients", "[tensor]")
{
  STATIC_REQUIRE(differentiable<double>);
  STATIC_REQUIRE(differentiable<float>);
  STATIC_REQUIRE(differentiable<std::vector<double>>);
  STATIC_REQUIRE(differentiable<std::vector<float>>);
  STATIC_REQUIRE_FALSE(differentiable<int>);
  STATIC_REQUIRE_FALSE(differentiable<std::array<double, 4>>);  // means have another size
}

TEST_CASE("the sum over terms gives each sample its weights", "[tensor]")
{
  const numbers a{1, 2, 3, 4}, b{10, 20, 30, 40};
  const std::array<sample_term<numbers>, 2> terms{{{{1, 2}, &a}, {{0.5, -1}, &b}}};
  REQUIRE(traits::sum(terms, 100) == numbers{106, 112, 76, 68});
  REQUIRE(traits::means(a, 2) == numbers{1.5, 3.5});
  REQUIRE(traits::means(a, 1) == numbers{2.5});
  REQUIRE(traits::square({-3}) == numbers{9});
  REQUIRE(traits::magnitude({-3, 2}) == numbers{3, 2});
  REQUIRE(traits::root({9}) == numbers{3});
  REQUIRE(stopped(a, 2) == a);
}

TEST_CASE("a vector holds as many samples as divide it, a number one", "[tensor]")
{
  REQUIRE(traits::holds({1, 2, 3, 4}, 2));
  REQUIRE_FALSE(traits::holds({1, 2, 3, 4}, 3));
  REQUIRE_FALSE(traits::holds({1, 2}, 0));
  REQUIRE_FALSE(traits::holds({}, 1));
  REQUIRE(gradient_traits<double>::holds(1, 1));
  REQUIRE_FALSE(gradient_traits<double>::holds(1, 2));
}
