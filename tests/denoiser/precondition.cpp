#include "fewstep/denoiser/precondition.hpp"

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/gaussian.hpp"

#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using namespace fewstep;

namespace {

const edm_schedule edm;

/// A raw network with a closed form that depends on its input and time.
double raw(double x, const evaluation& at)
{
  return std::tanh(0.8 * x) + 0.01 * at.t;
}

}  // namespace

TEST_CASE("a preconditioned network is called with scaled input and its own times", "[precondition]")
{
  const evaluation at{edm(2), 3, 0.5};
  double seen = 0;
  evaluation told{};
  auto denoise = preconditioned(
      [&](double x, const evaluation& inner) {
        seen = x, told = inner;
        return raw(x, inner);
      },
      edm_scaling{});
  double out = 99;
  denoise(1.3, at, out);
  const double total = std::sqrt(2 * 2 + 0.25);
  REQUIRE_THAT(seen, WithinAbs(1.3 / total, 1e-15));
  REQUIRE_THAT(told.t, WithinAbs(std::log(2.0) / 4, 1e-15));
  REQUIRE_THAT(told.target, WithinAbs(std::log(0.5) / 4, 1e-15));
  REQUIRE(told.row == 3);
  REQUIRE(told.sigma == 2);
  REQUIRE_THAT(out, WithinAbs(0.25 / (total * total) * 1.3 + 2 * 0.5 / total * raw(seen, told), 1e-15));
}

TEST_CASE("a network preconditioned for the data's deviation has nothing to do on normal data of mean 0",
          "[precondition]")
{
  // For data ~ N(0, sigma_data^2) EDM's skip is the posterior mean itself.
  auto denoise = preconditioned([](double, const noise_level&) { return 0.0; }, edm_scaling{.sigma_data = 0.7});
  const test::gaussian data{.mean = 0, .deviation = 0.7};
  for (double sigma : {0.002, 0.7, 80.0}) {
    double out = 0;
    denoise(1.3, evaluation{edm(sigma)}, out);
    REQUIRE_THAT(out, WithinRel(data(1.3, edm(sigma)), 1e-14));
  }
}

TEST_CASE("a scaling in EDM's coordinates serves any other level by its noise-to-signal ratio", "[precondition]")
{
  const noise_level vp = scaled_linear_vp()(600);
  const double x = 0.9, ratio = noise_to_signal(vp);
  const auto agree = [&](auto scaling) {
    auto denoise = preconditioned(raw, scaling);
    double in_vp = 0, in_edm = 0;
    denoise(x, evaluation{vp}, in_vp);
    denoise(x / vp.alpha, evaluation{edm(ratio)}, in_edm);
    REQUIRE_THAT(in_vp, WithinRel(in_edm, 1e-13));
  };
  agree(edm_scaling{});
  agree(consistency_scaling{});
  agree(ve_scaling{});
  agree(vp_scaling{});
  agree(iddpm_scaling{});
}

TEST_CASE("a table's network gives the same data in EDM's coordinates as in its own", "[precondition]")
{
  const vp_table table = scaled_linear_vp();
  for (prediction kind : {prediction::noise, prediction::velocity, prediction::data, prediction::score})
    for (double t : {0.0, 20.0, 333.25, 999.0}) {
      const noise_level own = table(t), there{t, 1, noise_to_signal(own)};
      double expected = 0, found = 0;
      converted(raw, kind, prediction::data)(0.8, evaluation{own}, expected);
      preconditioned(raw, vp_table_scaling{kind})(0.8 / own.alpha, evaluation{there}, found);
      REQUIRE_THAT(found, WithinRel(expected, 1e-12));
    }
  // at EDM's levels the input is divided by sqrt(sigma^2 + 1), as Euler's scheduler of diffusers does
  REQUIRE_THAT(vp_table_scaling{}({499, 1, 3}).in, WithinAbs(1 / std::sqrt(10.0), 1e-15));
  REQUIRE_THAT(vp_table_scaling{}({499, 1, 3}).skip, WithinAbs(1, 1e-15));
  REQUIRE_THAT(vp_table_scaling{}({499, 1, 3}).out, WithinAbs(-3, 1e-14));
}

TEST_CASE("a scratch buffer and a writing network change nothing but the allocations", "[precondition]")
{
  using tensor = std::vector<float>;
  const tensor x{1, -2, 0.5F};
  const auto writes = [](const tensor& in, const evaluation& at, tensor& out) {
    for (std::size_t i = 0; i < in.size(); ++i) out[i] = static_cast<float>(raw(in[i], at));
  };
  const auto returns = [&](const tensor& in, const evaluation& at) {
    tensor out(in.size());
    writes(in, at, out);
    return out;
  };
  const evaluation at{edm(1.5)};
  tensor written(3), buffered(3), returned(3);
  preconditioned(writes, edm_scaling{})(x, at, written);
  preconditioned(writes, edm_scaling{}, tensor(3))(x, at, buffered);
  preconditioned(returns, edm_scaling{})(x, at, returned);
  REQUIRE(written == buffered);
  REQUIRE(written == returned);
  REQUIRE(x == tensor{1, -2, 0.5F});
  auto quiet = preconditioned(writes, edm_scaling{}, tensor(3));
  const std::size_t before = test::allocations;
  quiet(x, at, buffered);
  REQUIRE(test::allocations == before);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto c = edm_scaling{}(at);
    REQUIRE_THAT(static_cast<double>(written[i]),
                 WithinAbs(c.skip * x[i] + c.out * raw(c.in * x[i], {{c.time, 1, 1.5}}), 1e-6));
  }
}

TEST_CASE("targets are handed on by row", "[precondition]")
{
  auto denoise = with_targets([](double, const evaluation& at) { return at.target; }, {5, 7});
  double out = 0;
  denoise(0.0, evaluation{edm(1), 1, 99}, out);
  REQUIRE(out == 7);
  REQUIRE_THROWS_AS(denoise(0.0, evaluation{edm(1), 2}, out), std::out_of_range);
}

TEST_CASE("a network that needs signal is not asked where there is none", "[precondition]")
{
  const evaluation pure_noise{{999, 0, 1}};
  double out = 0;
  REQUIRE_THROWS_WITH(preconditioned(raw, edm_scaling{})(1.0, pure_noise, out), ContainsSubstring("alpha = 0.0"));
  REQUIRE_THROWS_AS(preconditioned(raw, vp_table_scaling{})(1.0, pure_noise, out), std::invalid_argument);
  preconditioned(raw, vp_table_scaling{prediction::velocity})(1.0, pure_noise, out);
  REQUIRE_THAT(out, WithinAbs(-raw(1.0, pure_noise), 1e-15));
}
