#include "fewstep/denoiser/denoiser.hpp"

#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <array>
#include <concepts>
#include <optional>
#include <string>

using namespace fewstep;
using two_numbers = std::array<float, 2>;

namespace {

struct both_forms {
  two_numbers operator()(const two_numbers&, const evaluation&) { return {1, 1}; }
  void operator()(const two_numbers&, const evaluation&, two_numbers& out) { out = {2, 2}; }
};

two_estimates<two_numbers> two(const two_numbers& x, const noise_level&)
{
  return {x, {0, 0}};
}

}  // namespace

TEST_CASE("a denoiser returns one estimate or two, or writes them", "[denoiser]")
{
  const auto returns = [](const two_numbers& x, const noise_level&) { return x; };
  const auto writes = [](const two_numbers& x, const evaluation&, two_numbers& out) { out = x; };
  const auto writes_two = [](const two_numbers& x, const evaluation&, two_estimates<two_numbers>& out) {
    out = {x, x};
  };
  STATIC_REQUIRE(single_denoiser<decltype(returns), two_numbers>);
  STATIC_REQUIRE(single_denoiser<decltype(writes), two_numbers>);
  STATIC_REQUIRE(denoiser<decltype(writes_two), two_numbers>);
  STATIC_REQUIRE_FALSE(single_denoiser<decltype(writes_two), two_numbers>);
  STATIC_REQUIRE(std::same_as<estimate<decltype(two), two_numbers>, two_estimates<two_numbers>>);
  STATIC_REQUIRE_FALSE(denoiser<std::string, two_numbers>);
  STATIC_REQUIRE_FALSE(denoiser<decltype([](const two_numbers&) { return two_numbers{}; }), two_numbers>);
}

TEST_CASE("where a denoiser has both forms it writes", "[denoiser]")
{
  both_forms network;
  two_numbers out{};
  predict(network, two_numbers{}, evaluation{}, out);
  REQUIRE(out == two_numbers{2, 2});
}

TEST_CASE("the first call makes the buffer, and later calls write into it", "[denoiser]")
{
  const auto adds = [](const two_numbers& x, const evaluation&, two_numbers& out) {
    out = {out[0] + x[0], out[1] + x[1]};
  };
  std::optional<two_numbers> out;
  predict(adds, two_numbers{1, 2}, evaluation{}, out);
  REQUIRE(out == two_numbers{2, 4});  // a copy of x, and x
  predict(adds, two_numbers{1, 2}, evaluation{}, out);
  REQUIRE(out == two_numbers{3, 6});
  std::optional<two_estimates<two_numbers>> pair;
  predict(two, two_numbers{1, 2}, evaluation{}, pair);
  REQUIRE(pair->data == two_numbers{1, 2});
  REQUIRE(pair->direction == two_numbers{0, 0});
}
