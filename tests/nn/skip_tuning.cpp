#include "fewstep/unet/skip_tuning.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/unet/rho.hpp"
#include "fewstep/unet/skip_ratio.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using test::golden_network;

namespace {

nlohmann::json expectations(const golden_network& golden)
{
  return nlohmann::json::parse(test::content_of(golden.folder / "expect.json"));
}

}  // namespace

TEST_CASE("Skip-Tuning of the engine gives the outputs of PyTorch", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  const auto file = safetensors_file::open(golden.folder / "skip_tuning.safetensors");
  nn::workspace work;
  const nn::lane lane(golden.net, work, golden.condition);
  std::size_t runs = 0;
  const nlohmann::json expected = expectations(golden);
  for (const auto& run : expected["skip_tuning"]["runs"]) {
    const std::string name = run["name"];
    CAPTURE(name);
    std::vector<double> rho = run["rho_by_push_index"];
    if (name == "uniform_0p8") rho = constant_rho(6, 0.8);
    if (name == "ramp_0p55_to_1") rho = linear_rho(6, {.bottom = 0.55, .top = 1});
    nn::images out;
    lane(golden.x, golden.at, out, skip_tuning(rho));
    const double tolerance = run["tolerance"]["suggested_atol"];
    REQUIRE_THAT(test::largest_difference(out, test::images_at(file, name + ".output")), WithinAbs(0, tolerance));
    ++runs;
  }
  REQUIRE(runs == 3);
}

TEST_CASE("skip ratios of the engine are those of PyTorch", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  nn::workspace work;
  const nn::lane lane(golden.net, work, golden.condition);
  const auto found = skip_ratios(lane, std::vector<probe<nn::images>>{{golden.x, golden.at}});
  REQUIRE(found.size() == 1);
  const nlohmann::json expected = expectations(golden);
  REQUIRE(expected["skips"]["table"].size() == 6);
  for (const auto& row : expected["skips"]["table"]) {
    const skip_ratio& ratio = found[0].connections.at(row["push_index"].get<std::size_t>());
    // features of unit size are wrong by 1e-6 or so each
    REQUIRE_THAT(ratio.skip, WithinRel(row["skip_l2"].get<double>(), 1e-6));
    REQUIRE_THAT(ratio.deep, WithinRel(row["decoder_l2"].get<double>(), 1e-6));
    REQUIRE_THAT(ratio.value(), WithinRel(row["ratio"].get<double>(), 2e-6));
  }
}

TEST_CASE("on the engine, factors of 1 leave every bit and factors of 0 are skips of zeros", "[nn]")
{
  for (const std::string name : {"a3_class_cond_mnist", "a6_nonsquare_batch3"}) {
    const golden_network golden(name);
    nn::workspace work;
    const nn::lane lane(golden.net, work, golden.condition);
    const std::size_t n = lane.connections();
    const nn::images plain = evaluate(lane, golden.x, golden.at);
    REQUIRE(evaluate(lane, golden.x, golden.at, skip_tuning(constant_rho(n, 1))) == plain);
    const auto zero = [](std::size_t, const nn::feature&, nn::feature& skip, const evaluation&) {
      std::fill_n(skip.data(), skip.size(), 0.0f);
    };
    const nn::images without = evaluate(lane, golden.x, golden.at, zero);
    REQUIRE(evaluate(lane, golden.x, golden.at, skip_tuning(constant_rho(n, 0))) == without);
    REQUIRE(test::largest_difference(without, plain) > 0.01);
  }
}

TEST_CASE("Skip-Tuning allocates nothing", "[nn]")
{
  const golden_network golden("a10_small_signal_eps");
  nn::workspace work;
  const nn::lane lane(golden.net, work, golden.condition);
  const skip_tuning tuned(linear_rho(lane.connections(), {.bottom = 0.6, .top = 1}));
  nn::images out;
  lane(golden.x, golden.at, out, tuned);
  const std::size_t before = test::allocations;
  lane(golden.x, golden.at, out, tuned);
  REQUIRE(test::allocations == before);
}
