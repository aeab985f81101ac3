#include "fewstep/nn/weights.hpp"

#include "fewstep/io/safetensors_writer.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;

namespace {

const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
const std::vector<double> wide{0.5, 0.25};
const std::vector<std::int32_t> whole{1, 2};

std::string file()
{
  const std::vector<tensor_view> tensors{view_of("a", numbers, {2, 3}), view_of("b", wide, {2}),
                                         view_of("c", whole, {2})};
  return safetensors_text(tensors);
}

nn::weights opened(const std::string& bytes)
{
  return nn::weights(read_safetensors(std::as_bytes(std::span(bytes)), "w.safetensors"));
}

}  // namespace

TEST_CASE("tensors are handed out once, as floats, and the rest is known", "[nn]")
{
  const std::string bytes = file();
  nn::weights from = opened(bytes);
  REQUIRE(from.take("a", {2, 3}) == numbers);
  REQUIRE(from.left() == std::vector<std::string>{"b", "c"});
  REQUIRE(from.take("b", {2}) == std::vector<float>{0.5f, 0.25f});
  REQUIRE(test::refusal<std::runtime_error>([&] { from.take("b", {2}); }) ==
          "w.safetensors: tensor \"b\" is needed twice");
  REQUIRE(test::refusal<std::runtime_error>([&] { from.require_empty(); }) ==
          "w.safetensors: the network has no place for 1 of the tensors: \"c\"");
}

TEST_CASE("tensors that are missing, of another shape or of whole numbers are refused by name", "[nn]")
{
  const std::string bytes = file();
  nn::weights from = opened(bytes);
  const auto take = [&](const char* name, std::vector<std::size_t> shape) {
    return test::refusal<std::runtime_error>([&] { from.take(name, shape); });
  };
  REQUIRE(take("d", {1}) == "w.safetensors: there is no tensor \"d\"");
  REQUIRE(take("a", {3, 2}) == "w.safetensors: tensor \"a\" must have shape [3, 2], but has [2, 3]");
  REQUIRE(take("a", {6}) == "w.safetensors: tensor \"a\" must have shape [6], but has [2, 3]");
  REQUIRE(take("c", {2}) == "w.safetensors: tensor \"c\" must hold floating-point numbers, but has dtype I32");
  REQUIRE(from.left().size() == 3);
}

TEST_CASE("tensors of several files are found wherever they are", "[nn]")
{
  const auto folder = test::empty_folder("nn_weights");
  const std::vector<tensor_view> first{view_of("a", numbers, {2, 3})}, second{view_of("b", wide, {2})};
  write_safetensors(folder / "1.safetensors", first);
  write_safetensors(folder / "2.safetensors", second);
  const auto index =
      test::put(folder / "w.safetensors.index.json", R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})");
  nn::weights from = nn::weights::open(index);
  REQUIRE((from.has("a") && from.has("b") && !from.has("c")));
  REQUIRE(from.take("b", {2}) == std::vector<float>{0.5f, 0.25f});
  REQUIRE(from.left() == std::vector<std::string>{"a"});
  REQUIRE(from.take("a", {2, 3}) == numbers);
  REQUIRE_NOTHROW(from.require_empty());
  REQUIRE(test::refusal<std::runtime_error>([&] { from.take("c", {1}); }) ==
          (folder / "1.safetensors").string() + ": there is no tensor \"c\"");
}
