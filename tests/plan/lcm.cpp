#include "fewstep/plan/lcm.hpp"

#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/plan/check.hpp"
#include "fewstep/sample.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace fewstep;

TEST_CASE("LCM's times are those of the published rule", "[lcm]")
{
  using times = std::vector<double>;
  REQUIRE(lcm_times(1000, 1) == times{999});
  REQUIRE(lcm_times(1000, 2) == times{999, 499});
  REQUIRE(lcm_times(1000, 3) == times{999, 679, 339});
  REQUIRE(lcm_times(1000, 4) == times{999, 759, 499, 259});
  REQUIRE(lcm_times(1000, 5) == times{999, 799, 599, 399, 199});
  REQUIRE(lcm_times(1000, 6) == times{999, 839, 679, 499, 339, 179});
  REQUIRE(lcm_times(1000, 8) == times{999, 879, 759, 639, 499, 379, 259, 139});
  REQUIRE(lcm_times(1000, 16) == times{999, 939, 879, 819, 759, 699, 639, 579, 499, 439, 379, 319, 259, 199, 139, 79});
  REQUIRE(lcm_times(1000, 4, {.strength = 0.5}) == times{499, 379, 259, 139});
  REQUIRE(lcm_times(1000, 4, {.original_steps = 100}) == times{999, 749, 499, 249});
  REQUIRE(lcm_times(1000, 4, {.original_steps = 1000}) == times{999, 749, 499, 249});
}

TEST_CASE("LCM's times carry the rounding of the library that chose them", "[lcm]")
{
  // NumPy multiplies by the stride: 11 * (30 / 22) is below 15 in double, though 11 * 30 / 22 is 15
  REQUIRE(std::floor(11 * (30.0 / 22.0)) == 14);
  REQUIRE(lcm_times(1000, 22, {.strength = 0.6})[11] == (30 - 14) * 20 - 1);
}

TEST_CASE("an LCM run is the recursion of the paper with its boundary scalings", "[lcm]")
{
  const vp_table table = scaled_linear_vp();
  const auto times = lcm_times(1000, 4);
  const sampling_plan plan = lcm(table, times);
  const auto predicted = [](double x, const noise_level& at) { return std::tanh(x) + 1e-3 * at.t; };
  std::size_t drawn = 0;
  const auto normal = [&](double, const evaluation&) { return 0.3 * static_cast<double>(++drawn) - 0.8; };
  const double x = sample(plan, 1.7, preconditioned(predicted, lcm_scaling{}), normal);
  REQUIRE(drawn == 3);

  double expected = 1.7;
  for (std::size_t k = 0; k < 4; ++k) {
    const double s = times[k] / 0.1, total = s * s + 0.25;  // the training code divides by 0.1
    const double f = 0.25 / total * expected + s / std::sqrt(total) * predicted(expected, table(times[k]));
    const double z = 0.3 * static_cast<double>(k + 1) - 0.8;
    expected = k < 3 ? table(times[k + 1]).alpha * f + table(times[k + 1]).sigma * z : f;
  }
  REQUIRE_THAT(x, WithinAbs(expected, 1e-12));
  for (const auto& [signal, variance] : law_residuals(plan)) {
    REQUIRE(signal == 0);
    REQUIRE_THAT(variance, WithinAbs(0, 1e-15));
  }
}

TEST_CASE("the guidance embedding is that of the official code", "[lcm]")
{
  // guidance_scale_embedding(w = 3, 16 dimensions) of the LCM training script, run in double
  const std::vector<double> official{0.21918997428281808, 0.5320494992684103,  0.7605703929045202,  0.9803571239209558,
                                     0.16872820348222448, -0.8556957409327698, 0.8993489136085984,  0.2955202066613393,
                                     -0.9756821998857504, 0.8467132515369261,  -0.6492554793277172, 0.19723060000271728,
                                     -0.9856626163904468, -0.5174792739323171, 0.43723166810174435, 0.9553364891256061};
  const auto embedding = guidance_embedding(4, 16);
  REQUIRE(embedding.size() == official.size());
  for (std::size_t i = 0; i < official.size(); ++i)
    REQUIRE_THAT(embedding[i], WithinAbs(official[i], 3000 * 4e-16));  // angles up to 3000
  REQUIRE(guidance_embedding(1).size() == 256);
  REQUIRE(guidance_embedding(1)[0] == 0);
  REQUIRE(guidance_embedding(1)[128] == 1);
}

TEST_CASE("LCM refuses times that it cannot have", "[lcm]")
{
  REQUIRE_THROWS_WITH(lcm_times(1000, 51), ContainsSubstring("50 times") && ContainsSubstring("51 steps"));
  REQUIRE_THROWS_WITH(lcm_times(1000, 26, {.strength = 0.5}), ContainsSubstring("25 times"));
  REQUIRE_THROWS_AS(lcm_times(1000, 0), std::invalid_argument);
  REQUIRE_THROWS_AS(lcm_times(1000, 4, {.original_steps = 0}), std::invalid_argument);
  REQUIRE_THROWS_WITH(lcm_times(1000, 4, {.original_steps = 1001}), ContainsSubstring("1001"));
  REQUIRE_THROWS_AS(lcm_times(1000, 4, {.strength = 0}), std::invalid_argument);
  REQUIRE_THROWS_AS(lcm_times(1000, 4, {.strength = 1.01}), std::invalid_argument);
  REQUIRE_THROWS_AS(lcm_times(1000, 4, {.strength = NAN}), std::invalid_argument);
  REQUIRE_THROWS_AS(lcm(scaled_linear_vp(), std::vector<double>{259, 499}), std::invalid_argument);
  REQUIRE_THROWS_WITH(guidance_embedding(8, 15), ContainsSubstring("15"));
  REQUIRE_THROWS_AS(guidance_embedding(8, 2), std::invalid_argument);
}
