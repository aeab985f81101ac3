#include "fewstep/io/tensor_view.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;
using fewstep::test::refusal;

TEST_CASE("a view of numbers has their type, their bytes and the shape that is given", "[io][tensor_view]")
{
  const std::array<double, 2> numbers{1, 2};
  const tensor_view view = view_of("n", numbers, {2, 1});
  REQUIRE(view.name == "n");
  REQUIRE(view.type == dtype::f64);
  REQUIRE(view.shape == std::vector<std::size_t>{2, 1});
  REQUIRE(view.bytes.size() == 16);
  REQUIRE(static_cast<const void*>(view.bytes.data()) == numbers.data());
  REQUIRE(to_string(view.shape) == "[2, 1]");
  REQUIRE(name_of(dtype::bf16) == "BF16");
  REQUIRE(size_of(dtype::bf16) == 2);
}

TEST_CASE("a wrong shape is refused with the tensor's name and both shapes", "[io][tensor_view]")
{
  const tensor_view view{.name = "conv.weight", .shape = {8, 3, 3, 3}};
  require_shape(view, view.shape);
  REQUIRE(refusal<std::runtime_error>([&] {
            require_shape(view, std::vector<std::size_t>{8, 3, 9});
          }) == "tensor \"conv.weight\" must have shape [8, 3, 9], but has [8, 3, 3, 3]");
  REQUIRE(refusal<std::runtime_error>([&] { require_shape(view, {}); }) ==
          "tensor \"conv.weight\" must have shape [], but has [8, 3, 3, 3]");
}
