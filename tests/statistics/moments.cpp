#include "fewstep/statistics/moments.hpp"

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/plan/analytic_elementwise.hpp"
#include "fewstep/random/philox.hpp"
#include "fewstep/schedule/bit_hash.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

using floats = std::vector<float>;

/// Each variance of the spectrum `repeats` times, side by side.
const test::spectrum repeated_law{.variances = {1.0, 0.25, 0.01}};
constexpr std::size_t repeats = 20;

std::vector<floats> draw_floats(std::size_t samples)
{
  std::vector<floats> data(samples, floats(repeated_law.variances.size() * repeats));
  for (std::size_t k = 0; k < samples; ++k) {
    fill_normal(std::span(data[k]), {.seed = 77, .sample = k});
    for (std::size_t i = 0; i < data[k].size(); ++i)
      data[k][i] *= static_cast<float>(std::sqrt(repeated_law.variances[i / repeats]));
  }
  return data;
}

/// The posterior mean, times `scale`.
auto scaled_mean(double scale = 1)
{
  return [=](const floats& x, const noise_level& at) {
    floats data = x;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = repeated_law.variances[i / repeats % repeated_law.variances.size()];
      const double gain = at.alpha * v / (at.alpha * at.alpha * v + at.sigma * at.sigma);
      data[i] = static_cast<float>(scale * gain * static_cast<double>(x[i]));
    }
    return data;
  };
}

const std::vector<noise_level> levels{linear_vp()(5), linear_vp()(100), linear_vp()(500), linear_vp()(999)};

}  // namespace

TEST_CASE("both estimators find the error of the exact denoiser within their standard errors", "[moments]")
{
  const auto data = draw_floats(600);
  const moment_table moments = estimate_moments(scaled_mean(), data, levels);
  REQUIRE(moments.schedule == hash(levels));
  REQUIRE(moments.dimensions == 60);
  REQUIRE_THAT(moments.data_variance, WithinRel(repeated_law.variance(), .03));
  REQUIRE(moments.levels.size() == 4);
  for (const moment_level& level : moments.levels) {
    CAPTURE(level.at.t);
    REQUIRE(level.residual.count == 600);
    for (const auto which : {error_estimator::second_moment, error_estimator::residual}) {
      const data_error error = raw_error(level, which);
      REQUIRE(std::abs(error.value - repeated_law.error(level.at)) < 5 * error.standard_error);
    }
    // the residual of number i is C_i times a chi-squared number, whose variance is 2
    double variance = 0;
    for (const double v : repeated_law.variances) variance += 2 * std::pow(error_of_variance(v, level.at), 2) / 3;
    REQUIRE_THAT(level.residual.variance() * 60, WithinRel(variance, .25));
  }
  // the residual is the better one where there is noise, the second moment where there is little
  REQUIRE(error_at(moments.levels.front()).from == error_estimator::second_moment);
  REQUIRE(error_at(moments.levels.back()).from == error_estimator::residual);
  const double ratio = raw_error(moments.levels.back(), error_estimator::second_moment).standard_error /
                       raw_error(moments.levels.back(), error_estimator::residual).standard_error;
  REQUIRE(ratio > 1000);
}

TEST_CASE("the residual is the error of a network that is not exact, too", "[moments]")
{
  const auto data = draw_floats(400);
  const moment_table moments = estimate_moments(scaled_mean(.8), data, levels);
  for (const moment_level& level : moments.levels) {
    double error = 0;  // C_i and the bias, (0.2 gain)^2 E x_i^2
    for (const double v : repeated_law.variances) {
      const double total = level.at.alpha * level.at.alpha * v + level.at.sigma * level.at.sigma;
      error += (error_of_variance(v, level.at) + std::pow(.2 * level.at.alpha * v, 2) / total) / 3;
    }
    REQUIRE(std::abs(level.residual.mean - error) < 5 * level.residual.standard_error());
  }
}

TEST_CASE("it does not matter what the network predicts", "[moments]")
{
  const auto data = draw_floats(64);
  const moment_table from_data = estimate_moments(scaled_mean(), data, levels);
  for (const auto kind : {prediction::noise, prediction::velocity, prediction::score, prediction::flow}) {
    const moment_table moments =
        estimate_moments(converted(scaled_mean(), prediction::data, kind), data, levels, {.predicts = kind});
    for (std::size_t k = 0; k < 4; ++k) {
      const double n = noise_variance(levels[k]);  // outputs are rounded to float
      REQUIRE_THAT(moments.levels[k].second_moment.mean,
                   WithinAbs(from_data.levels[k].second_moment.mean, 1e-6 * (1 + 1 / std::sqrt(n))));
      REQUIRE_THAT(moments.levels[k].residual.mean,
                   WithinAbs(from_data.levels[k].residual.mean, 1e-6 * (1 + std::sqrt(n))));
    }
  }
}

TEST_CASE("the error of predictions held in range is measured beside the other", "[moments]")
{
  const auto data = draw_floats(64);
  const data_range range{-.5, .5};
  const auto held = [](const floats& x, const noise_level& at) {
    floats out = scaled_mean()(x, at);
    for (float& number : out) number = std::clamp(number, -.5f, .5f);
    return out;
  };
  const moment_table both = estimate_moments(scaled_mean(), data, levels, {.range = range});
  const moment_table direct = estimate_moments(held, data, levels);
  for (std::size_t k = 0; k < 4; ++k) {
    REQUIRE_THAT(both.levels[k].clipped.mean, WithinRel(direct.levels[k].residual.mean, 1e-6));
    REQUIRE(both.levels[k].clipped.count == 64);
    REQUIRE(direct.levels[k].clipped.count == 0);
  }
  REQUIRE(error_at(both.levels[2], error_estimator::clipped).value == both.levels[2].clipped.mean);
}

TEST_CASE("parts of a sample are measured one by one, and their mean is the whole", "[moments]")
{
  const auto data = draw_floats(300);
  const moment_table moments = estimate_moments(scaled_mean(), data, levels, {.parts = 3});
  for (const moment_level& level : moments.levels) {
    REQUIRE(level.parts.size() == 3);
    double residual = 0, second = 0;
    for (std::size_t p = 0; p < 3; ++p) {
      const double error = error_of_variance(repeated_law.variances[p], level.at);
      REQUIRE(std::abs(level.parts[p].residual.mean - error) < 5 * level.parts[p].residual.standard_error());
      const double ms = 1 - error / noise_variance(level.at);
      REQUIRE(std::abs(level.parts[p].second_moment.mean - ms) < 5 * level.parts[p].second_moment.standard_error());
      residual += level.parts[p].residual.mean / 3, second += level.parts[p].second_moment.mean / 3;
    }
    REQUIRE_THAT(residual, WithinRel(level.residual.mean, 1e-12));
    REQUIRE_THAT(second, WithinRel(level.second_moment.mean, 1e-12));
  }
  REQUIRE(part_errors(moments, linear_vp()(300)).size() == 3);
  const moment_table each = estimate_moments(scaled_mean(), data, levels, {.samples = 40, .parts = 60});
  REQUIRE(each.levels[0].parts.size() == 60);
}

TEST_CASE("samples may come in batches: the moments stay the same", "[moments]")
{
  const auto data = draw_floats(64);
  std::vector<floats> pairs;
  for (std::size_t k = 0; k < 64; k += 2) {
    pairs.push_back(data[k]);
    pairs.back().insert(pairs.back().end(), data[k + 1].begin(), data[k + 1].end());
  }
  const moment_table one = estimate_moments(scaled_mean(), data, levels, {.parts = 3});
  const moment_table two = estimate_moments(scaled_mean(), pairs, levels, {.parts = 3, .samples_in_each = 2});
  REQUIRE(two.dimensions == 60);
  REQUIRE(two.data_variance == one.data_variance);
  for (std::size_t k = 0; k < 4; ++k) {
    REQUIRE(two.levels[k].residual.count == 64);
    REQUIRE_THAT(two.levels[k].residual.mean, WithinRel(one.levels[k].residual.mean, 1e-12));
    REQUIRE_THAT(two.levels[k].residual.squares, WithinRel(one.levels[k].residual.squares, 1e-10));
    REQUIRE_THAT(two.levels[k].parts[1].residual.mean, WithinRel(one.levels[k].parts[1].residual.mean, 1e-12));
  }
}

TEST_CASE("the number of threads changes no bit", "[moments]")
{
  const auto data = draw_floats(200);
  for (const double wanted : {0., .02}) {
    const moment_options options{.wanted_error = wanted, .parts = 3};
    const moment_table one = estimate_moments(scaled_mean(), data, levels, options);
    for (const std::size_t threads : {1u, 2u, 3u, 8u}) {
      std::vector denoisers(threads, scaled_mean());
      REQUIRE(estimate_moments(std::span(denoisers), data, levels, options) == one);
    }
  }
}

TEST_CASE("blocks measured apart make the same table, whoever measured them", "[moments]")
{
  const auto data = draw_floats(200);
  const moment_options options{.samples = 150, .seed = 5};
  auto denoise = scaled_mean();
  std::vector<std::vector<moment_level>> blocks(levels.size());
  for (std::size_t place = levels.size(); place-- > 0;)
    for (std::size_t block = 0; block < moment_blocks(data, options); ++block)
      blocks[place].push_back(measure_block(denoise, data, levels, place, block, options));
  moment_table moments = no_moments(data, levels, options);
  for (const auto& level : blocks)
    for (const moment_level& block : level) add(moments, block);
  REQUIRE(moments == estimate_moments(scaled_mean(), data, levels, options));
}

TEST_CASE("a level is done as soon as its error is small enough", "[moments]")
{
  const auto data = draw_floats(600);
  const moment_table moments = estimate_moments(scaled_mean(), data, levels, {.wanted_error = .015});
  for (const moment_level& level : moments.levels) {
    const data_error error = error_at(level);
    REQUIRE(error.standard_error <= .015 * error.value);
    REQUIRE(level.residual.count % moment_block == 0);
    REQUIRE(level.residual.count < 600);
    if (level.residual.count == moment_block) continue;
    const moment_options one_block_less{.samples = static_cast<std::size_t>(level.residual.count) - moment_block};
    const auto before = estimate_moments(scaled_mean(), data, levels, one_block_less);
    const data_error larger = error_at(before, level.at);
    REQUIRE(larger.standard_error > .015 * larger.value);
  }
}

TEST_CASE("an interrupted measurement goes on to the same numbers", "[moments]")
{
  const auto data = draw_floats(100);
  const moment_options options{.range = data_range{}, .parts = 3};
  const moment_table whole = estimate_moments(scaled_mean(), data, levels, options);
  for (std::size_t stop = 1; stop <= 4; ++stop) {
    const auto until = [&](const moment_table& so_far) { return so_far.levels.size() < stop; };
    const moment_table part = estimate_moments(scaled_mean(), data, levels, options, until);
    REQUIRE(part.levels.size() == stop);
    std::size_t seen = stop;
    const auto count = [&](const moment_table& so_far) { seen = so_far.levels.size(); };
    REQUIRE(estimate_moments(scaled_mean(), data, levels, options, count, part) == whole);
    REQUIRE(seen == 4);
  }
}

TEST_CASE("few samples are spread over all of the data", "[moments]")
{
  for (const std::size_t size : {1u, 2u, 3u, 10u, 64u, 1000u, 3001u}) {
    std::vector<bool> visited(size);
    std::vector<std::size_t> first;
    for (std::size_t k = 0; k < size; ++k) {
      visited[spread(k, size)] = true;
      if (k < 32) first.push_back(spread(k, size));
    }
    REQUIRE(std::all_of(visited.begin(), visited.end(), [](bool was) { return was; }));
    if (size < 1000) continue;
    std::sort(first.begin(), first.end());  // no gap is more than thrice the even one
    for (std::size_t k = 1; k < first.size(); ++k) REQUIRE(first[k] - first[k - 1] <= 3 * size / 32 + 1);
  }
}

TEST_CASE("a few levels of many are spread over all of them, and are the same as among all", "[moments]")
{
  const auto data = draw_floats(4);
  const auto all = levels_of(linear_vp({.steps = 41}));
  const moment_table whole = estimate_moments(scaled_mean(), data, all);
  const moment_table few = estimate_moments(scaled_mean(), data, all, {.levels = 7});
  REQUIRE(few.levels.size() == 7);
  REQUIRE(few.schedule == whole.schedule);
  for (const moment_level& level : few.levels)
    REQUIRE(std::find(whole.levels.begin(), whole.levels.end(), level) != whole.levels.end());
  REQUIRE(few.levels.front().at == all.front());
  REQUIRE(few.levels.back().at == all.back());
  const auto unwatched = [](const moment_table&) {};
  REQUIRE(estimate_moments(scaled_mean(), data, all, {}, unwatched, few) == whole);
}

TEST_CASE("a whole table is measured at all its times", "[moments]")
{
  const auto data = draw_floats(4);
  const vp_table table = linear_vp({.steps = 12});
  const moment_table moments = estimate_moments(scaled_mean(), data, table);
  REQUIRE(moments.levels.size() == 12);
  REQUIRE(moments.schedule == hash(levels_of(table)));
  require_moments(moments);
}

TEST_CASE("what cannot be measured is refused before the network is asked", "[moments]")
{
  const auto data = draw_floats(8);
  std::size_t asked = 0;
  const auto denoise = [&](const floats& x, const noise_level&) { return ++asked, x; };
  const auto refused = [&](const std::vector<floats>& from, const std::vector<noise_level>& at,
                           const moment_options& options, const std::string& part, moment_table done = {}) {
    REQUIRE_THROWS_WITH(estimate_moments(
                            denoise, from, at, options, [](const moment_table&) {}, std::move(done)),
                        ContainsSubstring(part));
    REQUIRE(asked == 0);
  };
  refused({data[0]}, levels, {}, "at least two samples");
  refused({}, levels, {}, "at least two samples");
  refused(data, levels, {.samples = 9}, "hold 8 samples, but 9");
  refused(data, levels, {.samples = 1}, "at least two samples");
  refused({data[0], floats(59)}, levels, {}, "number 1 has 59");
  refused(data, {}, {}, "at one level at least");
  refused(data, {vp_table::data_level()}, {}, "t = -1");
  refused(data, {levels[0], levels[1], levels[0]}, {}, "comes twice");
  refused(data, {noise_level{0, 0, 1}}, {.predicts = prediction::noise}, "does not tell");
  refused(data, levels, {.parts = 7}, "do not divide");
  refused(data, levels, {.samples_in_each = 7}, "do not divide");
  refused(data, levels, {.samples_in_each = 0}, "at least one sample");
  refused(data, levels, {.levels = 5}, "there are 4 levels, but 5");
  refused(data, levels, {.wanted_error = -1}, "wanted error");
  refused(data, levels, {.range = data_range{1, 0}}, "low < high");
  auto broken = data;
  broken[3][2] = std::numeric_limits<float>::quiet_NaN();
  refused(broken, levels, {}, "not finite");

  const moment_table done = estimate_moments(scaled_mean(), data, levels);
  refused(data, {levels[0], levels[1]}, {}, "another schedule", done);
  refused(draw_floats(7), levels, {}, "other data", done);
  refused(data, levels, {.parts = 3}, "parts of a sample", done);
  refused(data, levels, {.range = data_range{-1, 1}}, "without predictions held", done);
}

TEST_CASE("a network that fails is reported from whatever thread it ran on", "[moments]")
{
  const auto data = draw_floats(100);
  const auto broken = [](const floats& x, const noise_level& at) {
    floats out = x;
    if (at.t == 500) out[0] = std::numeric_limits<float>::infinity();
    return out;
  };
  REQUIRE_THROWS_WITH(estimate_moments(broken, data, levels), ContainsSubstring("t = 500"));

  std::atomic<int> calls = 0;
  const auto throws = [&](const floats& x, const noise_level&) {
    if (++calls > 70) throw std::runtime_error("out of memory");
    return x;
  };
  std::vector denoisers(3, throws);
  REQUIRE_THROWS_WITH(estimate_moments(std::span(denoisers), data, levels), ContainsSubstring("out of memory"));

  const auto short_of = [](const floats&, const noise_level&) { return floats(3); };
  REQUIRE_THROWS_WITH(estimate_moments(short_of, data, levels), ContainsSubstring("returned 3 numbers for 60"));
}
