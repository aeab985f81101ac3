#include "fewstep/nn/unet2d.hpp"

#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/nn/lane.hpp"
#include "support/catch.hpp"
#include "support/golden_network.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

TEST_CASE("golden networks give the outputs of diffusers", "[nn]")
{
  // each case's suggested_atol: ten times what rounding of the original does to it
  for (const auto& [name, tolerance] :
       {std::pair{"a3_class_cond_mnist", 4e-5}, {"a6_nonsquare_batch3", 4e-5}, {"a10_small_signal_eps", 3e-5}}) {
    CAPTURE(name);
    const test::golden_network golden(name);
    nn::workspace work;
    const nn::lane lane(golden.net, work, golden.condition);
    const nn::images out = evaluate(lane, golden.x, golden.at);
    REQUIRE_THAT(test::largest_difference(out, golden.output), WithinAbs(0, tolerance));
    REQUIRE_THAT(test::largest_difference(out, test::images_at(golden.io, "output_double")), WithinAbs(0, tolerance));
  }
}

TEST_CASE("the embedding of time and class is that of diffusers", "[nn]")
{
  const test::golden_network golden("a3_class_cond_mnist");
  nn::workspace work;
  const nn::embedding found = nn::lane(golden.net, work, golden.condition).embed(golden.x, golden.at);
  const auto expected = to_double(golden.io.at("emb"));
  REQUIRE(found.time.size() == expected.size());
  // angles in single precision, near 1000 radians, are off by 3e-5; the layers shrink that
  for (std::size_t k = 0; k < expected.size(); ++k)
    REQUIRE_THAT(double(found.time.data()[k]), WithinAbs(expected[k], 2e-5));
}

TEST_CASE("connections are numbered as the encoder pushes them", "[nn]")
{
  const test::golden_network golden("a3_class_cond_mnist");
  const auto& connections = golden.net.connections;
  // conv_in, then two levels of a residual block and a downsampler, then a residual block; attention from level 1 on
  const std::vector<std::size_t> down{1, 1, 1, 2, 1, 2};
  // the last layer of an inner level, which meets a downsampler's skip, is followed by its upsampler
  const std::vector<std::size_t> up{1, 1, 3, 2, 3, 2};
  REQUIRE(connections.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    REQUIRE(connections[i].down.size() == down[i]);
    REQUIRE(connections[i].up.size() == up[i]);
  }
  REQUIRE(golden.net.middle.size() == 3);
  REQUIRE(golden.net.size_multiple == 4);
  REQUIRE(golden.net.sample_size == std::vector<std::size_t>{32, 32});
}
