#include "fewstep/nn/frechet_distance.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/normal_features.hpp"

#include <Eigen/Core>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

nn::feature_moments moments_of(const Eigen::MatrixXd& features)
{
  nn::feature_moments out;
  out.add(features);
  return out;
}

}  // namespace

TEST_CASE("the Frechet distance of normal laws that share axes is that of their means and deviations", "[nn]")
{
  // |m_1 - m_2|^2 + sum (s_1 - s_2)^2, in whatever basis; some deviations are zero
  const Eigen::Vector4d s1{1, 2, 0, 3}, s2{0.5, 2, 1, 0}, m1{1, 0, 0, 0}, m2{0, 2, 0, -1};
  const Eigen::Vector4d v{0.1, 0.7, -0.5, 0.5};  // of length 1
  const Eigen::Matrix4d q = Eigen::Matrix4d::Identity() - 2 * v * v.transpose();
  const auto law = [&](const Eigen::Vector4d& m, const Eigen::Vector4d& s) {
    return nn::gaussian{q * m, q * s.cwiseAbs2().asDiagonal() * q.transpose()};
  };
  const double expected = 6 + 0.25 + 1 + 9;
  REQUIRE_THAT(nn::frechet_distance(law(m1, s1), law(m2, s2)), WithinRel(expected, 1e-7));
  REQUIRE_THAT(nn::frechet_distance(law(m2, s2), law(m1, s1)), WithinRel(expected, 1e-7));
}

TEST_CASE("the Frechet distance of laws in the plane has the root in closed form", "[nn]")
{
  // tr M^(1/2) = sqrt(tr M + 2 sqrt(det M)) for M of 2 x 2 with positive eigenvalues
  const Eigen::Matrix2d a{{2, 0.7}, {0.7, 1}}, b{{1, -0.4}, {-0.4, 3}};
  const double determinant = (2 - 0.49) * (3 - 0.16);
  const double root = std::sqrt((a * b).trace() + 2 * std::sqrt(determinant));
  REQUIRE_THAT(nn::frechet_distance({Eigen::Vector2d{0, 0}, a}, {Eigen::Vector2d{3, 4}, b}),
               WithinRel(25 + a.trace() + b.trace() - 2 * root, 1e-12));
}

TEST_CASE("the Frechet distance of a law from itself is zero, of any rank", "[nn]")
{
  for (const Eigen::Index count : {5, 200}) {
    const auto law = moments_of(test::normal_features(count, 64, 1)).law();
    // rounding of sums of some hundred terms of the size of the trace
    REQUIRE_THAT(nn::frechet_distance(law, law), WithinAbs(0, 1e-11 * law.covariance.trace()));
  }
}

TEST_CASE("moments of features merge to those of all", "[nn]")
{
  const Eigen::MatrixXd x = (3 * test::normal_features(300, 7, 2).array() + 100).matrix();
  nn::feature_moments parts, rest;
  for (Eigen::Index k = 0; k < 100; ++k) parts.add(x.row(k));
  rest.add(x.middleRows(100, 150));
  rest.add(x.bottomRows(50));
  rest.add(x.topRows(0));
  parts.merge(rest);
  parts.merge({});
  REQUIRE(parts.count == 300);
  const nn::gaussian law = parts.law();
  std::vector<double> mean(7);
  for (Eigen::Index c = 0; c < 7; ++c) {
    for (Eigen::Index k = 0; k < 300; ++k) mean[std::size_t(c)] += x(k, c) / 300;
    REQUIRE_THAT(law.mean[c], WithinRel(mean[std::size_t(c)], 1e-13));
  }
  for (Eigen::Index c = 0; c < 7; ++c)
    for (Eigen::Index e = 0; e < 7; ++e) {
      double covariance = 0;
      for (Eigen::Index k = 0; k < 300; ++k)
        covariance += (x(k, c) - mean[std::size_t(c)]) * (x(k, e) - mean[std::size_t(e)]) / 299;
      // variances are about 9; means of about 100 are rounded at 1e-14
      REQUIRE_THAT(law.covariance(c, e), WithinAbs(covariance, 1e-11));
    }
}

TEST_CASE("laws that cannot be compared are refused with both numbers", "[nn]")
{
  nn::feature_moments moments = moments_of(test::normal_features(3, 4, 1));
  const auto refusal = [](auto f) { return test::refusal<std::invalid_argument>(f); };
  REQUIRE(refusal([&] { moments.add(test::normal_features(3, 5, 1)); }) ==
          "features so far have 4 numbers each, but those to be added have 5");
  REQUIRE(refusal([&] { moments.add(Eigen::MatrixXd::Constant(1, 4, NAN)); }) ==
          "features must be finite, but some are not");
  REQUIRE(refusal([] { moments_of(test::normal_features(1, 4, 1)).law(); }) ==
          "a covariance needs at least two features, but there are 1");
  REQUIRE(refusal([&] { nn::frechet_distance(moments.law(), moments_of(test::normal_features(9, 5, 1)).law()); }) ==
          "two laws are compared in the same space, but one has 4 dimensions and the other 5");
}
