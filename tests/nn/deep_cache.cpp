#include "fewstep/unet/deep_cache.hpp"

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/guidance.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/nn/cost.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/load.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/heun.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/unet/refresh.hpp"
#include "fewstep/unet/rho.hpp"
#include "fewstep/unet/similarity.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using test::golden_network;

namespace {

using cache_of_features = deep_cache<nn::feature>;

evaluation at_row(evaluation at, std::size_t row)
{
  at.row = row;
  return at;
}

/// The digit network and a start of two images, small enough to sample with.
struct digits {
  nn::network net = nn::load_unet(test::in_repository("models/fontdigits-ddpm")).net;
  nn::images start{2, 1, 16, 16, {}};

  digits()
  {
    test::numbers next(5);
    start.values = next(2 * 16 * 16, 1.7f);
  }

  /// Samples, by the network as `evaluate(lane, x, at, out)` has it.
  template <class E>
  nn::images sample(const sampling_plan& plan, nn::workspace& work, int label, E evaluate) const
  {
    const nn::lane lane(net, work, {.class_labels = {label}});
    const auto noise = [&](const nn::images& x, const evaluation& at, nn::images& out) { evaluate(lane, x, at, out); };
    return fewstep::sample(plan, start, converted(noise, prediction::noise, plan.predicts));
  }
};

std::vector<noise_level> grid(std::size_t steps)
{
  return trailing(linear_vp({}), steps);
}

}  // namespace

TEST_CASE("on the engine, a cached call at the same input gives the same bits for every branch", "[nn]")
{
  for (const std::string name : {"a3_class_cond_mnist", "a6_nonsquare_batch3", "a10_small_signal_eps"}) {
    const golden_network golden(name);
    nn::workspace work(2);
    const nn::lane lane(golden.net, work, golden.condition);
    const nn::images whole = evaluate(lane, golden.x, golden.at);
    for (std::size_t branch = 0; branch < lane.connections(); ++branch) {
      CAPTURE(name, branch);
      cache_of_features cache({.branch = branch, .refresh = every(5)});
      REQUIRE(evaluate(lane, golden.x, at_row(golden.at, 0), plain_join{}, cache) == whole);
      REQUIRE(evaluate(lane, golden.x, at_row(golden.at, 1), plain_join{}, cache) == whole);
      REQUIRE(cache.report().refreshes == 1);
    }
  }
}

TEST_CASE("what is kept is the feature that PyTorch's decoder has there", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  const auto features = safetensors_file::open(golden.folder / "features.safetensors");
  nn::workspace work;
  const nn::lane lane(golden.net, work, golden.condition);
  for (std::size_t branch = 0; branch < lane.connections(); ++branch) {
    cache_of_features cache({.branch = branch, .refresh = every(5)});
    evaluate(lane, golden.x, golden.at, plain_join{}, cache);
    const nn::feature& kept = cache.kept().value().feature;
    // the tolerance of the outputs: features are of the same size
    REQUIRE_THAT(
        test::largest_difference(test::as_images(kept), test::images_at(features, "decoder." + std::to_string(branch))),
        WithinAbs(0, 4e-5));
    REQUIRE(cache.report().bytes == kept.size() * sizeof(float));
  }
}

TEST_CASE("runs of the digit network keep their bits with a cache that refreshes at every row", "[nn]")
{
  const digits digit;
  for (const sampling_plan& plan : {ddim(grid(4)), heun(grid(3))}) {
    nn::workspace work;
    cache_of_features cache({.branch = 1, .refresh = every(1)});
    const auto plain = [](const auto& lane, const auto& x, const auto& at, auto& out) { lane(x, at, out); };
    const auto cached = [&](const auto& lane, const auto& x, const auto& at, auto& out) {
      lane(x, at, out, skip_tuning(constant_rho(6, 1)), cache);
    };
    REQUIRE(digit.sample(plan, work, 3, cached) == digit.sample(plan, work, 3, plain));
  }
}

TEST_CASE("a cached run of the digit network is near the plain one, and nearer at a deeper branch", "[nn][long]")
{
  const digits digit;
  nn::workspace work(2);
  const sampling_plan plan = ddim(grid(24));
  const auto plain = [](const auto& lane, const auto& x, const auto& at, auto& out) { lane(x, at, out); };
  const nn::images whole = digit.sample(plan, work, 3, plain);
  const auto distance = [&](std::size_t branch) {
    cache_of_features cache({.branch = branch, .refresh = every(2)});
    const auto cached = [&](const auto& lane, const auto& x, const auto& at, auto& out) {
      lane(x, at, out, plain_join{}, cache);
    };
    const nn::images found = digit.sample(plan, work, 3, cached);
    REQUIRE(cache.report().refreshes == 12);
    return fewstep::squared_distance(found, whole) / fewstep::squared_distance(whole, digit.start);
  };
  const double outer = distance(0), inner = distance(4);
  REQUIRE(inner > 0);
  REQUIRE(inner < outer);
  REQUIRE(outer < 0.05);
}

TEST_CASE("cached calls copy and allocate nothing", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  nn::workspace work(2);
  const nn::lane lane(golden.net, work, golden.condition);
  cache_of_features cache({.branch = 2, .refresh = every(50)});
  const skip_tuning tuned(linear_rho(lane.connections(), {.bottom = 0.7, .top = 1}));
  nn::images out;
  for (std::size_t row = 0; row < 2; ++row) lane(golden.x, at_row(golden.at, row), out, tuned, cache);
  const float* const kept = cache.kept()->feature.data();
  const std::size_t bytes = work.bytes(), before = test::allocations;
  for (std::size_t row = 2; row < 6; ++row) lane(golden.x, at_row(golden.at, row), out, tuned, cache);
  REQUIRE(test::allocations == before);
  REQUIRE(work.bytes() == bytes);
  REQUIRE(cache.kept()->feature.data() == kept);
}

TEST_CASE("a feature outlives the workspace that it was made in", "[nn]")
{
  const golden_network golden("a10_small_signal_eps");
  cache_of_features cache({.branch = 1, .refresh = every(50)});
  nn::images whole, again;
  {
    nn::workspace work;
    nn::lane(golden.net, work, golden.condition)(golden.x, golden.at, whole, plain_join{}, cache);
  }
  nn::workspace other;
  nn::lane(golden.net, other, golden.condition)(golden.x, at_row(golden.at, 1), again, plain_join{}, cache);
  REQUIRE(again == whole);
  REQUIRE(cache.report().refreshes == 1);
}

TEST_CASE("an image turned by 90 degrees, another batch and another class refresh, another network is refused", "[nn]")
{
  const digits digit;
  nn::workspace work;
  cache_of_features cache({.branch = 1, .refresh = every(50)});
  std::size_t row = 0;
  const auto call = [&](const nn::network& net, const nn::images& x, int label) {
    nn::images out;
    nn::lane(net, work, {.class_labels = {label}})(x, {{100, 1, 1}, row++, 0}, out, plain_join{}, cache);
    return cache.report().refreshes;
  };
  REQUIRE(call(digit.net, nn::images{2, 1, 8, 16}, 3) == 1);
  REQUIRE(call(digit.net, nn::images{2, 1, 8, 16}, 3) == 1);
  REQUIRE(call(digit.net, nn::images{2, 1, 16, 8}, 3) == 2);
  REQUIRE(call(digit.net, nn::images{1, 1, 16, 8}, 3) == 3);
  REQUIRE(call(digit.net, nn::images{1, 1, 16, 8}, 4) == 4);
  REQUIRE(call(digit.net, nn::images{1, 1, 16, 8}, 4) == 4);
  const nn::network other = digit.net;
  REQUIRE_THROWS_AS(call(other, nn::images{1, 1, 16, 8}, 4), std::invalid_argument);
}

TEST_CASE("guidance with a cache for each half is each half cached by itself", "[nn]")
{
  const digits digit;
  nn::workspace work;
  const sampling_plan plan = ddim(grid(7));
  const nn::lane wanted(digit.net, work, {.class_labels = {3}}), free(digit.net, work, {.class_labels = {10}});
  const auto half = [](const nn::lane& lane, cache_of_features& cache) {
    return [&](const nn::images& x, const evaluation& at, nn::images& out) { lane(x, at, out, plain_join{}, cache); };
  };
  cache_of_features first({.branch = 1, .refresh = every(3)}), second({.branch = 1, .refresh = every(3)});
  std::vector<nn::images> states;
  const auto record = [&](const evaluation&, const nn::images&, nn::images& x) { states.push_back(x); };
  sample(plan, digit.start,
         converted(guided(half(wanted, first), half(free, second), 2.0), prediction::noise, plan.predicts), no_noise{},
         record);
  REQUIRE(first.report().refreshes == 3);
  REQUIRE(second.report().refreshes == 3);

  // the last row by hand: both halves kept their feature at row 6, which is full, so both are the plain network
  nn::images one, two;
  const auto& row = plan.steps.back();
  wanted(states[5], {row.at, 6, 0}, one), free(states[5], {row.at, 6, 0}, two);
  for (std::size_t k = 0; k < one.size(); ++k) one.values[k] = 2 * one.values[k] - two.values[k];
  const auto [of_x, of_output] = data_from(prediction::noise, row.at);
  for (std::size_t k = 0; k < one.size(); ++k) {
    const double data = of_x * double(states[5].values[k]) + of_output * double(one.values[k]);
    const double expected = row.keep * double(states[5].values[k]) + row.model[0] * data;
    REQUIRE_THAT(double(states[6].values[k]), WithinAbs(expected, 2e-5));
  }
}

TEST_CASE("streams on threads of their own, with caches and factors of their own, keep their bits", "[nn]")
{
  const digits digit;
  const sampling_plan plan = ddim(grid(5));
  const auto stream = [&](int label) {
    nn::workspace work;
    cache_of_features cache({.branch = 1, .refresh = every(2)});
    const skip_tuning tuned(linear_rho(6, {.bottom = 0.6 + 0.03 * label, .top = 1}));
    const auto cached = [&](const auto& lane, const auto& x, const auto& at, auto& out) {
      lane(x, at, out, tuned, cache);
    };
    return digit.sample(plan, work, label, cached);
  };
  const std::array<nn::images, 2> expected{stream(2), stream(7)};
  std::array<nn::images, 2> found{};
  std::thread one([&] { found[0] = stream(2); }), two([&] { found[1] = stream(7); });
  one.join(), two.join();
  REQUIRE(found == expected);
}

TEST_CASE("neighbouring rows of a run are more alike at inner connections of fine grids than of coarse ones",
          "[nn][long]")
{
  const digits digit;
  nn::workspace work(2);
  const auto distances = [&](std::size_t steps) {
    feature_similarity<nn::feature> alike;
    const auto watched = [&](const auto& lane, const auto& x, const auto& at, auto& out) { lane(x, at, out, alike); };
    digit.sample(ddim(grid(steps)), work, 3, watched);
    REQUIRE(alike.table().size() == (steps - 1) * 6);
    return mean_by_connection(alike.table());
  };
  const auto fine = distances(24), coarse = distances(6);
  for (std::size_t i = 0; i < 6; ++i) {
    REQUIRE(fine[i].distance < coarse[i].distance);
    REQUIRE(fine[i].cosine > 0.9);
    REQUIRE(fine[i].cosine <= 1 + 1e-12);
  }
}

TEST_CASE("the report's multiply-adds are the network's", "[nn]")
{
  const digits digit;
  nn::workspace work;
  cache_of_features cache({.branch = 1, .refresh = every(3)});
  const auto cached = [&](const auto& lane, const auto& x, const auto& at, auto& out) {
    lane(x, at, out, plain_join{}, cache);
  };
  digit.sample(ddim(grid(6)), work, 3, cached);
  const unet_cost cost = nn::multiply_adds(digit.net, 16, 16, 2);
  const cache_report report = cache.report(cost);
  REQUIRE_THAT(report.done + report.saved, WithinRel(6 * full_cost(cost), 1e-12));
  REQUIRE_THAT(report.done, WithinRel(2 * full_cost(cost) + 4 * shallow_cost(cost, 1), 1e-12));
  REQUIRE(report.deep_seconds > 0);
  REQUIRE(report.saved_seconds > report.deep_seconds);
}
