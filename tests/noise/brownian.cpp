#include "fewstep/noise/brownian.hpp"

#include "fewstep/noise/philox.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"

#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;
using X = std::vector<double>;

namespace {

/// W(from) - W(to) for n elements.
X increment(const brownian_noise& path, double from, double to, std::size_t n)
{
  X z(n);
  path(z, evaluation{{from, 1, 1}, 0, to}, z);
  for (double& number : z) number *= std::sqrt(from - to);
  return z;
}

}  // namespace

TEST_CASE("increments over neighbouring intervals add up", "[noise]")
{
  const brownian_noise path({.seed = 4, .low = 0, .high = 80});
  const std::size_t n = 131;
  const X whole = increment(path, 70, 0.5, n);
  X sum(n);
  const double times[] = {70, 31.4, 31.3, 8, 2.5, 0.5};
  for (std::size_t k = 0; k < 5; ++k) {
    const X part = increment(path, times[k], times[k + 1], n);
    for (std::size_t i = 0; i < n; ++i) sum[i] += part[i];
  }
  for (std::size_t i = 0; i < n; ++i) REQUIRE_THAT(sum[i], WithinAbs(whole[i], 1e-12));
}

TEST_CASE("increments are standard normal and those of disjoint intervals are independent", "[noise]")
{
  const brownian_noise path({.seed = 11, .low = 0, .high = 10});
  const std::size_t n = 40000;
  X first(n), second(n);
  path(first, evaluation{{9.1, 1, 1}, 0, 3.3}, first);
  path(second, evaluation{{3.3, 1, 1}, 0, 3.0}, second);
  double mean = 0, variance = 0, covariance = 0, small = 0;
  for (std::size_t i = 0; i < n; ++i) {
    mean += first[i], variance += first[i] * first[i], covariance += first[i] * second[i],
        small += second[i] * second[i];
  }
  const double count = static_cast<double>(n), error = 1 / std::sqrt(count);
  REQUIRE_THAT(mean / count, WithinAbs(0, 5 * error));
  REQUIRE_THAT(variance / count, WithinAbs(1, 5 * std::sqrt(2.0) * error));
  REQUIRE_THAT(small / count, WithinAbs(1, 5 * std::sqrt(2.0) * error));
  REQUIRE_THAT(covariance / count, WithinAbs(0, 5 * error));
}

TEST_CASE("a sample's path does not depend on its batch", "[noise]")
{
  const evaluation at{{5, 1, 5}, 3, 2};
  X together(3 * 7), alone(7);
  brownian_noise({.seed = 1, .first_sample = 4, .samples = 3, .high = 10})(together, at, together);
  for (std::size_t k = 0; k < 3; ++k) {
    brownian_noise({.seed = 1, .first_sample = 4 + k, .high = 10})(alone, at, alone);
    for (std::size_t i = 0; i < 7; ++i) REQUIRE(alone[i] == together[7 * k + i]);
  }
}

TEST_CASE("refining the grid of an ancestral sampler converges path by path, which fresh noise does not", "[noise]")
{
  const test::gaussian data{.mean = 0.7, .deviation = 0.4};
  const auto denoise = [&](const X& x, const evaluation& at, X& out) {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = data(x[i], at);
  };
  const X start = philox_noise{.seed = 2}.start(X(200), 10);
  const auto distance = [&](std::size_t steps, auto noise) {
    const auto run = [&](std::size_t n) {
      auto grid = karras(edm_schedule{}, n, {.sigma_min = 0.05, .sigma_max = 10});
      grid.pop_back();
      return sample(ddim(grid, 1), start, denoise, noise);
    };
    const X coarse = run(steps), fine = run(2 * steps - 1);  // the fine grid holds the coarse one
    double squares = 0;
    for (std::size_t i = 0; i < coarse.size(); ++i) squares += std::pow(coarse[i] - fine[i], 2);
    return std::sqrt(squares / static_cast<double>(coarse.size()));
  };
  const brownian_noise path({.seed = 3, .low = 0, .high = 10});
  REQUIRE(distance(160, path) < 0.35 * distance(40, path));  // first order: a quarter
  REQUIRE(distance(160, philox_noise{.seed = 3}) > 0.9 * distance(40, philox_noise{.seed = 3}));
}

TEST_CASE("a path that is none, and times outside of it, are refused", "[noise]")
{
  REQUIRE_THROWS_WITH(brownian_noise({.low = 1, .high = 1}), ContainsSubstring("low < high"));
  REQUIRE_THROWS_WITH(brownian_noise({.depth = 31}), ContainsSubstring("31"));
  X z(2);
  const brownian_noise path({.low = 0.5, .high = 10});
  REQUIRE_THROWS_WITH(path(z, evaluation{{11, 1, 1}, 0, 2}, z), ContainsSubstring("t = 11"));
  REQUIRE_THROWS_WITH(path(z, evaluation{{5, 1, 1}, 0, 5}, z), ContainsSubstring("no increment"));
  REQUIRE_THROWS_WITH(path(z, evaluation{{5, 1, 1}, 0, 0}, z), ContainsSubstring("down to 0"));
}
