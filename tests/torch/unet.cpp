/// @file
/// The page on U-Nets with a LibTorch module, as it is printed.
#include "snippets/unet_torch.hpp"

#include "fewstep/unet/deep_cache.hpp"
#include "fewstep/unet/refresh.hpp"
#include "fewstep/unet/skip_ratio.hpp"
#include "fewstep/unet/skip_tuning.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace fewstep;

namespace {

evaluation at_row(std::size_t row, double t)
{
  return {{t, 1, t}, row, 0};
}

/// The network and its input, without gradients.
struct scene {
  c10::InferenceMode no_gradients{};
  small_unet module{{6, 10, 12}};
  opened net{&module};
  at::Tensor x = at::sin(at::arange(2 * 3 * 16 * 8).to(at::kFloat)).reshape({2, 3, 16, 8});
};

}  // namespace

TEST_CASE("a LibTorch module, as documented, is a U-Net", "[torch]")
{
  static_assert(unet<opened, at::Tensor>);
  const scene s;
  const at::Tensor y = evaluate(s.net, s.x, at_row(0, 500));
  REQUIRE(y.sizes() == s.x.sizes());

  // the same as straight code
  const at::Tensor t = s.net.embed(s.x, at_row(0, 500));
  const at::Tensor d0 = s.net.down(0, s.x, t), d1 = s.net.down(1, d0, t), d2 = s.net.down(2, d1, t);
  const at::Tensor u1 = s.net.up(2, s.net.middle(d2, t), d2, t);
  REQUIRE(at::equal(y, s.net.leave(s.net.up(0, s.net.up(1, u1, d1, t), d0, t), t)));
}

TEST_CASE("Skip-Tuning of a LibTorch module scales what is joined, and leaves all else", "[torch]")
{
  const scene s;
  const auto run = [&](std::vector<double> rho) { return evaluate(s.net, s.x, at_row(0, 500), skip_tuning(rho)); };
  const at::Tensor plain = evaluate(s.net, s.x, at_row(0, 500));
  REQUIRE(at::equal(run({1, 1, 1}), plain));
  const at::Tensor t = s.net.embed(s.x, at_row(0, 500));
  const at::Tensor d0 = s.net.down(0, s.x, t), d1 = s.net.down(1, d0, t), d2 = s.net.down(2, d1, t);
  const at::Tensor u1 = s.net.up(2, s.net.middle(d2, t), 0.5 * d2, t);
  const at::Tensor expected = s.net.leave(s.net.up(0, s.net.up(1, u1, 0.25 * d1, t), d0, t), t);
  REQUIRE(at::allclose(run({1, 0.25, 0.5}), expected, 1e-5, 1e-6));
  REQUIRE(!at::allclose(expected, plain, 1e-3, 1e-4));
}

TEST_CASE("a cache of a LibTorch module gives the bits of the whole network at the same input", "[torch]")
{
  const scene s;
  const at::Tensor plain = evaluate(s.net, s.x, at_row(0, 500));
  for (std::size_t branch = 0; branch < 3; ++branch) {
    deep_cache<at::Tensor> cache({.branch = branch, .refresh = every(4)});
    REQUIRE(at::equal(evaluate(s.net, s.x, at_row(0, 500), plain_join{}, cache), plain));
    const void* const kept = cache.kept()->feature.data_ptr();
    REQUIRE(at::equal(evaluate(s.net, s.x, at_row(1, 500), plain_join{}, cache), plain));
    REQUIRE(cache.kept()->feature.data_ptr() == kept);
    REQUIRE(cache.report().bytes == cache.kept()->feature.nbytes());
    REQUIRE(cache.report().refreshes == 1);
    // 16 x 8 turned into 8 x 16
    const at::Tensor turned = s.x.transpose(2, 3).contiguous();
    REQUIRE(at::equal(evaluate(s.net, turned, at_row(2, 500), plain_join{}, cache),
                      evaluate(s.net, turned, at_row(2, 500))));
  }
}

TEST_CASE("refreshes by movement and skip ratios work on LibTorch's tensors", "[torch]")
{
  const scene s;
  deep_cache<at::Tensor> cache({.branch = 1, .refresh = when_moved(0.05)});
  for (std::size_t row = 0; row < 4; ++row)
    evaluate(s.net, s.x * (row < 2 ? 1 : 2), at_row(row, 500), plain_join{}, cache);
  REQUIRE(cache.report().refreshes == 2);
  const auto ratios = skip_ratios(s.net, std::vector<probe<at::Tensor>>{{s.x, at_row(0, 500)}});
  const at::Tensor t = s.net.embed(s.x, at_row(0, 500));
  const double expected = s.net.down(0, s.x, t).norm().item<double>();
  REQUIRE_THAT(ratios[0].connections[0].skip, Catch::Matchers::WithinRel(expected, 1e-5));
}
