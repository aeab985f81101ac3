#include "fewstep/nn/feature.hpp"

#include "fewstep/tensor/tensor.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

using namespace fewstep;

static_assert(tensor<nn::feature>);

TEST_CASE("trimming gives back what nobody holds and nothing else", "[nn]")
{
  nn::workspace work;
  const std::size_t before = work.bytes();
  nn::feature kept = work.make(1, 3, 8, 8);
  const std::size_t held = work.bytes();
  kept.data()[0] = 5;
  {
    const nn::feature passing = work.make(1, 3, 40, 40);
  }
  REQUIRE(work.bytes() > held);
  work.trim();
  REQUIRE(work.bytes() == held);
  REQUIRE(kept.data()[0] == 5);
  kept = {};
  work.trim();
  REQUIRE(work.bytes() == before);
}

TEST_CASE("a copy of a feature shares nothing with it, a move takes its buffer", "[nn]")
{
  nn::workspace work;
  test::numbers next(1);
  nn::feature x = test::random_feature(work, next, 2, 3, 4, 5);
  const float first = x.data()[0];
  nn::feature copy = x;
  copy.data()[0] = first + 1;
  REQUIRE(x.data()[0] == first);
  REQUIRE((copy.count() == 2 && copy.channels() == 3 && copy.height() == 4 && copy.width() == 5));
  const float* const buffer = x.data();
  nn::feature moved = std::move(x);
  REQUIRE(moved.data() == buffer);
  copy = std::move(moved);
  REQUIRE(copy.data() == buffer);
}

TEST_CASE("what goes beside a feature is shared by its copies and handed on, and is no part of it", "[nn]")
{
  nn::workspace work;
  test::numbers next(2);
  nn::feature x = test::random_feature(work, next, 1, 3, 4, 4), other = test::random_feature(work, next, 1, 2, 8, 8);
  REQUIRE(x.beside().size() == 0);
  const float* const numbers = other.data();
  x.carry(std::move(other));
  const nn::feature copy = x;
  nn::feature below = work.make(1, 5, 2, 2);
  below.carry_on(copy);
  REQUIRE(below.size() == 20);
  x = {};
  REQUIRE(copy.beside().data() == numbers);
  REQUIRE(below.beside().data() == numbers);
  REQUIRE((below.beside().channels() == 2 && below.beside().height() == 8));
  REQUIRE(below.beside().beside().size() == 0);
}

TEST_CASE("a buffer is free when all who hold it have let it go", "[nn]")
{
  nn::workspace work;
  nn::feature x = work.make(1, 64), y = work.make(1, 32);
  const float* const numbers = y.data();
  x.carry(std::move(y));
  {
    const nn::feature copy = x;
    x = {};
    REQUIRE(work.make(1, 32).data() != numbers);
  }
  REQUIRE(work.make(1, 32).data() == numbers);
}

TEST_CASE("a feature outlives the workspace that made it", "[nn]")
{
  auto work = std::make_unique<nn::workspace>();
  nn::feature kept = work->make(1, 1, 1, 2);
  kept.data()[1] = 7;
  work.reset();
  REQUIRE(kept.data()[1] == 7);
}

TEST_CASE("features are combined as tensors are", "[nn]")
{
  nn::workspace work;
  nn::feature x = work.make(1, 2), y = work.make(1, 2);
  x.data()[0] = 3, x.data()[1] = 5, y.data()[0] = 10, y.data()[1] = 20;
  tensor_traits<nn::feature>::combine(x, 2, std::array{term<nn::feature>{0.5, &y}});
  REQUIRE(x.data()[0] == 11);
  REQUIRE(x.data()[1] == 20);
}
