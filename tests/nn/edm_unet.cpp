#include "fewstep/nn/edm_unet.hpp"

#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "support/catch.hpp"
#include "support/golden_network.hpp"

#include <cstddef>
#include <string>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

const char* const ncsnpp = "e2_edm_song_ncsnpp";

nn::images image(const nn::images& x, std::size_t k)
{
  const auto size = static_cast<std::ptrdiff_t>(x.size() / x.count);
  const auto first = x.values.begin() + static_cast<std::ptrdiff_t>(k) * size;
  return {1, x.channels, x.height, x.width, std::vector<float>(first, first + size)};
}

}  // namespace

TEST_CASE("the network inside gives the output of EDM's code", "[nn]")
{
  const test::golden_network golden(ncsnpp);
  nn::workspace work;
  const nn::images out = evaluate(nn::lane(golden.net, work, golden.condition), golden.x, golden.at);
  // the suggested_atol: ten times what rounding of the original does to it
  REQUIRE_THAT(test::largest_difference(out, golden.output), WithinAbs(0, 2e-5));
}

TEST_CASE("preconditioned as the network says, it predicts the data that EDM's code predicts, with tuned skips, too",
          "[nn]")
{
  const test::golden_network golden(ncsnpp);
  const auto tuned = safetensors_file::open(golden.folder / "skip_tuning.safetensors");
  const nn::images x = test::images_at(golden.io, "sample");
  const auto sigmas = to_double(golden.io.at("sigma"));
  nn::workspace work;
  const nn::lane lane(golden.net, work);
  const auto require_data = [&](const std::vector<double>& rho, const nn::images& expected) {
    skip_tuning<> join(rho);
    const auto network = [&](const nn::images& in, const evaluation& at, nn::images& out) { lane(in, at, out, join); };
    for (std::size_t k = 0; k < x.count; ++k) {
      nn::images data = image(x, k);
      preconditioned(network, *golden.net.preconditioning)(image(x, k), {edm_schedule{}(sigmas[k])}, data);
      REQUIRE_THAT(test::largest_difference(data, image(expected, k)), WithinAbs(0, 1e-5));
    }
  };
  require_data(std::vector<double>(6, 1), test::images_at(golden.io, "output"));
  for (const std::string run : {"uniform_0p8", "ramp_0p55_to_1", "one_skip_only"})
    require_data(to_double(tuned.at(run + ".rho")), test::images_at(tuned, run + ".output"));
}

TEST_CASE("connections are numbered as EDM's encoder pushes them, and the second path forks and ends", "[nn]")
{
  const test::golden_network golden(ncsnpp);
  const auto& connections = golden.net.connections;
  REQUIRE(connections.size() == 6);
  // conv, block, then down and block at two levels: the path begins at the image and behind its first end
  const std::vector<bool> forks{true, false, false, true, false, false}, merges{false, false, true, false, true, false};
  for (std::size_t i = 0; i < 6; ++i) {
    REQUIRE(connections[i].forks == forks[i]);
    REQUIRE(connections[i].merges.has_value() == merges[i]);
  }
  REQUIRE(golden.net.middle.size() == 3);
  REQUIRE(golden.net.size_multiple == 4);
  REQUIRE(golden.net.preconditioning->sigma_data == 0.5);
  REQUIRE(nn::class_count(golden.net.conditions) == 0);
}
