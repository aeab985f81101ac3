/// @file
/// The Frechet distance between two sets of features (Heusel et al. 2017, arXiv:1706.08500).
#pragma once

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace fewstep::nn {

/// The mean and the covariance of vectors.
struct gaussian {
  Eigen::VectorXd mean{};
  Eigen::MatrixXd covariance{};
};

/// The features so far, one a row, in parts that merge (Chan, Golub and LeVeque 1979). The order of `add` and `merge`
/// decides the last bits.
struct feature_moments {
  std::uint64_t count = 0;
  Eigen::VectorXd mean{};
  Eigen::MatrixXd products{};  ///< sum of (x - mean) (x - mean)^T

  /// Adds features (count, width). Throws std::invalid_argument if they are not finite or of another width than those
  /// before.
  void add(const Eigen::Ref<const Eigen::MatrixXd>& features)
  {
    if (!features.allFinite()) throw std::invalid_argument("features must be finite, but some are not");
    if (features.rows() == 0) return;
    const Eigen::VectorXd middle = features.colwise().mean();
    const Eigen::MatrixXd apart = features.rowwise() - middle.transpose();
    merge({static_cast<std::uint64_t>(features.rows()), middle, apart.transpose() * apart});
  }

  /// As if the other's features had been added. Throws std::invalid_argument if they have another width.
  void merge(const feature_moments& other)
  {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    if (other.mean.size() != mean.size())
      throw std::invalid_argument("features so far have " + std::to_string(mean.size()) +
                                  " numbers each, but those to be added have " + std::to_string(other.mean.size()));
    const double ours = static_cast<double>(count), theirs = static_cast<double>(other.count);
    const Eigen::VectorXd apart = other.mean - mean;
    count += other.count;
    mean += apart * (theirs / (ours + theirs));
    products += other.products + apart * apart.transpose() * (ours * theirs / (ours + theirs));
  }

  /// Mean and covariance, the latter estimated without bias. Throws std::invalid_argument for fewer than two features.
  gaussian law() const
  {
    if (count < 2)
      throw std::invalid_argument("a covariance needs at least two features, but there are " + std::to_string(count));
    return {mean, products / static_cast<double>(count - 1)};
  }
};

namespace detail {

/// sqrt(D) V^T of C = V D V^T, so that C is its transpose times itself. What rounding made negative in D is zero.
inline Eigen::MatrixXd factor(const Eigen::MatrixXd& covariance)
{
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> parts(covariance);
  return parts.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal() * parts.eigenvectors().transpose();
}

/// The sum of the singular values of A, which are, with either sign, the eigenvalues of the symmetric (0 A^T; A 0).
inline double sum_of_singular_values(const Eigen::MatrixXd& a)
{
  const Eigen::Index size = a.rows();
  Eigen::MatrixXd lower = Eigen::MatrixXd::Zero(2 * size, 2 * size);
  lower.bottomLeftCorner(size, size) = a;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> parts(lower, Eigen::EigenvaluesOnly);
  return parts.eigenvalues().cwiseAbs().sum() / 2;
}

}  // namespace detail

/// |m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2)): the squared 2-Wasserstein distance of two normal laws, which is
/// called the Frechet (Inception) distance. With C_k = F_k^T F_k the trace of the root is the sum of the singular
/// values of F_1 F_2^T, so that no root of a product that is not symmetric is taken, and covariances may be singular.
/// It is at least zero but for rounding. From features of n images it is too large by about a constant over n: compare
/// sets of one size only. Throws std::invalid_argument if the laws have different widths.
inline double frechet_distance(const gaussian& a, const gaussian& b)
{
  if (a.mean.size() != b.mean.size())
    throw std::invalid_argument("two laws are compared in the same space, but one has " +
                                std::to_string(a.mean.size()) + " dimensions and the other " +
                                std::to_string(b.mean.size()));
  const double root =
      detail::sum_of_singular_values(detail::factor(a.covariance) * detail::factor(b.covariance).transpose());
  return (a.mean - b.mean).squaredNorm() + a.covariance.trace() + b.covariance.trace() - 2 * root;
}

}  // namespace fewstep::nn
