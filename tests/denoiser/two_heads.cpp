#include "fewstep/denoiser/two_heads.hpp"

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/noise/scaled.hpp"
#include "fewstep/plan/analytic.hpp"
#include "fewstep/plan/analytic_elementwise.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/search/trajectory.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/catch.hpp"
#include "support/spectrum.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using several = std::vector<double>;

namespace {

/// What is left of the variance of eps, given x, where the data has variance v.
double left_over(double v, const noise_level& at)
{
  const double data = at.alpha * at.alpha * v;
  return data / (data + at.sigma * at.sigma);
}

/// Both heads of the exact network of normal data, number i of variance v_i repeated: eps_hat = sigma x / (alpha^2 v +
/// sigma^2), and E[eps^2 | x] (SN) or E[(eps - eps_hat)^2 | x] (NPR).
auto exact_heads(const test::spectrum& data, bool second_moment)
{
  return [=](const several& x, const evaluation& at, several& eps_hat, several& head) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = data.variances[i % data.variances.size()];
      eps_hat[i] = at.sigma * x[i] / (at.alpha * at.alpha * v + at.sigma * at.sigma);
      head[i] = left_over(v, at) + (second_moment ? eps_hat[i] * eps_hat[i] : 0);
    }
  };
}

/// The mean square of each variance's numbers after a run with learned deviations.
std::vector<double> sampled_variances(const test::spectrum& data, bool second_moment, double eta, std::size_t samples)
{
  const auto grid = even_grid(linear_vp(), 5);
  const auto [plan, rows] = analytic_elementwise(grid, eta, {.noise_at_end = true});
  const philox_noise noise{.seed = 3, .samples = samples};
  const several start = noise.start(several(data.variances.size() * samples));
  several deviation = start;
  const auto of = [&rows = rows, second_moment](const evaluation& at, double head, double eps_hat) {
    return rows[at.row](second_moment ? second_moment_error(at, head, eps_hat) : residual_error(at, head));
  };
  const auto denoise =
      converted(writing_deviation(exact_heads(data, second_moment), deviation, of), prediction::noise, plan.predicts);
  const several x = sample(plan, start, denoise, scaled_noise{noise, &deviation});
  std::vector<double> squares(data.variances.size());
  for (std::size_t i = 0; i < x.size(); ++i) squares[i % squares.size()] += x[i] * x[i] / static_cast<double>(samples);
  return squares;
}

}  // namespace

TEST_CASE("with exact heads of either kind every number of normal data has its variance after five steps", "[denoiser]")
{
  const test::spectrum data;
  const std::size_t samples = 20000;
  for (const bool second_moment : {false, true})
    for (const double eta : {0., .5, 1.}) {
      const std::vector<double> found = sampled_variances(data, second_moment, eta, samples);
      for (std::size_t i = 0; i < found.size(); ++i) {
        // The start's variance, 1, is not quite alpha^2 v + sigma^2: (1 - v) alpha^2 is 4e-5 of it at most. A mean of n
        // squares of a normal number has the relative deviation sqrt(2 / n); five of them are allowed.
        CAPTURE(second_moment, eta, data.variances[i]);
        const double sampling = 5 * std::sqrt(2.0 / static_cast<double>(samples));
        REQUIRE_THAT(found[i], WithinRel(data.variances[i], sampling + 4e-5));
      }
    }
}

TEST_CASE("both heads give the same run where the network's mean is exact", "[denoiser]")
{
  const std::vector<double> a = sampled_variances({}, false, 1, 50), b = sampled_variances({}, true, 1, 50);
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE_THAT(a[i], WithinRel(b[i], 1e-9));
}

TEST_CASE("one deviation for all numbers is the plan of Analytic-DPM", "[denoiser]")
{
  const test::spectrum data{.variances = {.25}};
  const vp_table table = linear_vp();
  const auto grid = even_grid(table, 10);
  const philox_noise noise{.seed = 3, .samples = 4};
  const several start = noise.start(several(8));
  const auto [plan, rows] = analytic_elementwise(grid, 1);
  several deviation = start;
  const auto of = [&rows = rows](const evaluation& at, double head, double) {
    return rows[at.row](residual_error(at, head));
  };
  const auto heads = writing_deviation(exact_heads(data, false), deviation, of);
  const several learned =
      sample(plan, start, converted(heads, prediction::noise, plan.predicts), scaled_noise{noise, &deviation});
  const sampling_plan whole = analytic_ddpm(grid, data.moments(levels_of(table)));
  const several known = sample(whole, start, converted(heads, prediction::noise, whole.predicts), noise);
  for (std::size_t i = 0; i < known.size(); ++i) REQUIRE_THAT(learned[i], WithinAbs(known[i], 1e-12));
}

TEST_CASE("heads of unequal size are refused", "[denoiser]")
{
  several deviation(3), out(4);
  const auto network = [](const several&, const evaluation&, several&, several&) {};
  const auto of = [](const evaluation&, double head, double) { return head; };
  REQUIRE_THROWS_WITH(writing_deviation(network, deviation, of)(out, evaluation{}, out),
                      ContainsSubstring("4 and 3 numbers"));
}
