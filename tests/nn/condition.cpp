#include "fewstep/nn/condition.hpp"

#include "fewstep/nn/lane.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/golden_network.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <variant>
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

TEST_CASE("a text that the network cannot read is refused before any work", "[nn]")
{
  const test::golden_network reading("b5_small_signal_eps"), plain("a10_small_signal_eps");
  const nn::images two{2, 4, 16, 16};
  REQUIRE(refusal(reading, {}, two) == "the network reads a text of width 16, but was given none");
  REQUIRE(refusal(reading, {.text = {1, 77, 768}}, two) ==
          "the network reads a text of width 16, but was given one of shape (1, 77, 768)");
  REQUIRE(refusal(reading, {.text = {1, 2, 16, {1}}}, two) ==
          "a text of shape (1, 2, 16) must hold 32 numbers, but holds 1");
  REQUIRE(refusal(reading, {.text = {1, 0, 16}}, two) ==
          "a text of shape (1, 0, 16) must hold at least one number, but holds 0");
  REQUIRE(refusal(reading, {.text = {3, 7, 16}}, two) ==
          "there must be a text for each of 2 images, or one for all, but there are 3");
  REQUIRE(refusal(plain, {.text = {1, 77, 768}}, {1, 3, 16, 16}) ==
          "the network reads no text, but was given one of shape (1, 77, 768)");
}

TEST_CASE("a pooled text, sizes and a guidance that the network cannot take are refused before any work", "[nn]")
{
  test::golden_network golden("a10_small_signal_eps");
  const nn::images two{2, 3, 16, 16};
  REQUIRE(refusal(golden, {.pooled = {1, 1, 8}}, two) ==
          "the network takes neither a pooled text nor sizes of the picture");
  REQUIRE(refusal(golden, {.guidance = {7.5}}, two) ==
          "the network was not distilled with a guidance, but was told 7.500000");

  nn::embedder& e = golden.net.conditions;
  e.guidance = nn::convolution{.in = 4, .out = 8};
  REQUIRE(refusal(golden, {}, two) == "the network needs the weight of the guidance, but was told none");
  REQUIRE(refusal(golden, {.guidance = {-INFINITY}}, two) == "the weight of the guidance must be finite, but is -inf");
  REQUIRE(refusal(golden, {.guidance = {1, 2, 3}}, two) ==
          "there must be a weight of the guidance for each of 2 images, or one for all, but there are 3");

  e.guidance.reset();
  e.added = nn::added_layers{{.width = 4}, {{.in = 20, .out = 8}, {.in = 8, .out = 8}}};
  const auto sizes_of = [](std::size_t count) { return std::vector<double>(count, 64.0); };
  const std::string made =
      "a pooled text and sizes of the picture, 4 numbers for each, must make 20 numbers for an image, but "
      "there are a text of shape ";
  REQUIRE(refusal(golden, {}, two) == made + "(0, 0, 0) and 0 sizes");
  REQUIRE(refusal(golden, {.pooled = {1, 1, 8}}, two) == made + "(1, 1, 8) and 0 sizes");
  REQUIRE(refusal(golden, {.pooled = {1, 1, 8}, .picture_sizes = sizes_of(4)}, two) == made + "(1, 1, 8) and 4 sizes");
  REQUIRE(refusal(golden, {.pooled = {1, 1, 10}, .picture_sizes = sizes_of(2)}, two) ==
          made + "(1, 1, 10) and 2 sizes");
  REQUIRE(refusal(golden, {.pooled = {1, 1, 24}, .picture_sizes = sizes_of(2)}, two) ==
          made + "(1, 1, 24) and 2 sizes");
  REQUIRE(refusal(golden, {.pooled = {1, 2, 8}, .picture_sizes = sizes_of(3)}, two) ==
          "a pooled text is one vector, but was given with shape (1, 2, 8)");
  REQUIRE(refusal(golden, {.pooled = {3, 1, 8}, .picture_sizes = sizes_of(3)}, two) ==
          "there must be a pooled text for each of 2 images, or one for all, but there are 3");
  REQUIRE(refusal(golden, {.pooled = {1, 1, 8}, .picture_sizes = sizes_of(9)}, two) ==
          "there must be a list of sizes for each of 2 images, or one for all, but there are 3");
  REQUIRE(refusal(golden, {.pooled = {1, 1, 8}, .picture_sizes = {64, NAN, 0}}, two) ==
          "a size of the picture must be finite, but is nan");
}

TEST_CASE("a class that is a number is asked for, one for each image or one for all", "[nn]")
{
  const test::golden_network numbers("a9_class_embed_timestep");
  const nn::images three{3, 2, 16, 16};
  const double infinity = std::numeric_limits<double>::infinity();
  REQUIRE(refusal(numbers, {.class_values = {2.5}}, three) == "(nothing was thrown)");
  REQUIRE(refusal(numbers, {}, three) == "the network takes 1 class values for an image, but was given 0");
  REQUIRE(refusal(numbers, {.class_labels = {1}, .class_values = {1}}, three) ==
          "the network knows no classes, but was given 1 class labels");
  REQUIRE(refusal(numbers, {.class_values = {1, 2}}, three) ==
          "there must be 1 class values for each of 3 images, or for all of them, but there are 2");
  REQUIRE(refusal(numbers, {.class_values = {-infinity}}, three) == "a class value must be finite, but is -inf");
  REQUIRE(refusal(test::golden_network("a10_small_signal_eps"), {.class_values = {1}}, {1, 3, 16, 16}) ==
          "the network takes 0 class values for an image, but was given 1");
}

TEST_CASE("a class that is a vector is asked for, one for each image or one for all", "[nn]")
{
  test::golden_network vectors("a9_class_embed_timestep");
  vectors.net.conditions.classes = nn::class_vectors{};
  const nn::images two{2, 2, 16, 16};
  const auto values = [](std::size_t count) { return nn::conditioning{.class_values = std::vector<double>(count, 1)}; };
  REQUIRE(refusal(vectors, values(32), two) == "(nothing was thrown)");
  REQUIRE(refusal(vectors, values(64), two) == "(nothing was thrown)");
  REQUIRE(refusal(vectors, values(33), two) == "the network takes 32 class values for an image, but was given 33");
  REQUIRE(refusal(vectors, values(96), two) ==
          "there must be 32 class values for each of 2 images, or for all of them, but there are 96");
}

TEST_CASE("no class need be named to a network that has a row for none", "[nn]")
{
  test::golden_network some("a3_class_cond_mnist");
  auto& table = std::get<nn::class_table>(some.net.conditions.classes);
  table.classes = 10;  // and the eleventh row is for none
  table.has_none = true;
  const nn::images one{1, 1, 32, 32};
  REQUIRE(refusal(some, {}, one) == "(nothing was thrown)");
  REQUIRE(refusal(some, {.class_labels = {10}}, one) == "a class label must be 0 to 9, but is 10");
}

TEST_CASE("times that have no logarithm are not for a network that takes it", "[nn]")
{
  test::golden_network fourier("a10_small_signal_eps");
  fourier.net.conditions.time = nn::fourier_waves{{1, 2, 3, 4}, true};
  const nn::images one{1, 3, 16, 16};
  REQUIRE(refusal(fourier, {.timesteps = {2}}, one) == "(nothing was thrown)");
  REQUIRE(refusal(fourier, {.timesteps = {-1}}, one) ==
          "the network takes the logarithm of a time, which must be positive, but is -1.000000");
  fourier.at.t = 0;
  REQUIRE(refusal(fourier, {}, one) ==
          "the network takes the logarithm of a time, which must be positive, but is 0.000000");
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
