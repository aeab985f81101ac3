#include "fewstep/unet/unet.hpp"

#include "fewstep/schedule/noise_level.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

using namespace fewstep;

namespace {

/// A U-Net whose features are numbers: down(i) adds 1, the middle doubles, up(i) is 10 deep + skip, and the ends scale
/// by 3 and by 7. It notes what is called.
struct toy {
  using feature = double;
  using embedding = double;

  std::size_t connections() const { return count; }
  embedding embed(double, const evaluation& at) const { return note("embed"), at.t; }
  feature enter(double x, embedding) const { return note("enter"), 3 * x; }
  feature down(std::size_t i, feature h, embedding) const { return note("down", i), h + 1; }
  feature middle(feature h, embedding e) const { return note("middle"), 2 * h + e; }
  feature up(std::size_t i, feature deep, feature skip, embedding) const { return note("up", i), 10 * deep + skip; }
  double leave(feature h, embedding) const { return note("leave"), 7 * h; }

  void note(const std::string& what) const { calls->push_back(what); }
  void note(const std::string& what, std::size_t i) const { note(what + " " + std::to_string(i)); }

  std::size_t count;
  std::vector<std::string>* calls;
};

static_assert(unet<toy, double>);

struct no_leave {
  using feature = double;
  using embedding = double;
  std::size_t connections() const;
  embedding embed(double, const evaluation&) const;
  feature enter(double, embedding) const;
  feature down(std::size_t, feature, embedding) const;
  feature middle(feature, embedding) const;
  feature up(std::size_t, feature, feature, embedding) const;
};

static_assert(!unet<no_leave, double>);

evaluation at_time(double t)
{
  evaluation at;
  at.t = t;
  return at;
}

using words = std::vector<std::string>;

}  // namespace

TEST_CASE("the recursion goes down through all connections, through the middle, and back", "[unet]")
{
  words calls;
  const toy net{3, &calls};
  // x = 2: enter 6, skips 7, 8, 9, middle 18 + t = 23, then 239, 2398, 23987
  REQUIRE(evaluate(net, 2.0, at_time(5)) == 7 * 23987.0);
  REQUIRE(calls == words{"embed", "enter", "down 0", "down 1", "down 2", "middle", "up 2", "up 1", "up 0", "leave"});
}

TEST_CASE("a network with one connection is one layer around its middle", "[unet]")
{
  words calls;
  // skip 7, middle 14 + 5, up 190 + 7
  REQUIRE(evaluate(toy{1, &calls}, 2.0, at_time(5)) == 7 * 197.0);
}

TEST_CASE("a join meets deep feature and skip of every connection and changes what is joined, not what goes deeper",
          "[unet]")
{
  words calls;
  const toy net{3, &calls};
  std::vector<double> deeps, skips;
  const auto halve = [&](std::size_t i, const double& deep, double& skip, const evaluation& at) {
    calls.push_back("join " + std::to_string(i));
    deeps.push_back(deep);
    skips.push_back(skip);
    REQUIRE(at.row == 4);
    skip /= 2;
  };
  evaluation at = at_time(5);
  at.row = 4;
  // middle 23 as before; joined with 4.5, 4 and 3.5
  REQUIRE(evaluate(net, 2.0, at, halve) == 7 * ((23.0 * 10 + 4.5) * 100 + 4 * 10 + 3.5));
  REQUIRE(deeps == std::vector<double>{23, 234.5, 2349});
  REQUIRE(skips == std::vector<double>{9, 8, 7});
  REQUIRE(calls == words{"embed", "enter", "down 0", "down 1", "down 2", "middle", "join 2", "up 2", "join 1", "up 1",
                         "join 0", "up 0", "leave"});
}

TEST_CASE("a cache that calls below changes nothing and sees every connection from the outside", "[unet]")
{
  words calls;
  const toy net{3, &calls};
  std::vector<std::size_t> seen;
  const auto through = [&](std::size_t i, const double&, const evaluation& at, auto&& below) {
    seen.push_back(i);
    REQUIRE(at.t == 5);
    return below();
  };
  REQUIRE(evaluate(net, 2.0, at_time(5), plain_join{}, through) == 7 * 23987.0);
  REQUIRE(seen == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("a cache may hand out a reference, and what lies below is then not run", "[unet]")
{
  words calls;
  const toy net{3, &calls};
  const double kept = 1000;
  const double* handed = nullptr;
  const auto cache = [&](std::size_t i, const double&, const evaluation&, auto&& below) -> const double& {
    static_assert(std::is_same_v<decltype(below()), double&>);
    REQUIRE(i == 0);
    return kept;
  };
  const auto join = [&](std::size_t i, const double& deep, double&, const evaluation&) {
    if (i == 0) handed = &deep;
  };
  REQUIRE(evaluate(net, 2.0, at_time(5), join, cache) == 7 * (10 * 1000.0 + 7));
  REQUIRE(handed == &kept);
  REQUIRE(calls == words{"embed", "enter", "down 0", "up 0", "leave"});
}

TEST_CASE("a feature kept below an inner connection gives the same number again", "[unet]")
{
  words calls;
  const toy net{4, &calls};
  for (std::size_t branch = 0; branch < 4; ++branch) {
    std::optional<double> kept;
    const auto cache = [&](std::size_t i, const double&, const evaluation&, auto&& below) -> double {
      if (i != branch) return below();
      if (!kept) kept = below();
      return *kept;
    };
    const double whole = evaluate(net, 2.0, at_time(5));
    REQUIRE(evaluate(net, 2.0, at_time(5), plain_join{}, cache) == whole);
    calls.clear();
    REQUIRE(evaluate(net, 2.0, at_time(5), plain_join{}, cache) == whole);
    // embed, enter, leave, and both halves of connections 0 ... branch
    REQUIRE(calls.size() == 3 + 2 * (branch + 1));
  }
}

TEST_CASE("join and cache compose: the skip of a cached connection is still joined anew", "[unet]")
{
  words calls;
  const toy net{3, &calls};
  double kept = 0;
  const auto cache = [&](std::size_t i, const double&, const evaluation& at, auto&& below) -> double {
    if (i == 1 && at.row > 0) return kept;
    const double deep = below();
    return i == 1 ? kept = deep : deep;
  };
  const auto drop = [](std::size_t, const double&, double& skip, const evaluation&) { skip = 0; };
  evaluation first = at_time(5), second = at_time(5);
  second.row = 1;
  // kept below connection 1: 230 while skips are dropped; then fresh skips 8 + 1 and 7 + 1 join it
  REQUIRE(evaluate(net, 2.0, first, drop, cache) == 7 * 23000.0);
  REQUIRE(evaluate(net, 7.0 / 3, second, plain_join{}, cache) == 7 * (23000.0 + 90 + 8));
}
