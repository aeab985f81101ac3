#include "fewstep/nn/layer_weights.hpp"

#include "fewstep/io/safetensors_writer.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

using namespace fewstep;

TEST_CASE("linear layers over one input become one, in their order", "[nn]")
{
  const std::vector<float> first{1, 2, 3, 4}, second{5, 6, 7, 8}, bias{10, 20}, other{30, 40};
  const std::vector<tensor_view> tensors{view_of("a.weight", first, {2, 2}), view_of("a.bias", bias, {2}),
                                         view_of("b.weight", second, {2, 2}), view_of("b.bias", other, {2})};
  const std::string bytes = safetensors_text(tensors);
  nn::weights from(read_safetensors(std::as_bytes(std::span(bytes)), "w.safetensors"));
  const nn::convolution both = nn::detail::load_linears(from, {"a", "b"}, 2, 2);
  from.require_empty();

  nn::workspace work;
  nn::feature x = work.make(1, 2);
  x.data()[0] = 1, x.data()[1] = 100;
  const nn::feature y = convolve(both, nn::plain(x), {}, work);
  REQUIRE(std::vector<float>(y.data(), y.data() + 4) == std::vector<float>{211, 423, 635, 847});
}
