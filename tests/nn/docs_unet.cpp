/// @file
/// The page on U-Nets with the engine, as it is printed.
#include "snippets/unet_edm.hpp"
#include "snippets/unet_engine.hpp"

#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

TEST_CASE("the engine with both methods, as documented, draws a digit", "[docs][long]")
{
  const nn::network net = nn::load_unet(fewstep::test::in_repository("models/fontdigits-ddpm")).net;
  fewstep::test::numbers next(8);
  nn::images start{1, 1, 32, 32};
  start.values = next(32 * 32, 1.7f);
  const nn::images drawn = draw(net, start, 7);
  // ink and paper are 1 and -1: most pixels of a digit are near one of them, which those of noise are not
  const auto near_one = [](const nn::images& x) {
    return std::count_if(x.values.begin(), x.values.end(), [](float v) { return std::abs(std::abs(v) - 1) < 0.2f; });
  };
  REQUIRE(near_one(drawn) > 700);
  REQUIRE(near_one(start) < 400);
}

namespace {

/// EDM's D(x; sigma), written out (arXiv:2206.00364, eq. 7 and table 1).
std::vector<double> data_at(const nn::lane& lane, const nn::images& shape, const std::vector<double>& x, double sigma)
{
  const double total = std::hypot(sigma, 0.5);
  nn::images scaled = shape;
  for (std::size_t k = 0; k < x.size(); ++k) scaled.values[k] = float(x[k] / total);
  nn::images out;
  lane(scaled, {{std::log(sigma) / 4, 1, 0}}, out);
  std::vector<double> data(x.size());
  for (std::size_t k = 0; k < x.size(); ++k)
    data[k] = 0.25 / (total * total) * x[k] + 0.5 * sigma / total * double(out.values[k]);
  return data;
}

}  // namespace

TEST_CASE("a network of EDM, sampled as documented, follows EDM's algorithm", "[docs]")
{
  const fewstep::test::golden_network golden("e2_edm_song_ncsnpp");
  fewstep::test::numbers next(9);
  nn::images start{1, 3, 16, 16};
  start.values = next(start.size(), 80);

  // algorithm 1, in double
  nn::workspace work;
  const nn::lane lane(golden.net, work);
  std::vector<double> x(start.values.begin(), start.values.end());
  const auto sigma = [](int i) {
    const double high = std::pow(80, 1.0 / 7), low = std::pow(0.002, 1.0 / 7);
    return i == 18 ? 0 : std::pow(high + i / 17.0 * (low - high), 7);
  };
  for (int i = 0; i < 18; ++i) {
    const double from = sigma(i), to = sigma(i + 1);
    const auto first = data_at(lane, start, x, from);
    std::vector<double> ahead(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) ahead[k] = x[k] + (to - from) * (x[k] - first[k]) / from;
    if (to > 0) {
      const auto second = data_at(lane, start, ahead, to);
      for (std::size_t k = 0; k < x.size(); ++k)
        ahead[k] = x[k] + (to - from) / 2 * ((x[k] - first[k]) / from + (ahead[k] - second[k]) / to);
    }
    x = ahead;
  }

  const nn::images drawn = draw_edm(golden.net, start);
  // x is rounded to single precision, by 4e-6 where it is 80; each step shrinks that as it shrinks x
  for (std::size_t k = 0; k < x.size(); ++k)
    REQUIRE_THAT(double(drawn.values[k]), Catch::Matchers::WithinAbs(x[k], 1e-5));
}
