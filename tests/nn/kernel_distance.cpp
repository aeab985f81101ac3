#include "fewstep/nn/kernel_distance.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/normal_features.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

double kernel(const Eigen::MatrixXd& x, Eigen::Index i, const Eigen::MatrixXd& y, Eigen::Index j)
{
  double product = 0;
  for (Eigen::Index c = 0; c < x.cols(); ++c) product += x(i, c) * y(j, c);
  return std::pow(product / static_cast<double>(x.cols()) + 1, 3);
}

double mean_kernel(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, bool same)
{
  double sum = 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < y.rows(); ++j)
      if (!same || i != j) sum += kernel(x, i, y, j);
  return sum / static_cast<double>(x.rows() * (same ? y.rows() - 1 : y.rows()));
}

/// The estimate as the paper writes it.
double plain_distance(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y)
{
  return mean_kernel(x, x, true) + mean_kernel(y, y, true) - 2 * mean_kernel(x, y, false);
}

Eigen::MatrixXd without(const Eigen::MatrixXd& x, Eigen::Index row)
{
  Eigen::MatrixXd out(x.rows() - 1, x.cols());
  out << x.topRows(row), x.bottomRows(x.rows() - 1 - row);
  return out;
}

/// (m - 1) / m sum (T_i - mean of T)^2 over what leaving a row out gives.
double spread(const std::vector<double>& left_out)
{
  const auto m = static_cast<double>(left_out.size());
  double mean = 0, sum = 0;
  for (const double t : left_out) mean += t / m;
  for (const double t : left_out) sum += (t - mean) * (t - mean);
  return (m - 1) / m * sum;
}

}  // namespace

TEST_CASE("the kernel distance is the plain double sum, and its error that of leaving rows out", "[nn]")
{
  const Eigen::MatrixXd x = test::normal_features(140, 3, 1);
  const Eigen::MatrixXd y = (test::normal_features(9, 3, 2).array() * 0.5 + 0.3).matrix();
  const nn::kernel_estimate measured = nn::kernel_distance(x, y);
  REQUIRE_THAT(measured.value, WithinRel(plain_distance(x, y), 1e-10));
  std::vector<double> fewer_x, fewer_y;
  for (Eigen::Index k = 0; k < x.rows(); ++k) fewer_x.push_back(plain_distance(without(x, k), y));
  for (Eigen::Index k = 0; k < y.rows(); ++k) fewer_y.push_back(plain_distance(x, without(y, k)));
  REQUIRE_THAT(measured.standard_error, WithinRel(std::sqrt(spread(fewer_x) + spread(fewer_y)), 1e-8));
  // the sides do not matter
  REQUIRE_THAT(nn::kernel_distance(y, x).value, WithinRel(measured.value, 1e-10));
  REQUIRE_THAT(nn::kernel_distance(y, x).standard_error, WithinRel(measured.standard_error, 1e-10));
}

TEST_CASE("samples of one law are at distance zero within the error, on average over many", "[nn]")
{
  double sum = 0, squares = 0, errors = 0;
  constexpr int runs = 40;
  for (int k = 0; k < runs; ++k) {
    const auto seed = static_cast<std::uint64_t>(10 + 2 * k);
    const auto measured =
        nn::kernel_distance(test::normal_features(100, 4, seed), test::normal_features(60, 4, seed + 1));
    sum += measured.value;
    squares += measured.value * measured.value;
    errors += measured.standard_error * measured.standard_error;
  }
  // a mean of independent runs, three standard errors wide
  REQUIRE(std::abs(sum / runs) < 3 * std::sqrt(squares / runs / runs));
  // the jackknife's variance is no smaller than the real one, and for one law about twice as large
  REQUIRE(errors > squares);
  REQUIRE(errors < 4 * squares);
}

TEST_CASE("the kernel distance of normal laws in one dimension is that of their moments", "[nn]")
{
  // (x y + 1)^3 = sum of C(3, k) x^k y^k, so the distance is sum of C(3, k) (E x^k - E y^k)^2
  constexpr double s = 0.3, m = 0.5;
  constexpr double third = m * m * m + 3 * m * s * s;
  constexpr double exact = 3 * m * m + 3 * (m * m) * (m * m) + third * third;
  const Eigen::MatrixXd x = s * test::normal_features(1500, 1, 3);
  const Eigen::MatrixXd y = (s * test::normal_features(1000, 1, 4).array() + m).matrix();
  const auto measured = nn::kernel_distance(x, y);
  REQUIRE_THAT(measured.value, WithinAbs(exact, 3 * measured.standard_error));
  REQUIRE(measured.standard_error < 0.1 * exact);
}

TEST_CASE("features that cannot be compared are refused with both numbers", "[nn]")
{
  const auto refusal = [](Eigen::Index m, Eigen::Index d, Eigen::Index n, Eigen::Index e, double value = 0) {
    return test::refusal<std::invalid_argument>(
        [&] { nn::kernel_distance(Eigen::MatrixXd::Constant(m, d, value), Eigen::MatrixXd::Zero(n, e)); });
  };
  REQUIRE(refusal(5, 2, 5, 3) == "two sets of features must have the same width, but have 2 and 3");
  REQUIRE(refusal(5, 2, 2, 2) == "a kernel distance needs three features of each set, but there are 5 and 2");
  REQUIRE(refusal(5, 2, 5, 2, INFINITY) == "features must be finite, but some are not");
}
