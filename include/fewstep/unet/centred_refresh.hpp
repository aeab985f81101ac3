/// @file
/// The non-uniform schedule of DeepCache (Ma et al. 2023, arXiv:2312.00858, section 4.3): full steps that crowd around
/// a centre, by a power.
#pragma once

#include "fewstep/unet/refresh.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep {

/// Where full steps crowd, and how much. The authors' rule of thumb for 50 steps is 15 and 1.4.
struct refresh_centre {
  std::size_t row = 15;
  double power = 1.4;
  bool allow_fewer = false;  ///< take what the last power gives rather than refuse, as the authors' DDPM code does
};

/// The full rows, and the power that gave so many of them.
struct centred_rows {
  std::vector<std::size_t> rows{};
  double power = 0;
};

namespace detail {

/// The rows of one power p. The authors' code takes the p-th root of a negative number, which is complex, so that the
/// points lie on a line in the complex plane, from a = (-c)^(1/p) to b = (rows - c)^(1/p), principal roots:
///
///     z_j = a + j (b - a) / n,   q_j = trunc(Re z_j^p),   rows = {0} and q + c without the smallest and largest q
inline std::vector<std::size_t> centred_rows_of_power(double rows, std::size_t n, double centre, double power)
{
  const auto root = [&](double x) {
    const double size = std::pow(std::abs(x), 1 / power), angle = x < 0 ? std::numbers::pi / power : 0;
    return std::pair(size * std::cos(angle), size * std::sin(angle));
  };
  const auto a = root(-centre), b = root(rows - centre);
  const auto on_line = [&](double from, double to, std::size_t j) {
    return j == n ? to : from + static_cast<double>(j) * ((to - from) / static_cast<double>(n));
  };
  std::vector<double> q;
  for (std::size_t j = 0; j <= n; ++j) {
    const double x = on_line(a.first, b.first, j), y = on_line(a.second, b.second, j);
    // numpy squares where the power is 2
    const double real =
        power == 2 ? x * x - y * y : std::pow(std::hypot(x, y), power) * std::cos(power * std::atan2(y, x));
    q.push_back(std::trunc(real));
  }
  std::sort(q.begin(), q.end());
  q.erase(std::unique(q.begin(), q.end()), q.end());
  std::vector<std::size_t> out{0};
  for (std::size_t j = 1; j + 1 < q.size(); ++j)
    out.push_back(static_cast<std::size_t>(std::clamp(q[j] + centre, 0.0, rows)));
  return out;
}

inline void require_centre(std::size_t rows, std::size_t interval, const refresh_centre& centre)
{
  if (rows == 0 || interval == 0)
    throw std::invalid_argument("refreshes around a centre need rows and an interval of at least 1, but have " +
                                std::to_string(rows) + " and " + std::to_string(interval));
  if (!(centre.power > 1) || !std::isfinite(centre.power))
    throw std::invalid_argument("the power of refreshes around a centre must be above 1, but is " +
                                std::to_string(centre.power));
}

}  // namespace detail

/// ceil(rows / interval) full rows of a run of `rows` rows. Truncation may merge some; then the power falls by 0.02
/// until there are enough. Throws std::invalid_argument for no rows, an interval of 0, a power that is not finite and
/// above 1, and a centre at which no power gives enough rows, or rows that the run does not have.
///
/// Equal to the authors' lists, unless a q_j meets an integer up to the last bit of a power.
inline centred_rows rows_around(std::size_t rows, std::size_t interval, refresh_centre centre)
{
  detail::require_centre(rows, interval, centre);
  const std::size_t wanted = (rows + interval - 1) / interval;
  centred_rows found{.power = centre.power};
  do {
    found.rows =
        detail::centred_rows_of_power(static_cast<double>(rows), wanted, static_cast<double>(centre.row), found.power);
    if (found.rows.size() != wanted) found.power -= 0.02;
  } while (found.rows.size() != wanted && found.power > 1);
  const std::string scene = " in " + std::to_string(rows) + " rows around row " + std::to_string(centre.row);
  if (found.rows.size() != wanted && !centre.allow_fewer)
    throw std::invalid_argument("no power gives " + std::to_string(wanted) + " refreshes" + scene + ": the last gave " +
                                std::to_string(found.rows.size()));
  if (found.rows.back() >= rows)
    throw std::invalid_argument("the last of the refreshes" + scene + " is row " + std::to_string(found.rows.back()) +
                                ", which is outside");
  return found;
}

/// The same as a policy.
inline refresh_policy around(std::size_t rows, std::size_t interval, refresh_centre centre = {})
{
  return at_rows(rows_around(rows, interval, centre).rows);
}

}  // namespace fewstep
