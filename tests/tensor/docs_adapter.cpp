// The page on adapters, as printed.
#include "snippets/padded_image.hpp"

#include "snippets/padded_adapter.hpp"

#include "support/catch.hpp"
#include "support/typed.hpp"

#include "fewstep/tensor/measure.hpp"

#include <cstddef>
#include <vector>

using namespace fewstep;

namespace {

/// Five columns of three rows: eleven numbers between rows that are nobody's business.
raster::image example()
{
  return {5, 3};
}

}  // namespace

TEST_CASE("the documentation's adapter makes a tensor with all measures", "[tensor]")
{
  STATIC_REQUIRE(tensor<raster::image>);
  STATIC_REQUIRE_FALSE(contiguous<raster::image>);
  STATIC_REQUIRE(has_elements<raster::image>);
  STATIC_REQUIRE(clampable<raster::image>);
  STATIC_REQUIRE(measurable<raster::image>);
}

TEST_CASE("the documentation's adapter combines as its contract says", "[tensor]")
{
  test::require_combination(example());
}

TEST_CASE("the documentation's adapter leaves the padding alone", "[tensor]")
{
  raster::image x = example();
  x.row(0)[5] = 42;
  x.row(2)[10] = 43;
  tensor_traits<raster::image>::combine(x, 0.5, {});
  edit_elements(x, [](auto numbers) {
    for (auto& number : numbers) number = 1;
  });
  REQUIRE(x.row(0)[5] == 42);
  REQUIRE(x.row(2)[10] == 43);
  REQUIRE(test::listed(x) == std::vector<double>(15, 1));
}

TEST_CASE("the documentation's adapter hands out rows in order", "[tensor]")
{
  raster::image x = example();
  for (std::size_t y = 0; y < 3; ++y)
    for (std::size_t k = 0; k < 5; ++k) x.row(y)[k] = static_cast<float>(10 * y + k);
  REQUIRE(test::listed(x) == std::vector<double>{0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24});
  REQUIRE(quantile_abs(x, 3, 1) == std::vector<double>{4, 14, 24});
  clamp(x, 1, 11);
  REQUIRE(test::listed(x) == std::vector<double>{1, 1, 2, 3, 4, 10, 11, 11, 11, 11, 11, 11, 11, 11, 11});
}
