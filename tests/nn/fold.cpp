#include "fewstep/nn/fold.hpp"

#include "fewstep/nn/lane.hpp"
#include "fewstep/nn/workspace.hpp"
#include "fewstep/unet/rho.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "fewstep/unet/unet.hpp"
#include "support/catch.hpp"
#include "support/golden_network.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace fewstep;
using Catch::Matchers::ContainsSubstring;
using test::golden_network;

namespace {

using list = std::vector<std::size_t>;

/// ||a - b|| / ||b||.
double relative_error(const nn::images& a, const nn::images& b)
{
  double apart = 0, size = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    apart += std::pow(double(a.values[k]) - double(b.values[k]), 2);
    size += std::pow(double(b.values[k]), 2);
  }
  return std::sqrt(apart / size);
}

/// The network with folded factors and the rest at run time, against all of them at run time.
double error_of(const golden_network& golden, const std::vector<double>& rho)
{
  nn::workspace work;
  const auto [net, rest, folded] = nn::fold_skip_tuning(golden.net, rho);
  const nn::images expected =
      evaluate(nn::lane(golden.net, work, golden.condition), golden.x, golden.at, skip_tuning(rho));
  return relative_error(evaluate(nn::lane(net, work, golden.condition), golden.x, golden.at, skip_tuning(rest)),
                        expected);
}

}  // namespace

TEST_CASE("folded factors give what factors at run time give", "[nn]")
{
  const golden_network golden(GENERATE("a3_class_cond_mnist", "a9_class_embed_timestep", "e2_edm_song_ncsnpp"));
  const std::size_t n = golden.net.connections.size();
  for (const auto& rho : {constant_rho(n, 0.8), linear_rho(n, {.bottom = 0.55, .top = 0.9}), constant_rho(n, 1.3),
                          constant_rho(n, 0.05), constant_rho(n, 0)}) {
    CAPTURE(rho.front());
    REQUIRE(error_of(golden, rho) < 1e-6);
  }
}

TEST_CASE("factors are folded where groups do not straddle the border, and the others are left", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  // decoder and skip have 16 + 16, 24 + 16, 24 + 16, 32 + 24, 32 + 24 and 32 + 32 channels, in 8 groups
  const std::vector<double> rho{0.9, 0.8, 0.7, 0.6, 0.5, 0.4};
  const auto found = nn::fold_skip_tuning(golden.net, rho);
  REQUIRE(found.folded == list{0, 5});
  REQUIRE(found.rho == std::vector<double>{1, 0.8, 0.7, 0.6, 0.5, 1});
  // factors of 1 and negative ones are not for the weights
  REQUIRE(nn::fold_skip_tuning(golden.net, std::vector<double>{1, 1, 1, 1, 1, -0.5}).folded.empty());
}

TEST_CASE("of the widths that ADM's decoder joins, those with aligned groups are the known ones", "[nn]")
{
  const auto aligned = [](std::size_t deep, std::size_t skip) { return nn::detail::is_aligned(deep, deep + skip, 32); };
  REQUIRE(aligned(768, 768));
  REQUIRE(aligned(576, 576));
  REQUIRE(aligned(384, 384));
  REQUIRE(aligned(192, 192));
  REQUIRE(!aligned(768, 576));
  REQUIRE(!aligned(576, 384));
  REQUIRE(!aligned(384, 192));
}

TEST_CASE("a number of factors that the network does not have is not folded", "[nn]")
{
  const golden_network golden("a3_class_cond_mnist");
  REQUIRE_THROWS_WITH(nn::fold_skip_tuning(golden.net, constant_rho(5, 0.8)),
                      ContainsSubstring("5 factors") && ContainsSubstring("6 connections"));
  REQUIRE_THROWS_WITH(nn::fold_skip_tuning(golden.net, std::vector<double>{1, 1, 1, 1, NAN, 1}),
                      ContainsSubstring("connection 4 is nan"));
}
