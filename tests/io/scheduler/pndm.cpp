#include "fewstep/io/scheduler/pndm.hpp"

#include "support/catch.hpp"
#include "support/scheduler_files.hpp"

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/sample.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

using Catch::Matchers::WithinAbs;
using namespace fewstep;
using fewstep::test::scheduler_file;
using fewstep::test::times;

namespace {

double model(double x, double t)
{
  return std::tanh(0.8 * x) * (0.6 + 0.4 * std::cos(0.01 * t));
}

/// PNDMScheduler.step_plms on a number (diffusers, scheduling_pndm.py), in its own variables: alpha-bar, a counter and
/// a list of outputs.
struct official_pndm {
  vp_table table;
  std::vector<double> list;  ///< times, the second twice
  std::size_t steps;
  bool velocity;
  double final_signal;

  double signal(double t) const { return t < 0 ? final_signal : std::pow(table(t).alpha, 2); }

  double previous(double x, double t, double before, double m) const
  {
    const double a = signal(t), b = signal(before);
    if (velocity) m = std::sqrt(a) * m + std::sqrt(1 - a) * x;
    const double coefficient = a * std::sqrt(1 - b) + std::sqrt(a * (1 - a) * b);
    return std::sqrt(b / a) * x - (b - a) * m / coefficient;
  }

  double run(double x) const
  {
    const double stride = static_cast<double>(table.steps() / steps);
    std::vector<double> ets;
    double start = x;
    for (std::size_t counter = 0; counter < list.size(); ++counter) {
      double t = list[counter], before = t - stride;
      const double m = model(x, t);
      if (counter == 1)
        before = t, t += stride;
      else
        ets.push_back(m);
      const std::size_t n = ets.size();
      const auto e = [&](std::size_t j) { return ets[n - j]; };
      double mean = m;
      if (n == 1 && counter == 1)
        mean = (m + e(1)) / 2;
      else if (n == 2)
        mean = (3 * e(1) - e(2)) / 2;
      else if (n == 3)
        mean = (23 * e(1) - 16 * e(2) + 5 * e(3)) / 12;
      else if (n >= 4)
        mean = (55 * e(1) - 59 * e(2) + 37 * e(3) - 9 * e(4)) / 24;
      if (n == 1 && counter == 0) start = x;
      x = previous(counter == 1 ? start : x, t, before, mean);
    }
    return x;
  }
};

}  // namespace

TEST_CASE("PNDM's file plans PLMS to the first level", "[io]")
{
  const scheduler_config config = scheduler_file("PNDM", R"("skip_prk_steps": true)");
  // the tenth time is 0, the first level, where a run ends
  const std::vector<double> nine{900, 800, 700, 600, 500, 400, 300, 200, 100};
  REQUIRE(plan_of(config, 10) == plms(grid_at(linear_vp(), nine, grid_end::first_level)));
  const scheduler_config shifted = scheduler_file("PNDM", R"("skip_prk_steps": true, "steps_offset": 1)");
  REQUIRE(plan_of(shifted, 10) == plms(leading(linear_vp(), 10, 1, grid_end::first_level)));
}

TEST_CASE("with diffusers_compatible PNDM is diffusers' own, whatever the spacing and the prediction", "[io]")
{
  const auto [spacing, offset, velocity] = GENERATE(table<std::string, int, bool>({{"leading", 0, false},
                                                                                   {"leading", 1, false},
                                                                                   {"leading", 1, true},
                                                                                   {"trailing", 0, false},
                                                                                   {"linspace", 0, false},
                                                                                   {"linspace", 0, true}}));
  for (const std::size_t steps : {1u, 2u, 3u, 5u, 7u, 12u}) {
    CAPTURE(spacing, offset, velocity, steps);
    const scheduler_config config =
        scheduler_file("PNDM", R"("skip_prk_steps": true, "timestep_spacing": ")" + spacing + R"(", "steps_offset": )" +
                                   std::to_string(offset) + R"(, "prediction_type": ")" +
                                   (velocity ? "v_prediction" : "epsilon") + "\"");
    const sampling_plan plan = plan_of(config, steps, {.diffusers_compatible = true});
    const vp_table table = linear_vp();
    const double end = std::pow(table(0).alpha, 2);
    const double theirs = official_pndm{table, times(plan), steps, velocity, end}.run(0.7);
    const auto denoise =
        converted([](double x, const noise_level& at) { return model(x, at.t); }, config.predicts, plan.predicts);
    REQUIRE_THAT(sample(plan, 0.7, denoise), WithinAbs(theirs, 1e-11 * std::max(1.0, std::abs(theirs))));
  }
}

TEST_CASE("the second time is visited twice", "[io]")
{
  const scheduler_config config = scheduler_file("PNDM", R"("skip_prk_steps": true, "steps_offset": 1)");
  for (const bool compatible : {false, true})
    REQUIRE(times(plan_of(config, 5, {.diffusers_compatible = compatible})) ==
            std::vector<double>{801, 601, 601, 401, 201, 1});
}
