#include "fewstep/noise/source.hpp"

#include "fewstep/tensor/tensor.hpp"
#include "support/catch.hpp"

#include <optional>
#include <string>

using namespace fewstep;

namespace {

struct returns {
  double operator()(double x, const noise_level& at) { return x + at.t; }
};

struct writes {
  void operator()(double, const evaluation& at, double& out) { out += static_cast<double>(at.row); }
};

}  // namespace

TEST_CASE("a noise source returns its numbers, writes them, or is none", "[noise]")
{
  STATIC_REQUIRE(noise_source<returns, double>);
  STATIC_REQUIRE(noise_source<writes, double>);
  STATIC_REQUIRE(noise_source<no_noise, double>);
  STATIC_REQUIRE_FALSE(noise_source<int, double>);
  STATIC_REQUIRE_FALSE(noise_source<std::string, double>);
}

TEST_CASE("what a source returns replaces the buffer, what it writes goes into one in the shape of x", "[noise]")
{
  std::optional<double> z;
  returns fresh;
  draw(fresh, 2.0, evaluation{{5, 1, 1}}, z);
  REQUIRE(z == 7);
  std::optional<double> kept;
  writes into;
  draw(into, 2.0, evaluation{{5, 1, 1}, 3}, kept);
  REQUIRE(kept == 5);  // a copy of x, and 3
  draw(into, 9.0, evaluation{{5, 1, 1}, 4}, kept);
  REQUIRE(kept == 9);  // the buffer that there was
  no_noise none;
  std::optional<double> nothing;
  draw(none, 2.0, evaluation{}, nothing);
  REQUIRE_FALSE(nothing);
}
