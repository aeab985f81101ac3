#include "fewstep/nn/read_design.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;

namespace {

/// A blueprint that wants a positive width.
struct width_alone {
  int width = 0;
};

void check(const width_alone& design)
{
  if (design.width <= 0) throw std::invalid_argument("width must be positive, but is " + std::to_string(design.width));
}

}  // namespace

TEST_CASE("what was read is checked under its file's name, and keys without effect are told from unknown ones", "[nn]")
{
  const json::value document = json::parse(R"({"dropout": 0.1, "colour": 3})");
  json::object_reader config(document, "config.json");
  const auto read = nn::detail::checked(width_alone{5}, config, {"dropout"}, "config.json");
  REQUIRE(read.design.width == 5);
  REQUIRE(read.unused == std::vector<std::string>{"colour"});
  REQUIRE(test::refusal<std::runtime_error>([&] { nn::detail::checked(width_alone{-1}, config, {}, "config.json"); }) ==
          "config.json: width must be positive, but is -1");
}
