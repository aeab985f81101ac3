#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/same_run.hpp"
#include "support/typed.hpp"

#include "fewstep/adapt/eigen.hpp"
#include "fewstep/tensor/measure.hpp"

#include <array>
#include <cstddef>
#include <vector>

using namespace fewstep;

namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// 35 numbers where the size is free.
template <class X>
X example()
{
  if constexpr (X::SizeAtCompileTime != Eigen::Dynamic)
    return X::Zero();
  else if constexpr (X::IsVectorAtCompileTime)
    return X::Zero(35);
  else
    return X::Zero(5, 7);
}

}  // namespace

TEST_CASE("Eigen's owners of floating-point numbers are tensors, its views and expressions are not", "[adapt]")
{
  STATIC_REQUIRE(contiguous<Eigen::ArrayXf>);
  STATIC_REQUIRE(contiguous<Eigen::MatrixXd>);
  STATIC_REQUIRE(contiguous<Eigen::Matrix3f>);
  STATIC_REQUIRE(contiguous<Eigen::Array<double, 2, Eigen::Dynamic, Eigen::RowMajor>>);
  STATIC_REQUIRE(contiguous<Eigen::Matrix<float, Eigen::Dynamic, 1, 0, 8, 1>>);
  STATIC_REQUIRE(tensor<Eigen::ArrayXf>);
  STATIC_REQUIRE_FALSE(tensor<Eigen::ArrayXi>);
  STATIC_REQUIRE_FALSE(tensor<Eigen::MatrixXcf>);
  STATIC_REQUIRE_FALSE(tensor<Eigen::Map<Eigen::ArrayXf>>);
  STATIC_REQUIRE_FALSE(tensor<Eigen::Ref<Eigen::MatrixXf>>);
  STATIC_REQUIRE_FALSE(tensor<Eigen::Block<Eigen::MatrixXf>>);
  STATIC_REQUIRE_FALSE(tensor<decltype(Eigen::ArrayXf() + Eigen::ArrayXf())>);
}

TEMPLATE_TEST_CASE("the combination of Eigen's tensors is its formula", "[adapt]", Eigen::ArrayXf, Eigen::ArrayXXd,
                   Eigen::MatrixXd, Eigen::Matrix3f, Eigen::Vector4d, row_major,
                   (Eigen::Array<float, 2, 3, Eigen::RowMajor>))
{
  test::require_combination(example<TestType>());
}

TEST_CASE("Eigen's own expression gives the same numbers", "[adapt]")
{
  Eigen::MatrixXd x = test::scrambled(example<Eigen::MatrixXd>(), 0);
  const Eigen::MatrixXd start = x, a = test::scrambled(x, 1), b = test::scrambled(x, 2);
  using X = Eigen::MatrixXd;

  tensor_traits<X>::combine(x, 0.25, std::array{term<X>{-0.5, &a}, term<X>{2, &b}});

  // the weights are powers of two: no product is rounded, so both round the same two sums
  REQUIRE(x == 0.25 * start - 0.5 * a + 2 * b);
}

TEST_CASE("combining Eigen's fixed-size tensors allocates nothing", "[adapt]")
{
  using X = Eigen::Matrix<float, 7, 7>;
  X x = X::Ones();
  const X a = X::Ones();
  const std::array terms{term<X>{1, &a}, term<X>{2, &a}, term<X>{3, &a}};
  const std::size_t before = test::allocations;
  tensor_traits<X>::combine(x, 0.5, terms);
  REQUIRE(test::allocations == before);
  REQUIRE((x.array() == 6.5f).all());
}

TEST_CASE("Eigen's tensors are measured", "[adapt]")
{
  Eigen::ArrayXf x(4);
  x << -4, 1, -2, 3;
  REQUIRE(quantile_abs(x, 2, 0.5) == std::vector<double>{2.5, 2.5});
  REQUIRE(fewstep::norm(x) == std::sqrt(30.0));
  clamp(x, -1, 1);
  REQUIRE((x == Eigen::Array4f(-1, 1, -1, 1)).all());
  REQUIRE(all_finite(x));
}

TEST_CASE("a run over Eigen's tensors gives the numbers of a run over std::vector", "[adapt]")
{
  test::require_same_run<float>(Eigen::ArrayXf(Eigen::ArrayXf::Zero(20)));
  test::require_same_run<double>(Eigen::MatrixXd(Eigen::MatrixXd::Zero(5, 4)));
  test::require_same_run<float>(Eigen::Matrix<float, 4, 3>(Eigen::Matrix<float, 4, 3>::Zero()));
}
