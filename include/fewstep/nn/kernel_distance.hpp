/// @file
/// The kernel distance between two sets of features (Binkowski et al. 2018, arXiv:1801.01401), which has no bias.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace fewstep::nn {

/// A measured distance.
struct kernel_estimate {
  double value = 0, standard_error = 0;
};

namespace detail {

/// Sums of k(x_i, y_j) over j and over i.
struct kernel_sums {
  Eigen::VectorXd rows{}, columns{};
};

/// k(x, y) = (x . y / d + 1)^3, in blocks of rows, so that no whole matrix of kernels is kept.
inline kernel_sums sum_kernels(const Eigen::Ref<const Eigen::MatrixXd>& x, const Eigen::Ref<const Eigen::MatrixXd>& y)
{
  kernel_sums sums{Eigen::VectorXd(x.rows()), Eigen::VectorXd::Zero(y.rows())};
  constexpr Eigen::Index block = 128;
  for (Eigen::Index first = 0; first < x.rows(); first += block) {
    const Eigen::Index count = std::min(block, x.rows() - first);
    const Eigen::MatrixXd products = x.middleRows(first, count) * y.transpose();
    const Eigen::ArrayXXd kernels = (products.array() / static_cast<double>(x.cols()) + 1).cube();
    sums.rows.segment(first, count) = kernels.rowwise().sum();
    sums.columns += kernels.colwise().sum().matrix().transpose();
  }
  return sums;
}

/// Sums of k(x_i, x_j) over all j but i.
inline Eigen::VectorXd sum_own_kernels(const Eigen::Ref<const Eigen::MatrixXd>& x)
{
  const Eigen::ArrayXd squares = x.rowwise().squaredNorm();
  return sum_kernels(x, x).rows.array() - (squares / static_cast<double>(x.cols()) + 1).cube();
}

/// One set's part of the jackknife: (m - 1) / m times the sum of squared deviations of the distances without x_i, which
/// differ by 2 / (m - 1) * (own_i / (m - 2) - cross_i / n).
inline double jackknife_variance(const Eigen::VectorXd& own, const Eigen::VectorXd& cross, double others)
{
  const auto m = static_cast<double>(own.size());
  const Eigen::ArrayXd parts = 2 / (m - 1) * (own / (m - 2) - cross / others).array();
  return (m - 1) / m * (parts - parts.mean()).square().sum();
}

}  // namespace detail

/// The kernel (Inception) distance: the unbiased estimate of the squared maximum mean discrepancy (Gretton et al. 2012,
/// lemma 6) under the kernel k(x, y) = (x . y / d + 1)^3,
///
///     sum_{i != j} k(x_i, x_j) / (m (m - 1)) + sum_{i != j} k(y_i, y_j) / (n (n - 1)) - 2 sum_ij k(x_i, y_j) / (m n),
///
/// of features (m, d) and (n, d). It is zero on average where both are independent draws from one law, and may be
/// negative; sets with equally many of each class are not independent draws and come out lower, by an amount of order
/// 1 / m + 1 / n. The standard error is the jackknife's, which leaves out each feature of either set in turn; it is
/// deterministic and on average not too small (Efron and Stein 1981). Throws std::invalid_argument for sets of fewer
/// than three, of different widths, or with numbers that are not finite.
inline kernel_estimate kernel_distance(const Eigen::Ref<const Eigen::MatrixXd>& x,
                                       const Eigen::Ref<const Eigen::MatrixXd>& y)
{
  if (x.cols() != y.cols() || x.cols() == 0)
    throw std::invalid_argument("two sets of features must have the same width, but have " + std::to_string(x.cols()) +
                                " and " + std::to_string(y.cols()));
  if (std::min(x.rows(), y.rows()) < 3)
    throw std::invalid_argument("a kernel distance needs three features of each set, but there are " +
                                std::to_string(x.rows()) + " and " + std::to_string(y.rows()));
  if (!x.allFinite() || !y.allFinite()) throw std::invalid_argument("features must be finite, but some are not");
  const auto m = static_cast<double>(x.rows()), n = static_cast<double>(y.rows());
  const Eigen::VectorXd own_x = detail::sum_own_kernels(x), own_y = detail::sum_own_kernels(y);
  const detail::kernel_sums cross = detail::sum_kernels(x, y);
  const double value = own_x.sum() / (m * (m - 1)) + own_y.sum() / (n * (n - 1)) - 2 * cross.rows.sum() / (m * n);
  const double variance =
      detail::jackknife_variance(own_x, cross.rows, n) + detail::jackknife_variance(own_y, cross.columns, m);
  return {value, std::sqrt(variance)};
}

}  // namespace fewstep::nn
