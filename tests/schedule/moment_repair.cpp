#include "fewstep/schedule/moment_repair.hpp"

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

double mean_of(const std::vector<detail::weighted>& numbers, std::size_t first, std::size_t last)
{
  double sum = 0, weights = 0;
  for (std::size_t k = first; k <= last; ++k) sum += numbers[k].value * numbers[k].weight, weights += numbers[k].weight;
  return sum / weights;
}

/// The fit by its closed form: max over i <= k of min over j >= k of the mean of i .. j.
double best_fit(const std::vector<detail::weighted>& numbers, std::size_t k)
{
  double most = -HUGE_VAL;
  for (std::size_t i = 0; i <= k; ++i) {
    double least = HUGE_VAL;
    for (std::size_t j = k; j < numbers.size(); ++j) least = std::min(least, mean_of(numbers, i, j));
    most = std::max(most, least);
  }
  return most;
}

std::vector<double> effective(const moment_table& moments)
{
  std::vector<double> all;
  for (const moment_level& level : moments.levels) all.push_back(effective_variance(error_at(level).value, level.at));
  return all;
}

/// The spectrum's second moments as so many samples would give them.
moment_table noisy(const std::vector<noise_level>& levels, const test::spectrum& data, double deviation)
{
  std::mt19937 bits(3);
  std::normal_distribution<double> normal(1, deviation);
  std::vector<double> ms_eps{0};
  for (const noise_level& at : levels) ms_eps.push_back(data.second_moment(at) * normal(bits));
  return moments_of_ms_eps(levels, ms_eps);
}

}  // namespace

TEST_CASE("the rising fit is the best in weighted squares", "[schedule]")
{
  std::mt19937 bits(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (std::size_t size = 1; size <= 12; ++size) {
    std::vector<detail::weighted> numbers;
    for (std::size_t k = 0; k < size; ++k) numbers.push_back({uniform(bits), .1 + uniform(bits)});
    const auto fit = detail::isotonic(numbers);
    for (std::size_t k = 0; k < size; ++k) REQUIRE_THAT(fit[k], WithinAbs(best_fit(numbers, k), 1e-14));
  }
}

TEST_CASE("what weighs nothing takes its neighbour's value", "[schedule]")
{
  const std::vector<detail::weighted> numbers{{9, 0}, {1, 1}, {-5, 0}, {2, 1}, {7, 0}};
  REQUIRE(detail::isotonic(numbers) == std::vector<double>{1, 1, 1, 2, 2});
  REQUIRE(detail::isotonic(std::vector<detail::weighted>{{3, 0}, {2, 0}}).size() == 2);
}

TEST_CASE("a repair leaves exact moments alone", "[schedule]")
{
  for (const auto& table : {linear_vp(), cosine_vp()}) {
    const auto levels = levels_of(table);
    const moment_table moments = test::spectrum{}.moments(levels), better = repaired(moments);
    for (std::size_t k = 0; k < levels.size(); ++k)
      REQUIRE_THAT(error_at(better.levels[k]).value, WithinRel(error_at(moments.levels[k]).value, 1e-9));
  }
}

TEST_CASE("repaired moments rise, are possible, and lie nearer the truth", "[schedule]")
{
  const test::spectrum data;
  const auto levels = levels_of(linear_vp());
  moment_table moments = noisy(levels, data, .05);
  moments.data_variance = data.variance();
  REQUIRE_FALSE(impossible_levels(moments).empty());
  const moment_table better = repaired(moments);
  REQUIRE(impossible_levels(better).empty());
  const auto v = effective(better);
  REQUIRE(v.back() <= data.variance() * (1 + 1e-9));
  double before = 0, after = 0;
  for (std::size_t k = 0; k < levels.size(); ++k) {
    if (k > 0) REQUIRE(v[k] >= v[k - 1] * (1 - 1e-9));
    before += std::abs(error_at(moments.levels[k]).value - data.error(levels[k])) / 1000;
    after += std::abs(error_at(better.levels[k]).value - data.error(levels[k])) / 1000;
    REQUIRE(better.levels[k].second_moment == moments.levels[k].second_moment);
  }
  REQUIRE(after < before / 10);
  REQUIRE(repaired(better) == better);  // it starts from the measurements
}

TEST_CASE("the errors of predictions held in range can be repaired, too", "[schedule]")
{
  const test::spectrum data, held{.variances = {.1, .2}};
  const auto levels = levels_of(linear_vp({.steps = 50}));
  moment_table moments = data.moments(levels);
  for (moment_level& level : moments.levels) level.clipped = {.count = 1, .mean = held.error(level.at)};
  const moment_table better = repaired(moments, error_estimator::clipped);
  for (const moment_level& level : better.levels)
    REQUIRE_THAT(error_at(level).value, WithinRel(held.error(level.at), 1e-9));
}

TEST_CASE("levels known well pull those known badly", "[schedule]")
{
  const std::vector levels{edm_schedule{}(.5), edm_schedule{}(1)};
  const auto level = [](const noise_level& at, double v, double standard_error) {
    return moment_level{.at = at, .residual = {2, error_of_variance(v, at), 2 * standard_error * standard_error}};
  };
  const moment_table moments{.levels = {level(levels[0], .4, 1e-6), level(levels[1], .3, 1e-2)}};
  const moment_table better = repaired(moments);
  for (const double v : effective(better)) REQUIRE_THAT(v, WithinAbs(.4, 1e-5));
}
