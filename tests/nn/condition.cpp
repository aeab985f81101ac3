#include "fewstep/nn/condition.hpp"

#include "fewstep/nn/lane.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;

namespace {

/// What a lane of the network with 11 classes, or of the one without, says to a condition and to images.
std::string refusal(const test::golden_network& golden, nn::conditioning condition, const nn::images& x)
{
  return test::refusal<std::invalid_argument>([&] {
    nn::workspace work;
    const nn::lane lane(golden.net, work, std::move(condition));
    lane.embed(x, golden.at);
  });
}

}  // namespace

TEST_CASE("a condition that the network cannot take is refused before any work", "[nn]")
{
  const test::golden_network classes("a3_class_cond_mnist"), plain("a10_small_signal_eps");
  const nn::images one{1, 1, 32, 32}, two{2, 1, 32, 32}, colour{1, 3, 16, 16};
  const double infinity = std::numeric_limits<double>::infinity();
  using labels = std::vector<int>;

  REQUIRE(refusal(classes, {.class_labels = {11}}, one) == "a class label must be 0 to 10, but is 11");
  REQUIRE(refusal(classes, {.class_labels = {3, -1}}, two) == "a class label must be 0 to 10, but is -1");
  REQUIRE(refusal(classes, {}, one) == "the network needs a class label, 0 to 10, but was given none");
  REQUIRE(refusal(plain, {.class_labels = labels(1)}, colour) ==
          "the network knows no classes, but was given 1 class labels");
  REQUIRE(refusal(classes, {.class_labels = {1, 2, 3}}, two) ==
          "there must be a class label for each of 2 images, or one for all, but there are 3");
  REQUIRE(refusal(plain, {.timesteps = {1, 2}}, colour) ==
          "there must be a time for each of 1 images, but there are 2");
  REQUIRE(refusal(plain, {.timesteps = {infinity}}, colour) == "a time must be finite, but is inf");
}

TEST_CASE("images that the network cannot take are refused before any work", "[nn]")
{
  const test::golden_network plain("a10_small_signal_eps");
  const std::string takes =
      "the network takes images with 3 channels and a height and width that are multiples of 2, but was given ";
  REQUIRE(refusal(plain, {}, {1, 4, 16, 16}) == takes + "(1, 4, 16, 16)");
  REQUIRE(refusal(plain, {}, {1, 3, 17, 16}) == takes + "(1, 3, 17, 16)");
  REQUIRE(refusal(plain, {}, {1, 3, 16, 3}) == takes + "(1, 3, 16, 3)");
  REQUIRE(refusal(plain, {}, {0, 3, 16, 16}) == takes + "(0, 3, 16, 16)");
  REQUIRE(refusal(plain, {}, {1, 3, 0, 16}) == takes + "(1, 3, 0, 16)");
  REQUIRE(refusal(plain, {}, {1, 3, 2, 2, {1, 2}}) == "images of shape (1, 3, 2, 2) must hold 12 numbers, but hold 2");
}
