/// @file
/// The page on latent diffusion, as it is printed, on networks of random weights.
#include "snippets/latent_diffusion.hpp"

#include "fewstep/nn/load_autoencoder.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <array>
#include <cstddef>
#include <vector>

using namespace fewstep;

namespace {

std::vector<float> twice(std::vector<float> first, const std::vector<float>& second)
{
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// Guidance with both halves in one batch.
struct both_at_once {
  const nn::lane& both;

  void operator()(const nn::images& x, const evaluation& at, nn::images& out) const
  {
    nn::images y;
    both({2 * x.count, x.channels, x.height, x.width, twice(x.values, x.values)}, at, y);
    const auto middle = y.values.begin() + static_cast<std::ptrdiff_t>(x.size());
    out = x;
    out.values.assign(y.values.begin(), middle);
    nn::images away = x;
    away.values.assign(middle, y.values.end());
    tensor_traits<nn::images>::combine(out, 7.5, std::array{term<nn::images>{-6.5, &away}});
  }
};

}  // namespace

TEST_CASE("a text, guided away from another, becomes a picture, as documented", "[docs]")
{
  const test::golden_network golden("b5_small_signal_eps");
  const auto folder = test::in_repository("tests/golden/unets/c3_autoencoder_kl_small_signal");
  const auto vae = nn::load_autoencoder(model_files{folder / "config.json", folder / "model.safetensors"}).net;
  test::numbers next(17);
  const nn::encoded_text prompt{1, 7, 16, next(7 * 16)}, negative{1, 7, 16, next(7 * 16)};
  nn::images start{1, 4, 8, 6};
  start.values = next(start.size(), 1.7f);

  const nn::images picture = draw(golden.net, vae, prompt, negative, start);
  REQUIRE((picture.count == 1 && picture.channels == 3 && picture.height == 16 && picture.width == 12));
  REQUIRE(draw(golden.net, vae, negative, prompt, start) != picture);

  // a batch changes no bit
  nn::workspace work;
  const nn::lane both(golden.net, work, {.text = {2, 7, 16, twice(prompt.values, negative.values)}});
  const auto plan = dpm_solver_pp(trailing(scaled_linear_vp(), 20), {.order = 2});
  const nn::images state = sample(plan, start, converted(both_at_once{both}, prediction::noise, plan.predicts));
  REQUIRE(nn::decode(vae, nn::latents_of(vae.scale, state), work) == picture);
}
