#include "fewstep/statistics/likelihood.hpp"

#include "fewstep/plan/analytic.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/trajectory.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

using X = std::vector<double>;

const test::spectrum image_law{.variances = {.3, .05, .01}};

std::vector<X> draw_data(std::size_t samples)
{
  std::vector<X> data(samples, X(12));
  for (std::size_t k = 0; k < samples; ++k) {
    fill_normal(std::span(data[k]), {.seed = 9, .sample = k});
    for (std::size_t i = 0; i < 12; ++i) {
      const double number = data[k][i] * std::sqrt(image_law.variances[i % 3]);
      data[k][i] = std::round((number + 1) * 127.5) / 127.5 - 1;  // a pixel; it adds a variance of 5e-6
    }
  }
  return data;
}

X posterior_mean(const X& x, const noise_level& at)
{
  X data = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = image_law.variances[i % 3];
    data[i] *= at.alpha * v / (at.alpha * at.alpha * v + at.sigma * at.sigma);
  }
  return data;
}

const vp_table whole_table = linear_vp();
const double decoder = posterior_deviation(whole_table(1), whole_table(0));

/// Normal divergence, the same number by number.
double divergence(const X& mean_q, double variance_q, const X& mean_p, double variance_p)
{
  double sum = 0;
  for (std::size_t i = 0; i < mean_q.size(); ++i)
    sum += (variance_q / variance_p + std::pow(mean_q[i] - mean_p[i], 2) / variance_p - 1 -
            std::log(variance_q / variance_p)) /
           2;
  return sum;
}

X combined(double a, const X& x, double b, const X& y)
{
  X sum = x;
  for (std::size_t i = 0; i < x.size(); ++i) sum[i] = a * x[i] + b * y[i];
  return sum;
}

}  // namespace

TEST_CASE("the terms of a bound are the divergences of the laws that they name", "[likelihood]")
{
  const auto grid = even_grid(whole_table, 6);
  const moment_table moments = image_law.moments(levels_of(whole_table));
  const X data = draw_data(1)[0];
  for (const double eta : {.4, 1.}) {
    const sampling_plan plan = analytic(grid, moments, eta);
    std::vector<X> draws;
    const auto noise = [&](const X& x, const evaluation& at, X& out) {
      fill_normal(std::span(out), {.seed = 3, .row = static_cast<std::uint32_t>(at.row)});
      REQUIRE(out.size() == x.size());
      draws.push_back(out);
    };
    const auto terms = likelihood_terms(plan, posterior_mean, data, noise, {.decoder_deviation = decoder});
    REQUIRE(terms.size() == 7);
    const noise_level& start = grid[0];
    REQUIRE_THAT(
        terms[0][0],
        WithinRel(divergence(combined(start.alpha, data, 0, data), start.sigma * start.sigma, X(12, 0.), 1), 1e-9));
    for (std::size_t k = 0; k < 5; ++k) {
      const noise_level &t = grid[k], &s = grid[k + 1];
      const X x = combined(t.alpha, data, t.sigma, draws[k]), predicted = posterior_mean(x, t);
      // q(x_s | x_t, data) of DDIM, eq. (7): sqrt(sigma_s^2 - c^2) along the noise
      const double c = eta * posterior_deviation(t, s), along = std::sqrt(s.sigma * s.sigma - c * c);
      const auto mean = [&](const X& of) {
        return combined(s.alpha, of, along / t.sigma, combined(1, x, -t.alpha, of));
      };
      const double variance = reverse_variances(grid, moments, eta)[k].optimal;
      CAPTURE(eta, k);
      REQUIRE_THAT(terms[k + 1][0], WithinRel(divergence(mean(data), c * c, mean(predicted), variance), 1e-9));
    }
    const X last = posterior_mean(combined(grid[5].alpha, data, grid[5].sigma, draws[5]), grid[5]);
    double sum = 0;
    for (std::size_t i = 0; i < 12; ++i) sum -= log_probability({}, data[i], last[i], decoder);
    REQUIRE_THAT(terms[6][0], WithinRel(sum, 1e-12));
  }
}

TEST_CASE("with exact moments each row costs what the search says that it costs", "[likelihood]")
{
  const auto levels = levels_of(whole_table);
  const moment_table moments = image_law.moments(levels);
  const auto nodes = path_nodes(moments, levels);
  const auto data = draw_data(400);
  for (const auto& path : {even_path(1000, 5), optimal_path(nodes, 5)})
    for (const double eta : {.5, 1.}) {
      const auto grid = grid_of_path(levels, path, whole_table.data_level());
      const likelihood_bound bound =
          negative_log_likelihood(analytic(grid, moments, eta), posterior_mean, data, {.decoder_deviation = decoder});
      REQUIRE(bound.total.count == 400);
      for (std::size_t k = 0; k < 4; ++k) {  // d / 2 J, of d ln 2
        const double cost = path_cost(nodes[path[3 - k]], nodes[path[4 - k]], eta) / (2 * std::numbers::ln2);
        REQUIRE(std::abs(bound.terms[k + 1].mean - cost) < 5 * bound.terms[k + 1].standard_error());
      }
      double sum = 0;
      for (const running_mean& term : bound.terms) sum += term.mean;
      REQUIRE_THAT(bound.total.mean, WithinRel(sum, 1e-12));
    }
}

TEST_CASE("the optimal variance has the lowest bound", "[likelihood]")
{
  const auto data = draw_data(100);
  const moment_table moments = image_law.moments(levels_of(whole_table));
  for (const std::size_t steps : {5u, 20u}) {
    const auto grid = even_grid(whole_table, steps);
    const auto bits = [&](const sampling_plan& plan) {
      return negative_log_likelihood(plan, posterior_mean, data, {.decoder_deviation = decoder}).total.mean;
    };
    const double best = bits(analytic_ddpm(grid, moments));
    REQUIRE(best < bits(ddpm(grid)));
    REQUIRE(best < bits(ddpm(grid, {.variance = ddpm_variance::interval})));
    REQUIRE(bits(analytic_ddpm(optimal_grid(whole_table, moments, steps), moments)) < best);
  }
}

TEST_CASE("batches, and other seeds, change nothing but rounding and draws", "[likelihood]")
{
  const auto data = draw_data(40);
  std::vector<X> pairs;
  for (std::size_t k = 0; k < 40; k += 2) {
    pairs.push_back(data[k]);
    pairs.back().insert(pairs.back().end(), data[k + 1].begin(), data[k + 1].end());
  }
  const sampling_plan plan = ddpm(even_grid(whole_table, 5));
  const auto one = negative_log_likelihood(plan, posterior_mean, data, {.decoder_deviation = decoder});
  const auto two =
      negative_log_likelihood(plan, posterior_mean, pairs, {.decoder_deviation = decoder, .samples_in_each = 2});
  REQUIRE_THAT(two.total.mean, WithinRel(one.total.mean, 1e-12));
  REQUIRE_THAT(two.total.standard_error(), WithinRel(one.total.standard_error(), 1e-9));
  const auto other = negative_log_likelihood(plan, posterior_mean, data, {.decoder_deviation = decoder, .seed = 1});
  REQUIRE(other.total.mean != one.total.mean);
  REQUIRE(std::abs(other.total.mean - one.total.mean) <
          5 * std::hypot(one.total.standard_error(), other.total.standard_error()));
}

TEST_CASE("a plan without a finite bound is refused, with the reason", "[likelihood]")
{
  const auto data = draw_data(3);
  const auto refused = [&](const sampling_plan& plan, const likelihood_options& options, const std::string& part) {
    REQUIRE_THROWS_WITH(negative_log_likelihood(plan, posterior_mean, data, options), ContainsSubstring(part));
  };
  const auto grid = even_grid(whole_table, 5);
  const likelihood_options good{.decoder_deviation = decoder};
  refused(ddim(grid), good, "row 0 adds no noise");
  refused(analytic_ddim(grid, image_law.moments(levels_of(whole_table))), good, "eta = 0");
  refused(ddpm(grid), {}, "decoder_deviation");
  refused(ddpm(trailing(whole_table, 5, grid_end::first_level)), good, "end at the data");
  refused({}, good, "no rows");
  sampling_plan other = ddpm(grid);
  other.predicts = prediction::noise;
  refused(other, good, "one data prediction");
  other = ddpm(grid);
  other.steps[2].model[0] *= 1.01;
  refused(other, good, "row 2 is not a first-order step");
  refused(ddpm(grid), {.decoder_deviation = decoder, .prior_deviation = 0}, "prior_deviation");
  refused(ddpm(grid), {.decoder_deviation = decoder, .samples = 4}, "hold 3 samples");
  REQUIRE_THROWS_WITH(negative_log_likelihood(ddpm(grid), posterior_mean, std::vector<X>{data[0]}, good),
                      ContainsSubstring("at least two samples"));
  const auto short_of = [](const X&, const noise_level&) { return X(5); };
  REQUIRE_THROWS_WITH(negative_log_likelihood(ddpm(grid), short_of, data, good),
                      ContainsSubstring("returned 5 numbers"));
}
