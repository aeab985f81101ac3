#include "fewstep/io/scheduler/denoiser.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include "fewstep/tensor/contiguous.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

using Catch::Matchers::WithinAbs;
using namespace fewstep;
using fewstep::test::scheduler_file;

namespace {

using vector = std::array<double, 3>;

/// What is called, and what it says.
double network(double x, double t)
{
  return 0.3 * x + 0.001 * t;
}

/// The first number of what the plan weighs at a level, and of what gives its direction.
struct seen {
  double data, direction;
};

seen ask(const scheduler_config& config, const sampling_plan& plan, const noise_level& at, const vector& x,
         const denoiser_options& options = {})
{
  const auto raw = [](const vector& y, const noise_level& level) {
    return vector{network(y[0], level.t), network(y[1], level.t), network(y[2], level.t)};
  };
  const evaluation here{at, 0, at.t};
  const auto call = [&](auto denoise) -> seen {
    if constexpr (single_denoiser<decltype(denoise), vector>) {
      vector out{};
      predict(denoise, x, here, out);
      return {out[0], out[0]};
    } else {
      two_estimates<vector> out{};
      predict(denoise, x, here, out);
      return {out.data[0], out.direction[0]};
    }
  };
  return with_denoiser(config, plan, raw, call, options);
}

double data_seen(const std::string& name, const std::string& members, const noise_level& at, double x)
{
  const scheduler_config config = scheduler_file(name, members);
  return ask(config, plan_of(config, 4), at, {x, x, x}).data;
}

const noise_level half_way = scaled_linear_vp()(499);

}  // namespace

TEST_CASE("networks on a table are called with x and their prediction is turned into data", "[io]")
{
  const auto [t, a, s] = half_way;
  const double x = 0.4, f = network(x, t);
  for (const char* name : {"DDIM", "DDPM"}) {
    const auto seen = [&](const std::string& kind) {
      return data_seen(name, R"("clip_sample": false, "prediction_type": ")" + kind + "\"", half_way, x);
    };
    REQUIRE_THAT(seen("epsilon"), WithinAbs((x - s * f) / a, 1e-14));
    REQUIRE_THAT(seen("v_prediction"), WithinAbs(a * x - s * f, 1e-14));
    REQUIRE_THAT(seen("sample"), WithinAbs(f, 1e-14));
  }
  REQUIRE_THAT(data_seen("TCD", "", half_way, x), WithinAbs((x - s * f) / a, 1e-14));
  REQUIRE_THAT(data_seen("DPMSolverMultistep", "", half_way, x), WithinAbs((x - s * f) / a, 1e-14));
}

TEST_CASE("the Euler family scales the input of the network", "[io]")
{
  const double s = 3, x = 2, in = 1 / std::sqrt(s * s + 1), f = network(in * x, 700);
  for (const char* name : {"EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete"}) {
    REQUIRE_THAT(data_seen(name, "", {700, 1, s}, x), WithinAbs(x - s * f, 1e-14));
    REQUIRE_THAT(data_seen(name, R"("prediction_type": "v_prediction")", {700, 1, s}, x),
                 WithinAbs(x / (s * s + 1) - s * in * f, 1e-14));
  }
}

TEST_CASE("EDM's networks see EDM's scalings, with the other sign for velocities", "[io]")
{
  const double s = 3, d = 0.5, x = 2, total = std::sqrt(s * s + d * d), f = network(x / total, std::log(s) / 4);
  for (const char* name : {"EDMEuler", "EDMDPMSolverMultistep"}) {
    REQUIRE_THAT(data_seen(name, "", {s, 1, s}, x), WithinAbs(d * d / (total * total) * x + s * d / total * f, 1e-14));
    REQUIRE_THAT(data_seen(name, R"("prediction_type": "v_prediction")", {s, 1, s}, x),
                 WithinAbs(d * d / (total * total) * x - s * d / total * f, 1e-14));
  }
}

TEST_CASE("consistency models have their boundary, and are clipped after it", "[io]")
{
  const double s = 3, d = 0.5, e = 0.002, x = 2;
  const double f = network(x / std::sqrt(s * s + d * d), 250 * std::log(s));
  const double data = d * d / ((s - e) * (s - e) + d * d) * x + d * (s - e) / std::sqrt(s * s + d * d) * f;
  REQUIRE_THAT(data_seen("CMStochasticIterative", R"("clip_denoised": false)", {s, 1, s}, x), WithinAbs(data, 1e-14));
  REQUIRE_THAT(data_seen("CMStochasticIterative", "", {e, 1, e}, x), WithinAbs(1, 1e-14));
}

TEST_CASE("LCM has its boundary around data that are clipped", "[io]")
{
  const auto [t, a, s] = half_way;
  const double x = 4, data = (x - s * network(x, t)) / a, scaled = 10 * t, total = scaled * scaled + 0.25;
  REQUIRE(data > 1);
  const auto whole = [&](double inner) { return 0.25 / total * x + scaled / std::sqrt(total) * inner; };
  REQUIRE_THAT(data_seen("LCM", "", half_way, x), WithinAbs(whole(data), 1e-13));
  REQUIRE_THAT(data_seen("LCM", R"("clip_sample": true)", half_way, x), WithinAbs(whole(1), 1e-14));
}

TEST_CASE("a flow's network predicts the noise less the data and counts to 1000", "[io]")
{
  REQUIRE_THAT(data_seen("FlowMatchEulerDiscrete", "", {0.6, 0.4, 0.6}, 2),
               WithinAbs(2 - 0.6 * network(2, 600), 1e-14));
}

TEST_CASE("DDIM goes on from the unclipped prediction unless that is switched off", "[io]")
{
  const scheduler_config config = scheduler_file("DDIM");
  const auto [t, a, s] = half_way;
  const double x = 4, data = (x - s * network(x, t)) / a;
  const sampling_plan plan = plan_of(config, 4);
  const seen kept = ask(config, plan, half_way, {x, x, x});
  REQUIRE(kept.data == 1);
  REQUIRE_THAT(kept.direction, WithinAbs(data, 1e-14));
  REQUIRE(ask(config, plan, half_way, {x, x, x}, {.use_clipped_output = true}).direction == 1);
  REQUIRE(ask(scheduler_file("DDPM"), plan, half_way, {x, x, x}).direction == 1);
}

TEST_CASE("thresholding measures each sample", "[io]")
{
  const scheduler_config config = scheduler_file(
      "DPMSolverMultistep",
      R"("prediction_type": "sample", "thresholding": true, "dynamic_thresholding_ratio": 0.5, "sample_max_value": 9)");
  const vector x{2, 4, 20};
  const auto data = [&](double y) { return network(y, half_way.t); };
  const sampling_plan plan = plan_of(config, 4);
  // the median of magnitudes is the second: 1.2 + 0.499
  REQUIRE_THAT(ask(config, plan, half_way, x).data, WithinAbs(data(2) / data(4), 1e-14));
  // each number by itself: the first is held at the least threshold, 1
  REQUIRE_THAT(ask(config, plan, half_way, x, {.samples = 3}).data, WithinAbs(std::min(data(2), 1.0), 1e-14));
}

TEST_CASE("solvers on noise get noise, of bounded data where the file says so", "[io]")
{
  const std::string members = R"("algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min")";
  const auto [t, a, s] = half_way;
  const double x = 4;
  REQUIRE_THAT(data_seen("DPMSolverMultistep", members, half_way, x), WithinAbs(network(x, t), 1e-14));
  REQUIRE_THAT(data_seen("DPMSolverMultistep", members + R"(, "thresholding": true)", half_way, x),
               WithinAbs((x - a * 1) / s, 1e-14));
  REQUIRE_THAT(data_seen("PNDM", R"("skip_prk_steps": true)", half_way, x), WithinAbs(network(x, t), 1e-14));
}
