#include "fewstep/nn/images.hpp"

#include "fewstep/tensor/tensor.hpp"
#include "support/catch.hpp"

#include <array>
#include <vector>

using namespace fewstep;

static_assert(tensor<nn::images>);

TEST_CASE("images of a shape begin with zeros", "[nn]")
{
  const nn::images x{.count = 2, .channels = 3, .height = 4, .width = 5};
  REQUIRE(x.values == std::vector<float>(120));
  REQUIRE(nn::shape_of(x) == "(2, 3, 4, 5)");
}

TEST_CASE("images are combined as tensors are", "[nn]")
{
  nn::images x{1, 1, 1, 2, {1, 2}};
  const nn::images y{1, 1, 1, 2, {10, 20}};
  tensor_traits<nn::images>::combine(x, 3, std::array{term<nn::images>{0.5, &y}});
  REQUIRE(x == nn::images{1, 1, 1, 2, {8, 16}});
}
