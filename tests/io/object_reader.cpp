#include "fewstep/io/object_reader.hpp"

#include "fewstep/io/json/convert.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;
using fewstep::test::empty_folder;
using fewstep::test::in_repository;
using fewstep::test::put;
using fewstep::test::refusal;
using json::object_reader;

namespace {

enum class spacing { leading, trailing };

object_reader reader(const char* text)
{
  return {json::parse(text), "config.json"};
}

}  // namespace

TEST_CASE("members are read as the type that is asked for", "[io][object_reader]")
{
  object_reader config = reader(R"({"n": -3, "x": 2.5, "on": true, "word": "w", "list": [1, 2], "rows": [[1.5], []],
                                    "none": null, "huge": 18446744073709551615})");
  REQUIRE(config.get<int>("n") == -3);
  REQUIRE(config.get<double>("n") == -3.0);
  REQUIRE(config.get<float>("x") == 2.5f);
  REQUIRE(config.get<bool>("on"));
  REQUIRE(config.get<std::string>("word") == "w");
  REQUIRE(config.get<std::vector<std::size_t>>("list") == std::vector<std::size_t>{1, 2});
  REQUIRE(config.get<std::vector<std::vector<double>>>("rows") == std::vector<std::vector<double>>{{1.5}, {}});
  REQUIRE(config.get<std::uint64_t>("huge") == 18446744073709551615u);
  REQUIRE(config.get<std::optional<int>>("none") == std::nullopt);
  REQUIRE(config.get<std::optional<int>>("n") == -3);
}

TEST_CASE("a fallback stands in for a missing member only", "[io][object_reader]")
{
  object_reader config = reader(R"({"n": 3, "none": null})");
  REQUIRE(config.get_or("n", 7) == 3);
  REQUIRE(config.get_or("missing", 7) == 7);
  REQUIRE(config.get_or<std::string>("missing", "linear") == "linear");
  REQUIRE(config.find<int>("n") == 3);
  REQUIRE(config.find<int>("missing") == std::nullopt);
  REQUIRE(config.find<int>("none") == std::nullopt);
  REQUIRE(refusal<std::runtime_error>([&] { config.get_or("none", 7); }) ==
          "config.json: \"none\" must be an integer of 32 bits, but is null");
}

TEST_CASE("a value of another type is refused with its place", "[io][object_reader]")
{
  object_reader config = reader(R"({"block_out_channels": [32, 64, "a"], "n": 2.0, "big": 300, "minus": -1,
      "huge": 18446744073709551615, "rows": [[0], [1, {}]], "text": "line\nbreak", "none": null, "a": {"b": {"c": []}}})");
  const auto refused = [&]<class T>(const char* key, T) {
    return refusal<std::runtime_error>([&] { config.get<T>(key); });
  };
  REQUIRE(refused("block_out_channels", std::vector<std::uint64_t>{}) ==
          "config.json: \"block_out_channels\"[2] must be a non-negative integer of 64 bits, but is \"a\"");
  REQUIRE(refused("n", 0) == "config.json: \"n\" must be an integer of 32 bits, but is 2.0");
  REQUIRE(refused("big", std::int8_t{}) == "config.json: \"big\" must be an integer of 8 bits, but is 300");
  REQUIRE(refused("minus", 0u) == "config.json: \"minus\" must be a non-negative integer of 32 bits, but is -1");
  REQUIRE(refused("huge", std::int64_t{}) ==
          "config.json: \"huge\" must be an integer of 64 bits, but is 18446744073709551615");
  REQUIRE(refused("rows", std::vector<std::vector<double>>{}) ==
          "config.json: \"rows\"[1][1] must be a number, but is an object");
  REQUIRE(refused("text", 0.0) == "config.json: \"text\" must be a number, but is \"line\\nbreak\"");
  REQUIRE(refused("rows", true) == "config.json: \"rows\" must be true or false, but is an array of 2");
  REQUIRE(refused("none", std::string{}) == "config.json: \"none\" must be a string, but is null");
  REQUIRE(refused("n", std::vector<int>{}) == "config.json: \"n\" must be an array, but is 2.0");
  REQUIRE(refused("missing", 0) == "config.json: \"missing\" is missing");
}

TEST_CASE("a word stands for a value or is refused with the list of words", "[io][object_reader]")
{
  object_reader config = reader(R"({"spacing": "trailing", "other": "karras"})");
  const auto read = [&](const char* key) {
    return config.one_of<spacing>(key, {{"leading", spacing::leading}, {"trailing", spacing::trailing}});
  };
  REQUIRE(read("spacing") == spacing::trailing);
  REQUIRE(config.one_of_or<spacing>("missing", {{"leading", spacing::leading}}, spacing::trailing) ==
          spacing::trailing);
  REQUIRE(refusal<std::runtime_error>([&] { read("other"); }) ==
          "config.json: \"other\" must be one of \"leading\", \"trailing\", but is \"karras\"");
  REQUIRE(refusal<std::runtime_error>([&] { read("missing"); }) == "config.json: \"missing\" is missing");
}

TEST_CASE("keys that were not used are listed in the order of the document", "[io][object_reader]")
{
  object_reader config = reader(R"({"z": 1, "used": 2, "a": null, "seen": 4, "ignored": 5})");
  config.get<int>("used");
  config.get_or("seen", 0);
  config.get_or("missing", 0);
  config.ignore("ignored");
  config.ignore("absent");
  REQUIRE(config.has("z"));
  REQUIRE(config.unused() == std::vector<std::string>{"z", "a"});
}

TEST_CASE("objects within objects are read by readers of their own", "[io][object_reader]")
{
  object_reader config = reader(R"({"plan": {"at": {"t": "x"}, "extra": 1}, "rows": [{"t": 1}, {"t": null}], "n": 1})");
  object_reader plan = config.child("plan");
  REQUIRE(refusal<std::runtime_error>([&] { plan.child("at").get<double>("t"); }) ==
          "config.json: \"plan\".\"at\".\"t\" must be a number, but is \"x\"");
  REQUIRE(plan.unused() == std::vector<std::string>{"extra"});

  auto rows = config.children("rows");
  REQUIRE(rows[0].get<int>("t") == 1);
  REQUIRE(refusal<std::runtime_error>([&] { rows[1].get<int>("t"); }) ==
          "config.json: \"rows\"[1].\"t\" must be an integer of 32 bits, but is null");
  REQUIRE(refusal<std::runtime_error>([&] { config.child("n"); }) == "config.json: \"n\" must be an object, but is 1");
  REQUIRE(refusal<std::runtime_error>([&] { config.children("plan"); }) ==
          "config.json: \"plan\" must be an array, but is an object");
}

TEST_CASE("a requirement of one's own is refused in the same words", "[io][object_reader]")
{
  object_reader config = reader(R"({"groups": 0})");
  config.require(true, "groups", "never said");
  REQUIRE(refusal<std::runtime_error>([&] { config.require(config.get<int>("groups") > 0, "groups", "positive"); }) ==
          "config.json: \"groups\" must be positive, but is 0");
  REQUIRE(refusal<std::runtime_error>([&] { config.refuse("unet", "a network"); }) ==
          "config.json: \"unet\" must be a network, but is missing");
}

TEST_CASE("a document that is no object is refused", "[io][object_reader]")
{
  REQUIRE(refusal<std::runtime_error>([&] { reader("[1, 2]"); }) ==
          "config.json: the document must be an object, but is an array of 2");
  const auto path = put(empty_folder("object_reader_file") / "config.json", "7");
  REQUIRE(refusal<std::runtime_error>([&] { json::read_object(path); }) ==
          path.string() + ": the document must be an object, but is 7");
}

TEST_CASE("the configuration of a real checkpoint is read", "[io][object_reader]")
{
  object_reader config = json::read_object(in_repository("models/fontdigits-ddpm/unet/config.json"));
  REQUIRE(config.get<std::vector<int>>("block_out_channels") == std::vector{24, 48, 96});
  REQUIRE(config.get<double>("norm_eps") == 1e-5);
  REQUIRE(config.find<int>("attn_norm_num_groups") == std::nullopt);
}
