#include "fewstep/unet/feature.hpp"

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

using namespace fewstep;

namespace {

/// Four ways in which tensor libraries tell a shape.
struct with_sizes {
  std::vector<long> sizes() const { return {2, 3, 4}; }
  std::size_t nbytes() const { return 96; }
};
struct with_shape {
  std::array<std::size_t, 2> shape() const { return {5, 6}; }
};
struct with_rows {
  long rows() const { return 7; }
  long cols() const { return 8; }
  long size() const { return 56; }
};

}  // namespace

TEST_CASE("a feature's shape is what it tells of itself", "[unet]")
{
  REQUIRE(detail::shape_of(with_sizes{}) == feature_shape{2, 3, 4});
  REQUIRE(detail::shape_of(with_shape{}) == feature_shape{5, 6});
  REQUIRE(detail::shape_of(with_rows{}) == feature_shape{7, 8});
  REQUIRE(detail::shape_of(std::vector<float>(9)) == feature_shape{9});
  REQUIRE(detail::shape_of(1.5) == feature_shape{});
}

TEST_CASE("a feature's bytes are those of its numbers, as far as it tells", "[unet]")
{
  REQUIRE(detail::bytes_of(with_sizes{}) == 96);
  REQUIRE(detail::bytes_of(std::vector<float>(9)) == 36);
  REQUIRE(detail::bytes_of(1.5) == sizeof(double));
}
