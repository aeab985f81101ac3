#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/same_run.hpp"
#include "support/typed.hpp"

#include "fewstep/adapt/xtensor.hpp"
#include "fewstep/tensor/measure.hpp"

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xview.hpp>
#endif

#include <array>
#include <cstddef>
#include <vector>

using namespace fewstep;

namespace {

using fixed = xt::xtensor_fixed<float, xt::xshape<3, 4>>;
using column_major = xt::xtensor<double, 2, xt::layout_type::column_major>;

/// 2 x 3 x 7 numbers where the shape is free.
template <class X>
X example()
{
  if constexpr (std::same_as<X, fixed>)
    return X();
  else if constexpr (std::same_as<X, column_major>)
    return X::from_shape({6, 7});
  else
    return X::from_shape({2, 3, 7});
}

}  // namespace

TEST_CASE("xtensor's containers are tensors, views, adaptors and expressions are not", "[adapt]")
{
  STATIC_REQUIRE(contiguous<xt::xarray<float>>);
  STATIC_REQUIRE(contiguous<xt::xtensor<double, 3>>);
  STATIC_REQUIRE(contiguous<fixed>);
  STATIC_REQUIRE(contiguous<column_major>);
  STATIC_REQUIRE(tensor<xt::xarray<float>>);
  STATIC_REQUIRE_FALSE(tensor<xt::xarray<int>>);
  STATIC_REQUIRE_FALSE(tensor<xt::xarray<float, xt::layout_type::dynamic>>);
  STATIC_REQUIRE_FALSE(tensor<decltype(xt::view(std::declval<xt::xarray<float>&>(), 0))>);
  STATIC_REQUIRE_FALSE(tensor<decltype(xt::adapt(std::declval<std::vector<float>&>()))>);
  STATIC_REQUIRE_FALSE(tensor<decltype(std::declval<xt::xarray<float>&>() + 1)>);
}

TEMPLATE_TEST_CASE("the combination of xtensor's containers is its formula", "[adapt]", xt::xarray<float>,
                   (xt::xtensor<double, 3>), fixed, column_major)
{
  test::require_combination(example<TestType>());
}

TEST_CASE("a copy of a view is combined and put back, and nothing beside it changes", "[adapt]")
{
  using X = xt::xtensor<float, 2>;
  const xt::xtensor<float, 3> start = test::scrambled(xt::xtensor<float, 3>::from_shape({2, 3, 7}), 0);
  xt::xtensor<float, 3> batch = start;
  auto column = xt::view(batch, xt::all(), xt::all(), 2);  // strided

  X x(column);
  tensor_traits<X>::combine(x, 2, {});
  column = x;

  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 7; ++k) REQUIRE(batch(i, j, k) == (k == 2 ? 2 : 1) * start(i, j, k));
}

TEST_CASE("combining xtensor's fixed-size tensors allocates nothing", "[adapt]")
{
  fixed x, a;
  x.fill(1);
  a.fill(1);
  const std::array terms{term<fixed>{1, &a}, term<fixed>{2, &a}, term<fixed>{3, &a}};
  const std::size_t before = test::allocations;
  tensor_traits<fixed>::combine(x, 0.5, terms);
  REQUIRE(test::allocations == before);
  REQUIRE(test::listed(x) == std::vector<double>(12, 6.5));
}

TEST_CASE("xtensor's containers are measured", "[adapt]")
{
  xt::xarray<double> x{{-4, 1}, {-2, 3}};
  REQUIRE(quantile_abs(x, 2, 0.5) == std::vector<double>{2.5, 2.5});
  REQUIRE(fewstep::norm(x) == std::sqrt(30.0));
  clamp(x, -1, 1);
  REQUIRE(test::listed(x) == std::vector<double>{-1, 1, -1, 1});
  REQUIRE(all_finite(x));
}

TEST_CASE("a run over xtensor's containers gives the numbers of a run over std::vector", "[adapt]")
{
  test::require_same_run<float>(xt::xarray<float>(xt::zeros<float>({4, 5})));
  test::require_same_run<double>(xt::xtensor<double, 3>(xt::zeros<double>({2, 3, 4})));
}
