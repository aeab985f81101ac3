#include "fewstep/nn/buffer_pool.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>

using namespace fewstep;

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

TEST_CASE("a buffer that is shared is free when the last holder has released it", "[nn]")
{
  nn::buffer_pool pool;
  float* const shared = pool.acquire(10);
  pool.share(shared);
  pool.release(shared);
  REQUIRE(pool.acquire(10) != shared);
  pool.release(shared);
  REQUIRE(pool.acquire(10) == shared);
}
