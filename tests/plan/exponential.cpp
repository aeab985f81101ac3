#include "fewstep/plan/exponential.hpp"

#include "fewstep/plan/ddim.hpp"
#include "support/catch.hpp"
#include "support/order.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

TEST_CASE("the phi functions are their integrals", "[plan]")
{
  // Simpson's rule on 2000 intervals: its error is below 1e-13 for these z
  for (double z : {-20.0, -1.0, -0.99, -1e-3, 0.0, 1e-9, 0.5, 1.0, 7.0})
    for (int k = 1; k <= 4; ++k) {
      const auto f = [&](double u) { return std::exp((1 - u) * z) * std::pow(u, k - 1) / std::tgamma(k); };
      double sum = f(0) + f(1);
      for (int i = 1; i < 2000; ++i) sum += (i % 2 == 1 ? 4 : 2) * f(i / 2000.0);
      CAPTURE(z, k);
      REQUIRE_THAT(phi(k, z), WithinRel(sum / 6000, 1e-10));
    }
}

TEST_CASE("the phi functions are smooth where series and recursion meet", "[plan]")
{
  for (int k = 1; k <= 4; ++k)
    for (double z : {-1.0, 1.0}) REQUIRE_THAT(phi(k, z * (1 - 1e-15)), WithinRel(phi(k, z), 1e-13));
}

TEST_CASE("the linear part of a step is DDIM's, on data and on noise", "[plan]")
{
  const noise_level from{2, 0.6, 0.8}, to{1, 0.8, 0.6};
  const exponential_step data = step_in_lambda(prediction::data, from, to);
  const plan_step row = first_order(from, to, 0);
  REQUIRE_THAT(data.keep, WithinRel(row.keep, 1e-15));
  REQUIRE_THAT(data.first, WithinRel(row.model[0], 1e-15));
  REQUIRE_THAT(-data.scale * std::expm1(data.z), WithinRel(data.first, 1e-14));
  REQUIRE_THAT(data.h, WithinRel(2 * std::log(4.0 / 3), 1e-14));
  // x' = alpha' / alpha x + (sigma' - alpha' sigma / alpha) eps = 4/3 x + (3/5 - 16/15) eps
  const exponential_step noise = step_in_lambda(prediction::noise, from, to);
  REQUIRE_THAT(noise.keep, WithinRel(4.0 / 3, 1e-15));
  REQUIRE_THAT(noise.first, WithinRel(-7.0 / 15, 1e-14));
  REQUIRE_THAT(-noise.scale * std::expm1(noise.z), WithinRel(noise.first, 1e-14));
}

TEST_CASE("derivatives from the last outputs are exact for parabolas in lambda", "[plan]")
{
  const std::vector<noise_level> grid{{3, 1, 9}, {2, 1, 4}, {1, 1, 1.5}, {0, 1, 1}};
  const double here = log_snr(grid[2]);
  const auto f = [&](std::size_t k) {
    return 2 + 3 * (log_snr(grid[k]) - here) + 5 * std::pow(log_snr(grid[k]) - here, 2);
  };
  const history_derivatives of = derivatives(grid, 2, 3);
  double first = 0, second = 0;
  for (std::size_t j = 0; j < 3; ++j) {
    first += of.first[j] * f(2 - j);
    second += of.second[j] * f(2 - j);
  }
  REQUIRE_THAT(first, WithinRel(3, 1e-13));
  REQUIRE_THAT(second, WithinRel(10, 1e-13));
  const history_derivatives line = derivatives(grid, 2, 2);
  REQUIRE_THAT(line.first[0] * f(2) + line.first[1] * f(1),
               WithinRel((f(2) - f(1)) / (here - log_snr(grid[1])), 1e-13));
}

TEST_CASE("order is given up where history is short, before sigma = 0 and at the end of short runs", "[plan]")
{
  const noise_level some{0, 1, 0.1}, none{0, 1, 0};
  const order_rule third{.order = 3};
  std::vector<std::size_t> orders;
  for (std::size_t k = 0; k < 6; ++k) orders.push_back(order_at(third, k, 6, some));
  REQUIRE(orders == std::vector<std::size_t>{1, 2, 3, 3, 2, 1});
  REQUIRE(order_at(third, 14, 15, some) == 3);
  REQUIRE(order_at(third, 14, 15, none) == 1);
  REQUIRE(order_at({.order = 3, .euler_at_final = true}, 14, 15, some) == 1);
  REQUIRE(order_at({.order = 3, .euler_at_final = true}, 13, 15, some) == 3);
  REQUIRE(order_at({.order = 3, .lower_order_final = false}, 5, 6, some) == 3);
  REQUIRE(order_at({.order = 1}, 4, 6, some) == 1);
}
