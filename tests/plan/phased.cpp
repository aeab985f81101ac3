#include "fewstep/plan/phased.hpp"

#include "fewstep/plan/check.hpp"
#include "fewstep/plan/consistency.hpp"
#include "fewstep/sample.hpp"
#include "support/catch.hpp"
#include "support/mixture.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

namespace {

const vp_table scaled_table = scaled_linear_vp();

std::vector<double> lower_edges(std::size_t count, std::size_t grid)
{
  auto times = phase_times(1000, count, grid);
  times.erase(times.begin());
  std::reverse(times.begin(), times.end());
  return times;
}

/// A phased network that learnt its task: the data whose noise, jumping in DDIM's form, lands where the flow of the
/// mixture lands. From (x, at) it aims at the next edge below, whatever level the run asks it for.
struct ideal_network {
  test::mixture data{};
  std::vector<noise_level> edges;

  double operator()(double x, const noise_level& at) const
  {
    const noise_level edge = phase_path(edges, at)[1];
    const double landed = data.flow(x, at, edge);
    const double noise = (landed / edge.alpha - x / at.alpha) / (noise_to_signal(edge) - noise_to_signal(at));
    return (x - at.sigma * noise) / at.alpha;
  }
};

/// 400 numbers spread as standard normals are: the middles of 400 parts of equal probability, by bisection.
std::vector<double> normal_quantiles()
{
  std::vector<double> quantiles;
  for (int k = 0; k < 400; ++k) {
    double low = -10, high = 10;
    for (int halving = 0; halving < 60; ++halving) {
      const double middle = (low + high) / 2;
      (std::erfc(-middle / std::numbers::sqrt2) / 2 < (k + 0.5) / 400 ? low : high) = middle;
    }
    quantiles.push_back(low);
  }
  return quantiles;
}

/// Mean and standard error of the mean squared distance from the exact end, over x at the first level.
struct error {
  double square, standard_error;
};

template <class D>
error against_flow(const std::vector<noise_level>& grid, const D& network)
{
  const sampling_plan plan = phased(grid);
  double sum = 0, squares = 0;
  const auto starts = normal_quantiles();
  for (double x : starts) {
    const double miss = sample(plan, x, network) - test::mixture{}.flow(x, grid.front(), scaled_table(0));
    sum += miss * miss;
    squares += std::pow(miss, 4);
  }
  const double count = static_cast<double>(starts.size()), mean = sum / count;
  return {mean, std::sqrt((squares / count - mean * mean) / count)};
}

}  // namespace

TEST_CASE("the edges of phases are those of the official training code", "[phased]")
{
  using edges = std::vector<double>;
  REQUIRE(lower_edges(1, 50) == edges{0});
  REQUIRE(lower_edges(2, 40) == edges{0, 499});
  REQUIRE(lower_edges(4, 40) == edges{0, 249, 499, 749});
  REQUIRE(lower_edges(8, 40) == edges{0, 124, 249, 374, 499, 624, 749, 874});
  REQUIRE(lower_edges(2, 50) == edges{0, 499});
  REQUIRE(lower_edges(4, 50) == edges{0, 239, 499, 739});
  REQUIRE(lower_edges(8, 50) == edges{0, 119, 239, 359, 499, 619, 739, 859});
  REQUIRE(lower_edges(2, 100) == edges{0, 499});
  REQUIRE(lower_edges(4, 100) == edges{0, 249, 499, 749});
  REQUIRE(lower_edges(8, 100) == edges{0, 119, 249, 369, 499, 619, 749, 869});
  REQUIRE(lower_edges(16, 50) == edges{0, 59, 119, 179, 239, 299, 359, 419, 499, 559, 619, 679, 739, 799, 859, 919});
  REQUIRE(lower_edges(16, 40) == edges{0, 49, 124, 174, 249, 299, 374, 424, 499, 549, 624, 674, 749, 799, 874, 924});
  for (std::size_t grid : std::vector<std::size_t>{40, 50, 100}) REQUIRE(phase_times(1000, 4, grid).front() == 999);

  const auto sd3 = flow_phases(4), sd3_shifted = flow_phases(4, {.shift = 3});
  const std::vector<double> plain{1, .75, .5, .25, .001}, shifted_by_3{1, .9, .75, .5, .003 / 1.002};
  for (std::size_t m = 0; m < 5; ++m) {
    REQUIRE_THAT(sd3[m].sigma, WithinAbs(plain[m], 1e-15));
    REQUIRE_THAT(sd3_shifted[m].sigma, WithinAbs(shifted_by_3[m], 1e-15));
  }
}

TEST_CASE("deterministic phased rows are those of the official settings", "[phased]")
{
  struct row {
    double kx, kP;
  };
  const std::vector<row> official{
      {.9711216576, .1813302894}, {.8772201204, .3097230856}, {.6532556377, .4874865401}, {.0525119765, .9558998862}};
  const sampling_plan plan = phased(pcm_sd15(4));
  REQUIRE(plan.steps.size() == 4);
  for (std::size_t m = 0; m < 4; ++m) {
    REQUIRE_THAT(plan.steps[m].keep, WithinAbs(official[m].kx, 6e-11));
    REQUIRE_THAT(plan.steps[m].model[0], WithinAbs(official[m].kP, 6e-11));
    REQUIRE(plan.steps[m].noise == 0);
  }
  REQUIRE(plan.end == scaled_table(0));
}

TEST_CASE("stochastic phased rows mix predicted and fresh noise by r", "[phased]")
{
  const auto edges = phases(scaled_table, 4);
  for (double r : {0.0, 0.25, 0.7, 1.0}) {
    const sampling_plan plan = phased(edges, r);
    for (std::size_t m = 0; m < 4; ++m) {
      const noise_level &from = edges[m], &to = edges[m + 1];
      const double last = m == 3 ? 1 : r;  // no fresh noise in the last step
      // x_s = alpha_s D + sigma_s (sqrt(r) eps + sqrt(1 - r) z), eps = (x - alpha D) / sigma
      REQUIRE_THAT(plan.steps[m].keep, WithinAbs(to.sigma * std::sqrt(last) / from.sigma, 1e-14));
      REQUIRE_THAT(plan.steps[m].model[0],
                   WithinAbs(to.alpha - to.sigma * std::sqrt(last) * from.alpha / from.sigma, 1e-14));
      REQUIRE_THAT(plan.steps[m].noise, WithinAbs(to.sigma * std::sqrt(1 - last), 1e-14));
    }
    for (const auto& [signal, variance] : law_residuals(plan)) {
      REQUIRE_THAT(signal, WithinAbs(0, 1e-14));
      REQUIRE_THAT(variance, WithinAbs(0, 1e-14));
    }
  }
}

TEST_CASE("with an ideal network the number of phases does not change the result", "[phased]")
{
  struct run {
    double start, end;
  };
  for (const auto& [start, end] : {run{-.9, -.9639952263}, run{.2, 1.3994548705}, run{1.3, 1.8096590995}})
    for (std::size_t count : std::vector<std::size_t>{1, 2, 4, 8, 16}) {
      const auto edges = pcm_sd15(count);
      REQUIRE_THAT(sample(phased(edges), start, ideal_network{.edges = edges}), WithinAbs(end, 6e-11));
      const auto finer = pcm_sdxl(count);
      REQUIRE_THAT(sample(phased(finer), start, ideal_network{.edges = finer}), WithinAbs(end, 6e-11));
    }
}

TEST_CASE("with the exact score the same steps only converge", "[phased]")
{
  struct run {
    double start;
    std::vector<double> ends;
  };
  const std::vector<std::size_t> steps{1, 2, 4, 8, 16, 50};
  for (const auto& [start, ends] :
       {run{-.9, {.632, .073, -.712, -.930, -.948, -.959}}, run{.2, {.771, 1.054, 1.395, 1.408, 1.406, 1.403}},
        run{1.3, {.903, 1.485, 1.624, 1.688, 1.736, 1.781}}})
    for (std::size_t k = 0; k < steps.size(); ++k) {
      const auto grid = trailing(scaled_table, steps[k], grid_end::first_level);
      REQUIRE_THAT(sample(phased(grid), start, test::mixture{}), WithinAbs(ends[k], 6e-4));
    }
}

TEST_CASE("a phased network is exact on its edges and off them elsewhere", "[phased]")
{
  const auto run = [](std::size_t grid, std::size_t count, const std::vector<noise_level>& levels) {
    return against_flow(levels, ideal_network{.edges = phases(scaled_table, count, grid)});
  };
  REQUIRE(run(50, 4, pcm_sd15(4)).square < 1e-18);
  REQUIRE(run(40, 4, pcm_sdxl(4)).square < 1e-18);
  REQUIRE(run(40, 4, pcm_sdxl(4, pcm_times::validation)).square < 1e-18);

  // root mean squares over 400 random starts, worked out independently; ours are over even quantiles, so that the
  // difference stays within a few standard errors of theirs
  const auto require_published = [](const error& found, double published) {
    REQUIRE_THAT(found.square, WithinAbs(published * published, 3 * found.standard_error + published * 1e-3));
  };
  require_published(run(50, 4, pcm_sd15(4, pcm_times::validation)), .192);
  require_published(run(50, 4, pcm_sd15(4, pcm_times::demo)), .193);
  require_published(run(40, 4, pcm_sdxl(4, pcm_times::demo)), .204);
  require_published(run(50, 8, pcm_sd15(8, pcm_times::validation)), .153);
  require_published(run(50, 8, pcm_sd15(8, pcm_times::demo)), .150);
  require_published(run(40, 4, trailing(scaled_table, 8, grid_end::first_level)), .137);
  require_published(run(40, 4, trailing(scaled_table, 2, grid_end::first_level)), .351);
  require_published(run(40, 8, trailing(scaled_table, 4, grid_end::first_level)), .185);
  require_published(against_flow(trailing(scaled_table, 4, grid_end::first_level), test::mixture{}), .306);
  require_published(against_flow(trailing(scaled_table, 8, grid_end::first_level), test::mixture{}), .185);
}

TEST_CASE("the map from one phase to another goes over the edges between", "[phased]")
{
  const auto edges = phases(scaled_table, 4);  // 999 739 499 239 0
  const auto path = phase_path(edges, scaled_table(600), 1);
  REQUIRE(path == std::vector{scaled_table(600), scaled_table(499), scaled_table(239)});
  REQUIRE(phase_path(edges, scaled_table(739)) == std::vector(edges.begin() + 1, edges.end()));
  // composed of the phases' own functions, it is the flow
  const ideal_network network{.edges = edges};
  const double landed = sample(phased(path), 0.4, network);
  REQUIRE_THAT(landed, WithinAbs(test::mixture{}.flow(0.4, scaled_table(600), scaled_table(239)), 1e-10));
  REQUIRE_THROWS_WITH(phase_path(edges, scaled_table(600), 5), ContainsSubstring("edge 5"));
  REQUIRE_THROWS_AS(phase_path(edges, scaled_table(100), 1), std::invalid_argument);
}

TEST_CASE("one phase is one step of consistency sampling", "[phased]")
{
  // the consistency function lands on time 0 as the network's noise says
  const auto edges = phases(scaled_table, 1);
  const auto predicted = [](double x, const noise_level&) { return std::tanh(x); };
  const double alpha = edges[0].alpha, sigma = edges[0].sigma, x = 1.1;
  const auto f = [&](double y, const noise_level& at) {
    const double data = predicted(y, at);
    return edges[1].alpha * data + edges[1].sigma * (y - alpha * data) / sigma;
  };
  REQUIRE_THAT(sample(phased(edges), x, predicted), WithinAbs(sample(consistency(edges), x, f), 1e-12));
}

TEST_CASE("the official inference grids are offered beside the edges", "[phased]")
{
  const auto times = [](const std::vector<noise_level>& grid) {
    std::vector<double> result;
    for (const noise_level& at : grid) result.push_back(at.t);
    return result;
  };
  using list = std::vector<double>;
  REQUIRE(times(pcm_sd15(4)) == list{999, 739, 499, 239, 0});
  REQUIRE(times(pcm_sd15(4, pcm_times::validation)) == list{999, 749, 499, 249, 0});
  REQUIRE(times(pcm_sd15(4, pcm_times::demo)) == list{999, 759, 499, 259, 0});
  REQUIRE(pcm_sdxl(4) == pcm_sdxl(4, pcm_times::validation));
  REQUIRE(pcm_sd3(4, 1) == flow_phases(4));
  const std::vector<double> inference{1, .76, .5, .26, 0}, shifted_inference{1, .90476, .75, .51316, 0};
  for (std::size_t k = 0; k < 5; ++k) {
    REQUIRE_THAT(pcm_sd3(4, 1, pcm_times::demo)[k].sigma, WithinAbs(inference[k], 1e-15));
    REQUIRE_THAT(pcm_sd3(4, 3, pcm_times::validation)[k].sigma, WithinAbs(shifted_inference[k], 5e-6));
  }
}

TEST_CASE("phased sampling refuses edges and phases that make none", "[phased]")
{
  REQUIRE_THROWS_WITH(phases(scaled_table, 0), ContainsSubstring("phases") && ContainsSubstring("0"));
  REQUIRE_THROWS_WITH(phases(scaled_table, 51), ContainsSubstring("50") && ContainsSubstring("51"));
  REQUIRE_THROWS_AS(phases(scaled_table, 4, 0), std::invalid_argument);
  REQUIRE_THROWS_WITH(phases(scaled_table, 4, 1001), ContainsSubstring("1001"));
  REQUIRE_THROWS_AS(flow_phases(4, {.shift = -1}), std::invalid_argument);
  REQUIRE_THROWS_AS(flow_phases(101), std::invalid_argument);
  REQUIRE_THROWS_AS(pcm_flow_grid(51), std::invalid_argument);
  REQUIRE_THROWS_AS(pcm_flow_grid(0), std::invalid_argument);
  REQUIRE_THROWS_AS(pcm_flow_grid(4, {.grid = 1001}), std::invalid_argument);
  const auto edges = phases(scaled_table, 4);
  for (double r : {-0.1, 1.1, double{NAN}}) REQUIRE_THROWS_WITH(phased(edges, r), ContainsSubstring("r must lie"));
  REQUIRE_THROWS_AS(phased(std::vector(edges.rbegin(), edges.rend())), std::invalid_argument);
  REQUIRE_THROWS_AS(phased(std::vector{scaled_table(500), scaled_table(500)}), std::invalid_argument);
  REQUIRE_THROWS_AS(phased(std::vector{scaled_table(500)}), std::invalid_argument);
}
