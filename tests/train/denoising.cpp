#include "fewstep/train/denoising.hpp"

#include "support/catch.hpp"
#include "support/gaussian_batch.hpp"

#include "fewstep/schedule/schedules.hpp"
#include "fewstep/train/level_sampling.hpp"

#include <cstddef>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using namespace fewstep;
using test::numbers;

namespace {

const train::batch<numbers> four_numbers{{0.5, -1, 2, 0.25}, {1.5, 0.3, -0.7, -2}};
const std::vector<noise_level> both_levels{linear_vp()(900), linear_vp()(40)};

}  // namespace

TEST_CASE("a network that knows data and noise has no denoising loss, whatever it predicts", "[train]")
{
  for (const auto kind :
       {prediction::data, prediction::noise, prediction::velocity, prediction::score, prediction::flow}) {
    const auto oracle = [&](const numbers&, train::batch_levels levels) {
      return train::prediction_target(kind, four_numbers, levels);
    };
    REQUIRE(train::denoising(oracle, kind, four_numbers, both_levels).losses == numbers{0, 0});
    // what it says determines the data
    const numbers data =
        train::converted(oracle, kind)(noised(four_numbers, both_levels), train::batch_levels(both_levels));
    for (std::size_t i = 0; i < data.size(); ++i) REQUIRE_THAT(data[i], WithinRel(four_numbers.data[i], 1e-12));
  }
}

TEST_CASE("the loss on noise is the loss on data weighed by the signal-to-noise ratio", "[train]")
{
  const auto noise = [](const numbers& x, train::batch_levels) { return x; };
  const numbers on_noise = train::denoising(noise, prediction::noise, four_numbers, both_levels).losses;
  const numbers on_data =
      train::denoising(train::converted(noise, prediction::noise), prediction::data, four_numbers, both_levels).losses;
  const numbers weights = train::loss_weights(train::weighting::snr, both_levels);
  for (std::size_t k = 0; k < 2; ++k) REQUIRE_THAT(on_noise[k], WithinRel(weights[k] * on_data[k], 1e-12));
}

TEST_CASE("the denoising loss of the best denoiser is the posterior variance", "[train]")
{
  // data and noise at mean +- deviation: sums over the four corners are exact for squares
  const gaussian_data law;
  const double low = law.mean - law.deviation, high = law.mean + law.deviation;
  const train::batch<numbers> corners{{low, low, high, high}, {-1, 1, -1, 1}};
  const noise_level level{0, 0.8, 0.6};
  const std::vector<noise_level> all(4, level);
  const auto result = train::denoising(test::exact_data(law), prediction::data, corners, all);
  const double total = law.deviation_at(level), variance = law.deviation * level.sigma / total;
  REQUIRE_THAT(train::mean(result.losses)[0], WithinRel(variance * variance, 1e-13));
}

TEST_CASE("denoising refuses a batch without a level for each sample", "[train]")
{
  const auto noise = [](const numbers& x, train::batch_levels) { return x; };
  const std::vector<noise_level> three(3, both_levels[0]);
  REQUIRE_THROWS_WITH(train::denoising(noise, prediction::noise, four_numbers, three),
                      ContainsSubstring("data of shape (4) cannot be a batch of 3 samples"));
}
