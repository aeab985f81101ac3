/// @file
/// A U-Net on numbers, alone or side by side in a vector, whose every piece is nonlinear and depends on the level.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/unet/identity.hpp"

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace fewstep::test {

/// What toy networks make of a time.
inline double angle(double t)
{
  return 0.3 * t;
}

template <class X>
struct toy_unet {
  using feature = X;
  struct embedding {
    double angle;
    std::size_t row;
  };

  std::size_t count = 4;
  double condition = 0;                                 ///< what it is asked for besides x and level
  std::vector<std::size_t>* full_rows = nullptr;        ///< the rows at which the middle was run
  std::vector<std::size_t>* connections_run = nullptr;  ///< which connections were run on the way down

  std::size_t connections() const { return count; }
  embedding embed(const X&, const evaluation& at) const { return {test::angle(at.t) + condition, at.row}; }
  X enter(const X& x, embedding) const { return x; }

  X down(std::size_t i, const X& h, embedding e) const
  {
    if (connections_run) connections_run->push_back(i);
    return each(h, h, [&](double a, double) { return going_down(i, a, e.angle); });
  }

  X middle(const X& h, embedding e) const
  {
    if (full_rows) full_rows->push_back(e.row);
    return each(h, h, [&](double a, double) { return in_the_middle(a, e.angle); });
  }

  X up(std::size_t i, const X& deep, const X& skip, embedding e) const
  {
    return each(deep, skip, [&](double u, double d) { return going_up(i, u, d, e.angle); });
  }

  X leave(const X& h, embedding) const { return h; }

  network_identity identity() const
  {
    return {&weights, static_cast<std::size_t>(static_cast<long long>(1000 * condition))};
  }

  static double going_down(std::size_t i, double h, double angle)
  {
    return std::sin((1.1 + 0.2 * double(i)) * h + 0.1 * angle) + 0.3 * h;
  }
  static double in_the_middle(double h, double angle) { return std::tanh(1.7 * h) + 0.2 * std::cos(angle); }
  static double going_up(std::size_t i, double deep, double skip, double angle)
  {
    return std::tanh(0.8 * deep + (0.9 - 0.1 * double(i)) * skip) + 0.1 * deep * std::cos(angle + double(i));
  }

  int weights = 0;  ///< whose address tells networks apart

private:
  template <class F>
  static double each(double a, double b, F f)
  {
    return f(a, b);
  }

  template <class S, class F>
  static std::vector<S> each(const std::vector<S>& a, const std::vector<S>& b, F f)
  {
    std::vector<S> out(a.size());
    for (std::size_t k = 0; k < a.size(); ++k) out[k] = static_cast<S>(f(double(a[k]), double(b[k])));
    return out;
  }
};

/// The same network on a number, written as two loops: what flows through it, with factors on the skips, and below
/// connection `branch` a number from elsewhere if `kept` is given.
struct unrolled {
  std::vector<double> skips, deeps;
  double output = 0;

  unrolled(std::size_t count, double x, double angle, const std::vector<double>& rho = {}, std::size_t branch = 0,
           const double* kept = nullptr)
  {
    using net = toy_unet<double>;
    const std::size_t used = kept ? branch + 1 : count;
    double h = x;
    for (std::size_t i = 0; i < used; ++i) skips.push_back(h = net::going_down(i, h, angle));
    double u = kept ? *kept : net::in_the_middle(h, angle);
    deeps.resize(used);
    for (std::size_t i = used; i-- > 0;) {
      deeps[i] = u;
      u = net::going_up(i, u, (rho.empty() ? 1 : rho[i]) * skips[i], angle);
    }
    output = u;
  }
};

/// So many steps of EDM's process from sigma = 8 to the data.
inline std::vector<noise_level> falling(std::size_t steps)
{
  std::vector<noise_level> levels;
  for (std::size_t k = 0; k <= steps; ++k) {
    const double sigma = 8 * std::pow(1 - double(k) / double(steps), 2);
    levels.push_back({sigma, 1, sigma});
  }
  return levels;
}

/// An evaluation at time t by a row.
inline evaluation at_row(std::size_t row, double t)
{
  return {{t, 1, t}, row, 0};
}

}  // namespace fewstep::test
