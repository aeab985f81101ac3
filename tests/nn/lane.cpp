#include "fewstep/nn/lane.hpp"

#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/golden_network.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using test::golden_network;

static_assert(unet<nn::lane, nn::images>);

namespace {

/// Multiplies the skip of connection i by rho[i]: Skip-Tuning.
struct weighed {
  std::vector<float> rho;

  void operator()(std::size_t i, const nn::feature&, nn::feature& skip, const evaluation&) const
  {
    tensor_traits<nn::feature>::combine(skip, static_cast<double>(rho.at(i)), {});
  }
};

nn::images part(const nn::images& x, std::size_t first, std::size_t count)
{
  const auto begin = x.values.begin() + static_cast<std::ptrdiff_t>(first * x.size() / x.count);
  return {count, x.channels, x.height, x.width,
          std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(count * x.size() / x.count))};
}

}  // namespace

TEST_CASE("joins meet the decoder's feature and the skip of every connection, from the inside out", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  const auto features = safetensors_file::open(golden.folder / "features.safetensors");
  nn::workspace work(2);
  const nn::lane lane(golden.net, work, golden.condition);
  REQUIRE(lane.connections() == 6);

  std::vector<std::size_t> order;
  const auto look = [&](std::size_t i, const nn::feature& deep, nn::feature& skip, const evaluation&) {
    order.push_back(i);
    // the tolerance of the outputs: features are of the same size
    const std::string number = std::to_string(i);
    REQUIRE(test::largest_difference(test::as_images(deep), test::images_at(features, "decoder." + number)) < 4e-5);
    REQUIRE(test::largest_difference(test::as_images(skip), test::images_at(features, "skip." + number)) < 4e-5);
  };
  evaluate(lane, golden.x, golden.at, look);
  REQUIRE(order == std::vector<std::size_t>{5, 4, 3, 2, 1, 0});
}

TEST_CASE("skips weighed at the join give the outputs of Skip-Tuning", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  const auto tuned = safetensors_file::open(golden.folder / "skip_tuning.safetensors");
  nn::workspace work;
  const nn::lane lane(golden.net, work, golden.condition);
  for (const std::string run : {"uniform_0p8", "ramp_0p55_to_1", "one_skip_only"}) {
    CAPTURE(run);
    const weighed join{to_float(tuned.at(run + ".rho"))};
    const nn::images expected = test::images_at(tuned, run + ".output");
    // the runs' suggested_atol
    REQUIRE_THAT(test::largest_difference(evaluate(lane, golden.x, golden.at, join), expected), WithinAbs(0, 4e-5));
    nn::images written;
    lane(golden.x, golden.at, written, join);
    REQUIRE_THAT(test::largest_difference(written, expected), WithinAbs(0, 4e-5));
  }
}

TEST_CASE("weights of one leave every bit as it is", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  nn::workspace work;
  const nn::lane lane(golden.net, work, golden.condition);
  REQUIRE(evaluate(lane, golden.x, golden.at) ==
          evaluate(lane, golden.x, golden.at, weighed{std::vector<float>(lane.connections(), 1)}));
}

TEST_CASE("a feature kept below any connection gives the same output without what lies below", "[nn]")
{
  const golden_network golden(GENERATE("a3_class_cond_mnist", "e2_edm_song_ncsnpp"));
  nn::workspace work;
  const nn::lane lane(golden.net, work, golden.condition);
  const nn::images whole = evaluate(lane, golden.x, golden.at);
  for (std::size_t branch = 0; branch < lane.connections(); ++branch) {
    std::optional<nn::feature> kept;
    std::size_t deepest = 0;
    const auto keep = [&](std::size_t i, const nn::feature&, const evaluation&, auto&& below) -> nn::feature {
      deepest = std::max(deepest, i);
      if (i != branch) return below();
      if (!kept) kept = below();
      return *kept;
    };
    REQUIRE(evaluate(lane, golden.x, golden.at, plain_join{}, keep) == whole);
    deepest = 0;
    REQUIRE(evaluate(lane, golden.x, golden.at, plain_join{}, keep) == whole);
    REQUIRE(deepest == branch);
  }
}

TEST_CASE("an output may be divided by the time of each image", "[nn]")
{
  golden_network golden("a6_nonsquare_batch3");
  nn::workspace work;
  const nn::images plain = evaluate(nn::lane(golden.net, work, golden.condition), golden.x, golden.at);
  golden.net.divides_by_time = true;
  const nn::images divided = evaluate(nn::lane(golden.net, work, golden.condition), golden.x, golden.at);
  for (std::size_t k = 0; k < plain.size(); ++k)
    REQUIRE(divided.values[k] == plain.values[k] / float(golden.condition.timesteps.at(k / (plain.size() / 3))));
}

TEST_CASE("another class, by its label or by its value, is another condition", "[nn]")
{
  const golden_network labels("a3_class_cond_mnist"), numbers("a9_class_embed_timestep");
  nn::workspace work;
  const auto label = [&](int k) { return nn::lane(labels.net, work, {.class_labels = {k}}).identity(); };
  const auto value = [&](double v) { return nn::lane(numbers.net, work, {.class_values = {v}}).identity(); };
  REQUIRE(label(1) == label(1));
  REQUIRE(!(label(1) == label(2)));
  REQUIRE(value(0.5) == value(0.5));
  REQUIRE(!(value(0.5) == value(0.25)));
}

TEST_CASE("every image has the same bits alone and in any batch, on any number of threads", "[nn]")
{
  const golden_network golden(GENERATE("a6_nonsquare_batch3", "e2_edm_song_ncsnpp"));
  nn::workspace one;
  const nn::images whole = evaluate(nn::lane(golden.net, one, golden.condition), golden.x, golden.at);
  for (const std::size_t threads : {1u, 2u, 3u}) {
    nn::workspace work(threads);
    for (std::size_t count = 1; count <= golden.x.count; ++count) {
      nn::conditioning condition = golden.condition;
      condition.timesteps.resize(std::min(count, condition.timesteps.size()));
      const nn::lane lane(golden.net, work, condition);
      REQUIRE(evaluate(lane, part(golden.x, 0, count), golden.at) == part(whole, 0, count));
    }
  }
}

TEST_CASE("after the first evaluation of a shape nothing is allocated", "[nn]")
{
  const golden_network golden(GENERATE("a3_class_cond_mnist", "a9_class_embed_timestep", "e2_edm_song_ncsnpp"));
  for (const std::size_t threads : {1u, 2u}) {
    nn::workspace work(threads);
    const nn::lane lane(golden.net, work, golden.condition);
    nn::images out;
    lane(golden.x, golden.at, out);
    const std::size_t bytes = work.bytes(), before = test::allocations;
    for (int k = 0; k < 3; ++k) lane(golden.x, golden.at, out);
    REQUIRE(test::allocations == before);
    REQUIRE(work.bytes() == bytes);
  }
}

TEST_CASE("streams on threads of their own share a network and disturb each other in nothing", "[nn]")
{
  const golden_network golden("a10_small_signal_eps");
  nn::workspace work;
  const nn::images expected = evaluate(nn::lane(golden.net, work, golden.condition), golden.x, golden.at);
  std::array<int, 3> differing{};
  std::vector<std::thread> streams;
  for (int& count : differing)
    streams.emplace_back([&] {
      nn::workspace own(2);
      const nn::lane lane(golden.net, own, golden.condition);
      for (int k = 0; k < 10; ++k) count += evaluate(lane, golden.x, golden.at) != expected;
    });
  for (std::thread& stream : streams) stream.join();
  REQUIRE(differing == std::array<int, 3>{});
}

TEST_CASE("one workspace serves batches and networks of different shapes in turn", "[nn]")
{
  const golden_network small("a10_small_signal_eps"), large("a6_nonsquare_batch3");
  nn::workspace work(2);
  const nn::lane one(small.net, work, small.condition), other(large.net, work, large.condition);
  const nn::images first = evaluate(one, small.x, small.at), second = evaluate(other, large.x, large.at);
  REQUIRE(evaluate(one, small.x, small.at) == first);
  REQUIRE(evaluate(other, large.x, large.at) == second);
}
