#include "fewstep/nn/feature.hpp"

#include "fewstep/tensor/tensor.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

using namespace fewstep;

static_assert(tensor<nn::feature>);

TEST_CASE("a buffer that was given back is handed out again, for requests of about its size", "[nn]")
{
  nn::buffer_pool pool;
  float* const first = pool.acquire(1000);
  float* const second = pool.acquire(1000);
  REQUIRE(first != second);
  pool.release(first);
  REQUIRE(pool.acquire(1001) == first);
  const std::size_t held = pool.bytes();
  pool.release(first);
  pool.release(second);
  float* const large = pool.acquire(5000);
  REQUIRE((large != first && large != second));
  REQUIRE(pool.bytes() >= held + 5000 * sizeof(float));
}

TEST_CASE("buffers are at most a quarter larger than asked for, and aligned", "[nn]")
{
  for (std::size_t count = 1; count < 100'000; count += 1 + count / 3) {
    nn::buffer_pool pool;
    REQUIRE(reinterpret_cast<std::uintptr_t>(pool.acquire(count)) % 64 == 0);
    REQUIRE(pool.bytes() >= (count + nn::slack) * sizeof(float));
    REQUIRE(pool.bytes() <= (count + nn::slack) * sizeof(float) * 5 / 4);
  }
}

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
