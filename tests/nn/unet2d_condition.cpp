#include "fewstep/nn/unet2d_condition.hpp"

#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/load_transformer.hpp"
#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/unet/refresh.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/golden_network.hpp"

#include <algorithm>
#include <cstddef>
#include <variant>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

/// The first of some images, or of some texts.
nn::images first(const nn::images& x)
{
  nn::images out{1, x.channels, x.height, x.width, {}};
  out.values.assign(x.values.begin(), x.values.begin() + static_cast<std::ptrdiff_t>(x.size() / x.count));
  return out;
}

nn::encoded_text some_text(test::numbers& next, std::size_t count, std::size_t length)
{
  return {count, length, 16, next(count * length * 16)};
}

}  // namespace

TEST_CASE("a golden network that reads a text gives the outputs of diffusers", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  for (const std::size_t threads : {1u, 3u}) {
    nn::workspace work(threads);
    const nn::images out = evaluate(nn::lane(golden.net, work, golden.condition), golden.x, golden.at);
    // the case's suggested_atol: ten times what rounding of the original does to it
    for (const char* name : {"output", "output_double"})
      REQUIRE_THAT(test::largest_difference(out, test::images_at(golden.io, name)), WithinAbs(0, 2e-5));
  }
}

TEST_CASE("its embedding is that of diffusers", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  nn::workspace work;
  const nn::embedding found = nn::lane(golden.net, work, golden.condition).embed(golden.x, golden.at);
  const auto expected = to_double(golden.io.at("emb"));
  REQUIRE(found.time.size() == expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k)
    REQUIRE_THAT(double(found.time.data()[k]), WithinAbs(expected[k], 2e-5));
}

TEST_CASE("one text for all images is the same text for each, whatever its length", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  nn::workspace work;
  test::numbers next(91);
  nn::images x{2, 4, 16, 16};
  x.values = next(x.size());
  for (const std::size_t length : {1u, 2u, 77u, 100u}) {
    const nn::encoded_text one = some_text(next, 1, length);
    nn::encoded_text twice{2, length, 16, one.values};
    twice.values.insert(twice.values.end(), one.values.begin(), one.values.end());
    const nn::images all = evaluate(nn::lane(golden.net, work, {.text = one}), x, golden.at);
    REQUIRE(evaluate(nn::lane(golden.net, work, {.text = twice}), x, golden.at) == all);
    REQUIRE(first(all) == evaluate(nn::lane(golden.net, work, {.text = one}), first(x), golden.at));
  }
}

TEST_CASE("images of odd sizes keep them, and do not disturb each other", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  nn::workspace work(2);
  test::numbers next(92);
  const nn::encoded_text text = some_text(next, 1, 5);
  for (const auto& [height, width] : {std::pair{5u, 7u}, {1u, 1u}, {9u, 4u}, {16u, 3u}}) {
    nn::images x{2, 4, height, width};
    x.values = next(x.size());
    const nn::images out = evaluate(nn::lane(golden.net, work, {.text = text}), x, golden.at);
    REQUIRE((out.height == height && out.width == width));
    REQUIRE(first(out) == evaluate(nn::lane(golden.net, work, {.text = text}), first(x), golden.at));
  }
}

TEST_CASE("an enlarging block takes the size of the skip that it will meet", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  const auto& block = std::get<nn::sampling_block>(golden.net.connections[2].up.back());
  REQUIRE((block.enlarge == 2 && block.reduction == 1));
  REQUIRE(nn::enlarged(block, 4, 7) == 7);
  REQUIRE(nn::enlarged({.enlarge = 2, .reduction = 4}, 2, 13) == 4);
  REQUIRE(nn::enlarged({.enlarge = 2}, 4, 7) == 8);
}

TEST_CASE("a cached call that reads the same text has the same bits, and another text refreshes", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  nn::workspace work;
  test::numbers next(93);
  nn::images x{1, 4, 9, 7};
  x.values = next(x.size());
  const nn::encoded_text text = some_text(next, 1, 6), other = some_text(next, 1, 6);
  const nn::lane lane(golden.net, work, {.text = text});
  const nn::images whole = evaluate(lane, x, golden.at);
  for (std::size_t branch = 0; branch < lane.connections(); ++branch) {
    deep_cache<nn::feature> cache({.branch = branch, .refresh = every(50)});
    evaluation at = golden.at;
    for (at.row = 0; at.row < 2; ++at.row) REQUIRE(evaluate(lane, x, at, plain_join{}, cache) == whole);
    REQUIRE(cache.report().refreshes == 1);
    evaluate(nn::lane(golden.net, work, {.text = other}), x, at, plain_join{}, cache);
    REQUIRE(cache.report().refreshes == 2);
  }
}

TEST_CASE("after the first evaluation with a text nothing is allocated", "[nn]")
{
  const test::golden_network golden("b5_small_signal_eps");
  nn::workspace work(2);
  const nn::lane lane(golden.net, work, golden.condition);
  nn::images out;
  lane(golden.x, golden.at, out);
  const std::size_t before = test::allocations;
  for (int k = 0; k < 3; ++k) lane(golden.x, golden.at, out);
  REQUIRE(test::allocations == before);
}

TEST_CASE("a network without a middle passes on what its last layer left", "[nn]")
{
  test::golden_network golden("b5_small_signal_eps");
  nn::workspace work;
  golden.net.middle.clear();
  const nn::lane lane(golden.net, work, golden.condition);
  const nn::embedding e = lane.embed(golden.x, golden.at);
  test::numbers next(94);
  const nn::feature h = test::random_feature(work, next, 1, 16, 8, 8);
  const nn::feature out = lane.middle(h, e);
  REQUIRE(std::equal(h.data(), h.data() + h.size(), out.data()));
  REQUIRE(evaluate(lane, golden.x, golden.at).size() == golden.x.size());
}
