#include "fewstep/nn/autoencoder.hpp"

#include "fewstep/io/safetensors.hpp"
#include "fewstep/nn/load_autoencoder.hpp"
#include "fewstep/nn/workspace.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

struct golden_autoencoder {
  std::filesystem::path folder = test::in_repository("tests/golden/unets/c3_autoencoder_kl_small_signal");
  nn::autoencoder net = nn::load_autoencoder(model_files{folder / "config.json", folder / "model.safetensors"}).net;
  safetensors_file io = safetensors_file::open(folder / "io.safetensors");
};

}  // namespace

TEST_CASE("the decoder gives the pictures of diffusers", "[nn]")
{
  const golden_autoencoder golden;
  REQUIRE(golden.net.reduction == 2);
  for (const std::size_t threads : {1u, 2u}) {
    nn::workspace work(threads);
    const nn::images found = nn::decode(golden.net, test::images_at(golden.io, "latent"), work);
    // the case's suggested_atol, for both
    for (const char* name : {"decoded", "decoded_double"})
      REQUIRE_THAT(test::largest_difference(found, test::images_at(golden.io, name)), WithinAbs(0, 3e-5));
  }
}

TEST_CASE("the encoder gives the mean and the logarithm of the variance, in this order", "[nn]")
{
  const golden_autoencoder golden;
  nn::workspace work;
  const nn::latent_law law = nn::encode(golden.net, test::images_at(golden.io, "image"), work);
  const nn::images expected = test::images_at(golden.io, "moments");
  REQUIRE((expected.count == 1 && expected.channels == 8));
  for (std::size_t k = 0; k < law.mean.size(); ++k) {
    REQUIRE_THAT(double(law.mean.values[k]), WithinAbs(double(expected.values[k]), 1e-5));
    const float other = expected.values[law.mean.size() + k];
    REQUIRE_THAT(double(law.log_variance.values[k]), WithinAbs(double(other), 1e-5));
  }
}

TEST_CASE("a picture of a batch is encoded as it is alone", "[nn]")
{
  const golden_autoencoder golden;
  test::numbers next(61);
  nn::images two{2, 3, 8, 6};
  two.values = next(two.size());
  nn::images second{1, 3, 8, 6};
  second.values.assign(two.values.begin() + 144, two.values.end());
  nn::workspace work;
  const nn::latent_law both = nn::encode(golden.net, two, work), alone = nn::encode(golden.net, second, work);
  REQUIRE((both.mean.count == 2 && both.mean.channels == 4 && both.mean.height == 4 && both.mean.width == 3));
  for (std::size_t k = 0; k < 48; ++k) {
    REQUIRE(both.mean.values[48 + k] == alone.mean.values[k]);
    REQUIRE(both.log_variance.values[48 + k] == alone.log_variance.values[k]);
  }
}

TEST_CASE("latents are drawn from their law by the caller's noise", "[nn]")
{
  const nn::latent_law law{{1, 1, 1, 4, {1, -2, 3, 4}}, {1, 1, 1, 4, {0, 2, -1e3f, 1e3f}}};
  const nn::images z = nn::draw(law, {1, 1, 1, 4, {0.5f, -1, 1, 1}});
  REQUIRE_THAT(double(z.values[0]), WithinAbs(1.5, 1e-6));
  REQUIRE_THAT(double(z.values[1]), WithinAbs(-2 - std::exp(1.0), 1e-6));
  // the logarithm is kept within -30 and 20
  REQUIRE_THAT(double(z.values[2]), WithinAbs(3 + std::exp(-15.0), 1e-6));
  REQUIRE_THAT(double(z.values[3]), WithinAbs(4 + std::exp(10.0), 1e-2));
}

TEST_CASE("a sampler's states and a decoder's latents are told apart by factor and shift", "[nn]")
{
  const golden_autoencoder golden;
  REQUIRE(golden.net.scale.factor == 0.18215);
  REQUIRE(golden.net.scale.shift == 0);
  const nn::latent_scale scale{.factor = 0.5, .shift = 0.25};
  const nn::images x{1, 1, 1, 2, {1, -3}};
  REQUIRE(nn::latents_of(scale, x).values == std::vector<float>{2.25f, -5.75f});
  REQUIRE(nn::states_of(scale, nn::latents_of(scale, x)) == x);
}

TEST_CASE("images that an autoencoder cannot take are refused before any work", "[nn]")
{
  const golden_autoencoder golden;
  nn::workspace work;
  const auto refusal = [](auto&& f) { return test::refusal<std::invalid_argument>(f); };
  REQUIRE(refusal([&] {
            nn::decode(golden.net, {1, 3, 8, 8}, work);
          }) ==
          "the decoder takes images with 4 channels and a height and width that are multiples of 1, but was given "
          "(1, 3, 8, 8)");
  REQUIRE(refusal([&] {
            nn::encode(golden.net, {1, 3, 8, 7}, work);
          }) ==
          "the encoder takes images with 3 channels and a height and width that are multiples of 2, but was given "
          "(1, 3, 8, 7)");
  REQUIRE(refusal([&] {
            nn::decode(golden.net, {1, 4, 1, 1, {1}}, work);
          }) == "images of shape (1, 4, 1, 1) must hold 4 numbers, but hold 1");
  REQUIRE(refusal([&] {
            nn::draw({{1, 1, 1, 2}, {1, 1, 1, 2}}, {1, 1, 2, 1});
          }) == "latents of shape (1, 1, 1, 2) cannot be drawn with noise of shape (1, 1, 2, 1)");
}
