/// @file
/// The page on latent diffusion, as it is printed, on networks of random weights.
#include "snippets/latent_diffusion.hpp"

#include "fewstep/nn/load_autoencoder.hpp"
#include "support/catch.hpp"
#include "support/features.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

/// Evaluates both halves by hand.
struct both_halves {
  const nn::lane &wanted, &unwanted;

  void operator()(const nn::images& x, const evaluation& at, nn::images& out) const
  {
    nn::images away;
    wanted(x, at, out), unwanted(x, at, away);
    for (std::size_t k = 0; k < out.size(); ++k) out.values[k] += 6.5f * (out.values[k] - away.values[k]);
  }
};

}  // namespace

TEST_CASE("a text, guided away from another, becomes a picture, as documented", "[docs]")
{
  const test::golden_network golden("b5_small_signal_eps");
  const auto folder = test::in_repository("tests/golden/unets/c3_autoencoder_kl_small_signal");
  const auto vae = nn::load_autoencoder(model_files{folder / "config.json", folder / "model.safetensors"}).net;
  test::numbers next(17);
  const nn::encoded_text prompt{1, 7, 16, next(7 * 16)}, negative{1, 3, 16, next(3 * 16)};
  nn::images start{2, 4, 8, 6};
  start.values = next(start.size(), 1.7f);

  const nn::images picture = draw(golden.net, vae, prompt, negative, start);
  REQUIRE((picture.count == 2 && picture.channels == 3 && picture.height == 16 && picture.width == 12));

  // the same with guidance by hand
  nn::workspace work;
  const nn::lane wanted(golden.net, work, {.text = prompt}), unwanted(golden.net, work, {.text = negative});
  const auto plan = dpm_solver_pp(trailing(scaled_linear_vp(), 20), {.order = 2});
  nn::images state = sample(plan, start, converted(both_halves{wanted, unwanted}, prediction::noise, plan.predicts));
  for (float& x : state.values) x /= 0.18215f;
  const nn::images expected = nn::decode(vae, state, work);
  const double size =
      std::abs(double(*std::ranges::max_element(expected.values, {}, [](float v) { return std::abs(v); })));
  // roundings of 20 steps, 7.5 times as large by guidance and passed on by a network of random weights
  REQUIRE_THAT(test::largest_difference(picture, expected), WithinAbs(0, 1e-3 * (1 + size)));
  REQUIRE(draw(golden.net, vae, negative, prompt, start) != picture);
}
