#include "support/catch.hpp"
#include "support/typed.hpp"

#include "fewstep/tensor/tensor.hpp"

#include <array>
#include <memory>
#include <span>
#include <string>

using namespace fewstep;

namespace {

/// A tensor that is a handle, as those of deep-learning libraries: copies share the number.
struct handle {
  std::shared_ptr<const double> number;
};

}  // namespace

template <>
struct fewstep::tensor_traits<handle> {
  static void combine(handle& x, double keep, std::span<const term<handle>> terms)
  {
    double sum = keep * *x.number;
    for (const auto& [weight, of] : terms) sum += weight * *of->number;
    x.number = std::make_shared<const double>(sum);
  }
};

TEST_CASE("numbers and types with traits are tensors, others are not", "[tensor]")
{
  STATIC_REQUIRE(tensor<double>);
  STATIC_REQUIRE(tensor<float>);
  STATIC_REQUIRE(tensor<handle>);
  STATIC_REQUIRE_FALSE(tensor<int>);
  STATIC_REQUIRE_FALSE(tensor<const double>);
  STATIC_REQUIRE_FALSE(tensor<std::string>);
  STATIC_REQUIRE_FALSE(tensor<std::unique_ptr<double>>);
}

TEMPLATE_TEST_CASE("the combination of numbers is its formula", "[tensor]", double, float)
{
  test::require_combination(TestType{});
}

TEST_CASE("the combination of floats is rounded once", "[tensor]")
{
  // 1 + 2^-24 + 2^-24 rounds to 1 in float if it is rounded after each addition
  float x = 1;
  const float small = 0x1p-24f;

  tensor_traits<float>::combine(x, 1, std::array{term<float>{1, &small}, term<float>{1, &small}});

  REQUIRE(x == 1 + 0x1p-23f);
}

TEST_CASE("a duplicate shares nothing, a copy of a handle does", "[tensor]")
{
  const handle x{std::make_shared<const double>(1.5)};
  const handle copy = x;
  const handle duplicated = duplicate(x);

  REQUIRE(copy.number == x.number);
  REQUIRE(duplicated.number != x.number);
  REQUIRE(*duplicated.number == 1.5);
}
