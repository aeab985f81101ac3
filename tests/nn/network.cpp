#include "fewstep/nn/network.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"

#include <cstddef>
#include <vector>

using namespace fewstep;

TEST_CASE("blocks run one after another, and the first alone sees both parts", "[nn]")
{
  nn::workspace work;
  const auto linear = [](std::size_t in, std::vector<float> weights, float bias) {
    return nn::sampling_block{nn::prepare_convolution({.in = in, .out = 1}, weights, std::vector{bias})};
  };
  nn::feature deep = work.make(1, 1), skip = work.make(1, 1);
  *deep.data() = 3, *skip.data() = 5;
  const std::vector<nn::block> blocks{linear(2, {2, 10}, 1), linear(1, {-1}, 0), linear(1, {4}, 2)};
  const nn::feature out = nn::run(blocks, {&deep, &skip}, {}, work);
  REQUIRE(*out.data() == -4 * (2 * 3 + 10 * 5 + 1) + 2);
}
