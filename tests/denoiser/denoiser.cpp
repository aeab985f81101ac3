#include "fewstep/denoiser/denoiser.hpp"

#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"

#include <array>
#include <concepts>
#include <optional>
#include <string>

using namespace fewstep;
using X = std::array<float, 2>;

namespace {

struct both_forms {
  X operator()(const X&, const evaluation&) { return {1, 1}; }
  void operator()(const X&, const evaluation&, X& out) { out = {2, 2}; }
};

two_estimates<X> two(const X& x, const noise_level&)
{
  return {x, {0, 0}};
}

}  // namespace

TEST_CASE("a denoiser returns one estimate or two, or writes them", "[denoiser]")
{
  const auto returns = [](const X& x, const noise_level&) { return x; };
  const auto writes = [](const X& x, const evaluation&, X& out) { out = x; };
  const auto writes_two = [](const X& x, const evaluation&, two_estimates<X>& out) { out = {x, x}; };
  STATIC_REQUIRE(single_denoiser<decltype(returns), X>);
  STATIC_REQUIRE(single_denoiser<decltype(writes), X>);
  STATIC_REQUIRE(denoiser<decltype(writes_two), X>);
  STATIC_REQUIRE_FALSE(single_denoiser<decltype(writes_two), X>);
  STATIC_REQUIRE(std::same_as<estimate<decltype(two), X>, two_estimates<X>>);
  STATIC_REQUIRE_FALSE(denoiser<std::string, X>);
  STATIC_REQUIRE_FALSE(denoiser<decltype([](const X&) { return X{}; }), X>);
}

TEST_CASE("where a denoiser has both forms it writes", "[denoiser]")
{
  both_forms network;
  X out{};
  predict(network, X{}, evaluation{}, out);
  REQUIRE(out == X{2, 2});
}

TEST_CASE("the first call makes the buffer, and later calls write into it", "[denoiser]")
{
  const auto adds = [](const X& x, const evaluation&, X& out) { out = {out[0] + x[0], out[1] + x[1]}; };
  std::optional<X> out;
  predict(adds, X{1, 2}, evaluation{}, out);
  REQUIRE(out == X{2, 4});  // a copy of x, and x
  predict(adds, X{1, 2}, evaluation{}, out);
  REQUIRE(out == X{3, 6});
  std::optional<two_estimates<X>> pair;
  predict(two, X{1, 2}, evaluation{}, pair);
  REQUIRE(pair->data == X{1, 2});
  REQUIRE(pair->direction == X{0, 0});
}
