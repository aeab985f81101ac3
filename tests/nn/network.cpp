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

TEST_CASE("a second path goes down beside the first and ends in it", "[nn]")
{
  nn::workspace work;
  const auto linear = [](float weight, float bias) {
    return nn::prepare_convolution({.in = 1, .out = 1}, std::vector{weight}, std::vector{bias});
  };
  const auto connection = [&](float weight, float bias) {
    return nn::connection{{nn::sampling_block{linear(weight, bias)}}, {}};
  };
  nn::connection first = connection(2, 0), second = connection(-1, 1), third = connection(1, 5);
  first.forks = true;
  third.merges = nn::path_end{linear(10, 0.5f), 0.5f};
  nn::feature x = work.make(1, 1);
  *x.data() = 3;

  const nn::feature h = nn::run_down(first, x, {}, work);
  *x.data() = 7;  // what goes beside is a copy
  nn::feature deeper = nn::run_down(second, h, {}, work);
  REQUIRE(*h.data() == 6);
  REQUIRE(*deeper.data() == -5);
  REQUIRE(*h.beside().data() == 3);
  REQUIRE(*deeper.beside().data() == 3);
  const nn::feature end = nn::run_down(third, deeper, {}, work);
  REQUIRE(*end.data() == 0.5f * ((-5 + 5) + (10 * 3 + 0.5f)));
  REQUIRE(end.beside().size() == 0);
}
