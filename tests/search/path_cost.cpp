#include "fewstep/search/path_cost.hpp"

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

using path = std::vector<std::size_t>;

const std::vector<double> toy_betas{.1, .2, .3, .35, .4, .5, .6, .7};
const test::spectrum toy{.variances = {.05, 2, 1}};

/// The divergence from q(x_0, x_tau) to Analytic-DPM's chain along a path over `table`, for normal data of mean 0 with
/// independent numbers of the given variances, from covariances alone: with every number x of q normal,
///
///     E_q ln q = -sum of entropies of q(x_0), q(x_N | x_0), q(x_s | x_t, x_0),     -E_q ln p = sum of cross entropies.
double divergence(const vp_table& table, const test::spectrum& data, const path& stops, double eta)
{
  const auto entropy = [](double variance) { return std::log(2 * std::numbers::pi * std::numbers::e * variance) / 2; };
  const auto cross = [](double variance, double square) {
    return (std::log(2 * std::numbers::pi * variance) + square / variance) / 2;
  };
  const double d = static_cast<double>(data.variances.size());
  const noise_level last = table(static_cast<double>(stops.back()));
  double sum = 0;
  for (const double v : data.variances)
    sum +=
        cross(1, last.alpha * last.alpha * v + last.sigma * last.sigma) - entropy(v) - entropy(last.sigma * last.sigma);
  for (std::size_t k = stops.size(); k-- > 0;) {
    const noise_level t = table(static_cast<double>(stops[k]));
    const noise_level s = k > 0 ? table(static_cast<double>(stops[k - 1])) : table.data_level();
    const double ratio = s.sigma * t.alpha / (s.alpha * t.sigma);
    const double c = eta * s.sigma * std::sqrt(1 - ratio * ratio);
    const double keep = std::sqrt(s.sigma * s.sigma - c * c) / t.sigma, gain = s.alpha - keep * t.alpha;
    double variance = 0;  // optimal: the mean of the squared distance of x_s from p's mean, keep x_t + gain D(x_t)
    std::vector<double> squares;
    for (const double v : data.variances) {
      const double v_t = t.alpha * t.alpha * v + t.sigma * t.sigma, v_s = s.alpha * s.alpha * v + s.sigma * s.sigma;
      const double slope = keep + gain * t.alpha * v / v_t;  // D = alpha v / v_t x_t
      const double both = keep * v_t + gain * t.alpha * v;   // cov(x_s, x_t): x_s = keep x_t + gain x_0 + c z
      squares.push_back(v_s - 2 * slope * both + slope * slope * v_t);
      variance += squares.back() / d;
    }
    for (const double square : squares) sum += cross(variance, square);
    if (k > 0) sum -= d * entropy(c * c);
  }
  return sum;
}

/// d / 2 times the sum of J.
double by_costs(const vp_table& table, const test::spectrum& data, const path& stops, double eta)
{
  const auto levels = levels_of(table);
  return static_cast<double>(data.variances.size()) / 2 *
         path_cost(path_nodes(data.moments(levels), levels), stops, eta);
}

}  // namespace

TEST_CASE("the toy's second moments of the score are the reference's", "[search]")
{
  const double gammas[] = {2.8076225, 1.5819841, 1.1945143, 1.0683604, 1.0217787, 1.0044985, 1.0003234, .99989158};
  const vp_table table(toy_betas);
  for (std::size_t t = 0; t < 8; ++t) {
    const noise_level at = table(static_cast<double>(t));
    REQUIRE_THAT(toy.second_moment(at) / (at.sigma * at.sigma), WithinAbs(gammas[t], 6e-8));
  }
}

TEST_CASE("the cost of a path is the divergence of the whole process, but for what all paths share", "[search]")
{
  struct known {
    path stops;
    double ddpm, half;
  };
  const known paths[] = {{{0, 1, 2, 3, 4, 5, 6, 7}, .3635601430, 2.2712122462},
                         {{0, 2, 7}, .5732697438, 2.8952956866},
                         {{0, 7}, .8274816237, 2.6999303723},
                         {{0, 3, 5, 7}, .6098464747, 2.5784924008}};
  const vp_table table(toy_betas);
  const double shared = divergence(table, toy, paths[0].stops, 1) - by_costs(table, toy, paths[0].stops, 1);
  for (const auto& [stops, ddpm, half] : paths) {
    REQUIRE_THAT(divergence(table, toy, stops, 1), WithinAbs(ddpm, 6e-11));
    REQUIRE_THAT(divergence(table, toy, stops, .5), WithinAbs(half, 6e-11));
    REQUIRE_THAT(by_costs(table, toy, stops, 1) + shared, WithinAbs(ddpm, 6e-11));
    REQUIRE_THAT(by_costs(table, toy, stops, .5) + shared, WithinAbs(half, 6e-11));
  }
}

TEST_CASE("for data of one variance only the last level is left of DDPM's divergence, which is not quite noise",
          "[search]")
{
  const vp_table table(toy_betas);
  const test::spectrum even{.variances = {.3, .3}};
  for (const path& stops : {path{0, 1, 2, 3, 4, 5, 6, 7}, path{0, 2, 7}, path{0, 7}})
    REQUIRE_THAT(divergence(table, even, stops, 1), WithinAbs(3.4265522e-5, 1e-12));
}

TEST_CASE("DDPM's cost in betas telescopes to the divergence", "[search]")
{
  const vp_table table = linear_vp();
  const test::spectrum data;
  const auto levels = levels_of(table);
  const auto nodes = path_nodes(data.moments(levels), levels);
  for (const auto& [s, t] : {std::pair{0, 1}, {0, 999}, {3, 40}, {500, 501}, {600, 999}, {998, 999}}) {
    const noise_level &a = levels[static_cast<std::size_t>(s)], &b = levels[static_cast<std::size_t>(t)];
    const double kept = b.alpha * b.alpha / (a.alpha * a.alpha), noise = b.sigma * b.sigma;
    const double beta = noise - kept * a.sigma * a.sigma;  // beta_{t|s}
    const double gamma = data.second_moment(b) / noise;
    const double tilde = beta * a.sigma * a.sigma / noise;
    const double optimal = beta / kept * (1 - beta * gamma);  // theorem 1 for DDPM
    const path_node &x = nodes[static_cast<std::size_t>(s)], &y = nodes[static_cast<std::size_t>(t)];
    CAPTURE(s, t);
    // 1 - beta Gamma is rounded at 1e-16: that is what these forms know of its logarithm
    const double rounding = 1e-14 + 4e-16 / (1 - beta * gamma);
    REQUIRE_THAT(telescoped_cost(x, y), WithinAbs(std::log(1 - beta * gamma), rounding));
    REQUIRE_THAT(path_cost(x, y), WithinAbs(std::log(optimal / tilde), rounding));
    REQUIRE_THAT(path_cost(x, y) - telescoped_cost(x, y), WithinAbs(telescoped_part(x, y), 1e-12));
  }
  REQUIRE_THAT(
      telescoped_part(path_nodes(toy.moments(levels_of(vp_table(toy_betas))), levels_of(vp_table(toy_betas)))[0],
                      path_nodes(toy.moments(levels_of(vp_table(toy_betas))), levels_of(vp_table(toy_betas)))[7]),
      WithinAbs(6.6255591487, 6e-11));
}

TEST_CASE("for data of one variance every path costs the same", "[search]")
{
  const test::spectrum data{.variances = {.25}};
  const vp_table table = linear_vp();
  const auto levels = levels_of(table);
  const auto nodes = path_nodes(data.moments(levels), levels);
  for (const path& stops : {path{0, 999}, path{0, 1, 2, 999}, path{0, 100, 200, 500, 998, 999}})
    REQUIRE_THAT(path_cost(nodes, stops), WithinAbs(7.824335875935, 1e-12));
  for (const std::size_t t : {0u, 17u, 400u, 999u})
    REQUIRE_THAT(effective_variance(data.error(levels[t]), levels[t]), WithinRel(.25, 1e-11));
}

TEST_CASE("the cost depends on sigma / alpha alone", "[search]")
{
  const vp_table table = linear_vp();
  const auto levels = levels_of(table);
  std::vector<noise_level> exploding;
  for (const noise_level& at : levels) exploding.push_back(edm_schedule{}(noise_to_signal(at)));
  const test::spectrum data;
  const path stops{0, 30, 300, 999};
  for (const double eta : {1.0, .3}) {
    const double cost = path_cost(path_nodes(data.moments(levels), levels), stops, eta);
    REQUIRE_THAT(path_cost(path_nodes(data.moments(exploding), exploding), stops, eta), WithinRel(cost, 1e-12));
  }
}

TEST_CASE("at eta = 0 there is no cost, and the reason is given", "[search]")
{
  const auto levels = levels_of(linear_vp());
  const auto nodes = path_nodes(test::spectrum{}.moments(levels), levels);
  REQUIRE_THROWS_WITH(path_cost(nodes, path{0, 999}, 0), ContainsSubstring("infinite"));
  REQUIRE_THROWS_AS(path_cost(nodes, path{0, 999}, 1.5), std::invalid_argument);
}

TEST_CASE("nodes that cannot be searched and paths that are none are refused", "[search]")
{
  auto levels = levels_of(linear_vp());
  const moment_table moments = test::spectrum{}.moments(levels);
  const auto nodes = path_nodes(moments, levels);
  REQUIRE_THROWS_WITH(path_cost(nodes, path{0, 1000}), ContainsSubstring("node 1000"));
  REQUIRE_THROWS_WITH(path_cost(nodes, path{0, 5, 5}), ContainsSubstring("stop 2"));
  REQUIRE_THROWS_AS(path_nodes(moments, std::vector{levels[0]}), std::invalid_argument);
  std::swap(levels[3], levels[4]);
  REQUIRE_THROWS_WITH(path_nodes(moments, levels), ContainsSubstring("noise rising"));
  REQUIRE_THROWS_WITH(path_nodes(moments, std::vector{vp_table::data_level(), levels[0]}),
                      ContainsSubstring("signal and noise"));
  REQUIRE_THROWS_AS(path_nodes(moment_table{}, levels), std::invalid_argument);
}
