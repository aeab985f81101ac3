#include "fewstep/nn/classifier_config.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;

TEST_CASE("the configuration of the digits' classifier is read", "[nn]")
{
  const auto config = nn::read_classifier_config(test::in_repository("models/fontdigits-classifier") / "config.json");
  REQUIRE(config.in_channels == 1);
  REQUIRE(config.height == 32);
  REQUIRE(config.width == 32);
  REQUIRE(config.channels == std::vector<std::size_t>{16, 32, 64, 64, 64});
  REQUIRE(config.strides == std::vector<std::size_t>{2, 1, 2, 1, 2});
  REQUIRE(config.classes == 10);
}

TEST_CASE("a configuration that makes no classifier is refused with what is wrong", "[nn]")
{
  const auto file = test::empty_folder("nn_classifier_config") / "config.json";
  const std::string config = test::content_of(test::in_repository("models/fontdigits-classifier") / "config.json");
  const auto refusal = [&](const std::string& what, const std::string& by) {
    std::string text = config;
    test::put(file, text.replace(text.find(what), what.size(), by));
    const std::string sentence = test::refusal<std::runtime_error>([&] { nn::read_classifier_config(file); });
    REQUIRE(sentence.starts_with(file.string() + ": "));
    return sentence.substr(file.string().size() + 2);
  };
  REQUIRE(refusal("\"height\":32", "\"height\":0") == "\"height\" must be positive, but is 0");
  REQUIRE(refusal("[2,1,2,1,2]", "[2,1,2,1]") ==
          "\"strides\" must be as many positive numbers as there are channels, but is an array of 4");
  REQUIRE(refusal("[2,1,2,1,2]", "[2,1,2,1,0]").starts_with("\"strides\" must be as many positive numbers"));
  REQUIRE(refusal("[16,32,64,64,64]", "[]") ==
          "\"channels\" must be one positive number or more, but is an array of 0");
  REQUIRE(refusal("\"classes\":10", "\"classes\":0") == "\"classes\" must be positive, but is 0");
  REQUIRE(refusal("{", "{\"dropout\":0,") == "\"dropout\" says nothing of a classifier");
  REQUIRE(test::refusal<std::runtime_error>([&] { nn::read_classifier_config("none.json"); }) ==
          "none.json: there is no such file");
}
