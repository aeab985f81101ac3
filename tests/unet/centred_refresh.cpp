#include "fewstep/unet/centred_refresh.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

using list = std::vector<std::size_t>;

nlohmann::json golden_lists()
{
  std::ifstream file(test::in_repository("tests/golden/unets/f_deepcache_schedules/expect.json"));
  return nlohmann::json::parse(file).at("sample_from_quad_center");
}

/// The formula in complex arithmetic.
list by_complex_powers(double rows, std::size_t n, double centre, double power)
{
  using complex = std::complex<double>;
  const complex a = std::pow(complex(-centre), 1 / power), b = std::pow(complex(rows - centre), 1 / power);
  std::vector<int> q;
  for (std::size_t j = 0; j <= n; ++j)
    q.push_back(static_cast<int>(std::pow(a + (b - a) * (double(j) / double(n)), power).real()));
  std::sort(q.begin(), q.end());
  q.erase(std::unique(q.begin(), q.end()), q.end());
  list out{0};
  for (std::size_t j = 1; j + 1 < q.size(); ++j) out.push_back(static_cast<std::size_t>(q[j] + int(centre)));
  return out;
}

}  // namespace

TEST_CASE("rows around a centre are those of the official code", "[unet]")
{
  std::size_t compared = 0;
  for (const auto& golden : golden_lists()) {
    CAPTURE(golden.dump());
    const std::size_t rows = golden.at("num_steps"), interval = golden.at("interval");
    refresh_centre centre{.row = golden.at("center"), .power = golden.at("pow")};
    if (golden.contains("sd_error")) {
      REQUIRE_THROWS_AS(rows_around(rows, interval, centre), std::invalid_argument);
    } else {
      const centred_rows found = rows_around(rows, interval, centre);
      REQUIRE(found.rows == golden.at("sd_full_steps").get<list>());
      REQUIRE_THAT(found.power, WithinAbs(golden.at("sd_final_pow"), 1e-12));
      REQUIRE(found.rows.size() == golden.at("num_full_steps_requested"));
    }
    centre.allow_fewer = true;
    const centred_rows found = rows_around(rows, interval, centre);
    REQUIRE(found.rows == golden.at("ddpm_full_steps").get<list>());
    REQUIRE_THAT(found.power, WithinAbs(golden.at("ddpm_final_pow"), 1e-12));
    ++compared;
  }
  REQUIRE(compared == 25);
}

TEST_CASE("the real form is the complex one but for ties at integers", "[unet]")
{
  std::size_t equal = 0, all = 0;
  for (const std::size_t rows : {20u, 50u, 100u, 250u})
    for (const std::size_t n : {4u, 5u, 10u, 25u})
      for (const std::size_t centre : {0u, 5u, 10u, 15u, 20u})
        for (const double power : {1.05, 1.2, 1.3, 1.4, 1.5, 1.7}) {
          const auto [r, c] = std::pair(double(rows), double(centre));
          ++all;
          equal += detail::centred_rows_of_power(r, n, c, power) == by_complex_powers(r, n, c, power);
        }
  // both round, so a number that ought to be an integer may fall on either side of it
  REQUIRE(equal >= all * 97 / 100);
}

TEST_CASE("the paper's lists of 250 steps", "[unet]")
{
  REQUIRE(rows_around(250, 20, {.row = 120, .power = 1.4}).rows ==
          list{0, 22, 42, 61, 80, 98, 115, 131, 149, 168, 187, 207, 228});
  REQUIRE(rows_around(50, 2, {.row = 20, .power = 1.3}).rows ==
          list{0, 3, 5, 7, 9, 11, 13, 14, 16, 18, 20, 21, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 43, 45, 47});
}

TEST_CASE("rows around a centre make a policy", "[unet]")
{
  REQUIRE(around(50, 5).rows == list{0, 5, 9, 13, 17, 21, 26, 31, 37, 43});
  REQUIRE(full_rows(around(50, 5, {.row = 10, .power = 1.5}), 50) == list{0, 4, 7, 10, 14, 19, 24, 30, 36, 43});
}

TEST_CASE("centres, powers and intervals out of range are refused with their numbers", "[unet]")
{
  REQUIRE_THROWS_WITH(around(50, 0), ContainsSubstring("50 and 0"));
  REQUIRE_THROWS_WITH(around(0, 5), ContainsSubstring("0 and 5"));
  REQUIRE_THROWS_WITH(around(50, 5, {.power = 1}), ContainsSubstring("1.000000"));
  REQUIRE_THROWS_AS(around(50, 5, {.power = NAN}), std::invalid_argument);
  REQUIRE_THROWS_AS(around(50, 5, {.power = INFINITY}), std::invalid_argument);
  REQUIRE_THROWS_WITH(around(10, 2, {.row = 5, .power = 1.4}), ContainsSubstring("5 refreshes in 10 rows"));
  REQUIRE_THROWS_WITH(around(4, 1, {.row = 6, .power = 1.2}), ContainsSubstring("around row 6 is row 4"));
}
