#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/typed.hpp"

#include "fewstep/tensor/contiguous.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

using namespace fewstep;

namespace {

/// 67 numbers: two blocks of the kernel, and a rest.
template <class X>
X example()
{
  if constexpr (requires { std::tuple_size<X>::value; })
    return X{};
  else
    return X(67);
}

}  // namespace

TEST_CASE("what owns contiguous floating-point numbers is a tensor", "[tensor]")
{
  STATIC_REQUIRE(tensor<std::vector<float>>);
  STATIC_REQUIRE(tensor<std::vector<double>>);
  STATIC_REQUIRE(tensor<std::array<float, 3>>);
  STATIC_REQUIRE(contiguous<std::array<double, 0>>);
  STATIC_REQUIRE_FALSE(tensor<std::vector<int>>);
  STATIC_REQUIRE_FALSE(tensor<std::vector<bool>>);
  STATIC_REQUIRE_FALSE(tensor<std::vector<std::vector<float>>>);
  STATIC_REQUIRE_FALSE(tensor<std::array<int, 3>>);
  STATIC_REQUIRE_FALSE(tensor<std::span<float>>);
  STATIC_REQUIRE_FALSE(tensor<std::string>);
  STATIC_REQUIRE_FALSE(tensor<float*>);
}

TEMPLATE_TEST_CASE("the combination of contiguous numbers is its formula", "[tensor]", std::vector<float>,
                   std::vector<double>, (std::array<float, 67>), (std::array<double, 67>), (std::array<float, 1>))
{
  test::require_combination(example<TestType>());
}

TEMPLATE_TEST_CASE("a number does not depend on the numbers beside it", "[tensor]", float, double)
{
  using X = std::vector<TestType>;
  const auto combined = [](std::size_t size) {
    X x = test::scrambled(X(size), 0);
    const X a = test::scrambled(x, 1), b = test::scrambled(x, 2);
    tensor_traits<X>::combine(x, 0.3, std::array{term<X>{-0.7, &a}, term<X>{1.1, &b}});
    return x;
  };
  const X whole = combined(100);
  for (std::size_t size = 0; size < 100; ++size)
    REQUIRE(combined(size) == X(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
}

TEST_CASE("one tensor may stand in several terms", "[tensor]")
{
  using X = std::vector<double>;
  X x{1, 2};
  const X a{10, 20};

  tensor_traits<X>::combine(x, 2, std::array{term<X>{1, &a}, term<X>{0.5, &a}});

  REQUIRE(x == X{17, 34});
}

TEST_CASE("the combination of fixed-size tensors allocates nothing", "[tensor]")
{
  using X = std::array<float, 32>;
  X x{};
  const X a{};
  std::vector<term<X>> terms;
  for (std::size_t count = 0; count <= 12; ++count) {
    const std::size_t before = test::allocations;
    tensor_traits<X>::combine(x, 0.5, terms);
    REQUIRE(test::allocations == before);
    terms.push_back({0.5, &a});
  }
  REQUIRE((test::allocations > 0 || !test::allocations_are_counted));  // the counter counts
}
