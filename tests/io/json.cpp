#include "fewstep/io/json.hpp"

#include "fewstep/io/json/parser.hpp"
#include "fewstep/io/json/text.hpp"
#include "fewstep/io/json/value.hpp"
#include "fewstep/io/json/writer.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;
using namespace fewstep;
using fewstep::test::contains;
using fewstep::test::content_of;
using fewstep::test::empty_folder;
using fewstep::test::in_repository;
using fewstep::test::put;
using fewstep::test::refusal;
using nlohmann::ordered_json;

namespace {

/// Whether our value and theirs are the same, key order and integer against number included.
bool same(const json::value& ours, const ordered_json& theirs)
{
  const auto holds = [&](const auto* held) { return held && *held == theirs; };
  switch (ours.kind()) {
    case json::kind::null:
      return theirs.is_null();
    case json::kind::boolean:
      return theirs.is_boolean() && holds(ours.get_if<bool>());
    case json::kind::integer:
      return theirs.is_number_integer() && (holds(ours.get_if<std::int64_t>()) || holds(ours.get_if<std::uint64_t>()));
    case json::kind::number:
      return theirs.is_number_float() && holds(ours.get_if<double>());
    case json::kind::string:
      return theirs.is_string() && holds(ours.get_if<std::string>());
    case json::kind::array: {
      const auto& list = *ours.get_if<json::array>();
      if (!theirs.is_array() || theirs.size() != list.size()) return false;
      return std::equal(list.begin(), list.end(), theirs.begin(), same);
    }
    case json::kind::object: {
      const auto& list = *ours.get_if<json::object>();
      const auto both = [](const auto& a, const auto& b) { return a.first == b.first && same(a.second, b.second); };
      if (!theirs.is_object() || theirs.size() != list.size()) return false;
      const auto& members = theirs.get_ref<const ordered_json::object_t&>();
      return std::equal(list.begin(), list.end(), members.begin(), both);
    }
  }
  return false;
}

std::string complaint(std::string_view text, const json::limits& accepts = {})
{
  return refusal<std::runtime_error>([&] { json::parse(text, accepts); });
}

bool accepted(std::string_view text)
{
  return complaint(text) == "(nothing was thrown)";
}

const std::vector<std::string> valid{"null",
                                     "true",
                                     "false",
                                     "0",
                                     "-0",
                                     "-1",
                                     "7",
                                     "[]",
                                     "{}",
                                     R"("")",
                                     " \t\r\n[ ] \n",
                                     "[[[]]]",
                                     "[1,2 , 3]",
                                     "9223372036854775807",
                                     "-9223372036854775808",
                                     "9223372036854775808",
                                     "18446744073709551615",
                                     "18446744073709551616",
                                     "-9223372036854775809",
                                     "123456789012345678901234567890",
                                     "0.5",
                                     "-0.0",
                                     "1e5",
                                     "1E+5",
                                     "1e-5",
                                     "0e0",
                                     "-0e-0",
                                     "1.7976931348623157e308",
                                     "2.2250738585072014e-308",
                                     "5e-324",
                                     "4.9e-324",
                                     "1e-400",
                                     "-1e-400",
                                     "0.000e400",
                                     "0e99999999999999999999",
                                     "0.1",
                                     "3.141592653589793238462643383279502884",
                                     R"("\"\\\/\b\f\n\r\t")",
                                     R"("\u0000\u001f\u007f\u00e9\u20ac\ud83d\ude00\uFFFF\uD800\uDC00")",
                                     "\"\x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf \xee\x80\x80\"",
                                     R"({"a":{"b":[{"c":null}]},"d":-1.5})",
                                     R"({"b":1,"a":2,"":3})",
                                     R"({"long key with spaces é":[true,false,null,"x",1,1.0]})",
                                     R"({"k0":0,"k1":1,"k2":2,"k3":3,"k4":4,"k5":5,"k6":6,"k7":7,"k8":8,"k9":9})"};

struct refused {
  std::string text;
  std::string sentence;
};

const std::vector<refused> invalid{
    {"", "line 1, column 1: the document ends where a value must follow"},
    {"  \n ", "line 2, column 2: the document ends where a value must follow"},
    {"[1,\n 2,\n x]", "line 3, column 2: a value must follow"},
    {"nul", "line 1, column 1: a value must follow"},
    {"nulll", "line 1, column 5: something follows the end of the document"},
    {"1 2", "line 1, column 3: something follows the end of the document"},
    {"{}}", "line 1, column 3: something follows the end of the document"},
    {std::string("[]\0", 3), "line 1, column 3: something follows the end of the document"},
    {"\xef\xbb\xbf[]", "line 1, column 1: a value must follow"},
    {"True", "a value must follow"},
    {"NaN", "a value must follow"},
    {"Infinity", "a value must follow"},
    {"-Infinity", "line 1, column 2: a digit must follow"},
    {"'a'", "a value must follow"},
    {"// no", "a value must follow"},
    {"[1 // no\n]", "\",\" or \"]\" must follow"},
    {"[", "line 1, column 2: the document ends where a value must follow"},
    {"[1", "line 1, column 3: \",\" or \"]\" must follow"},
    {"[1 2]", "line 1, column 4: \",\" or \"]\" must follow"},
    {"[1,]", "line 1, column 4: a value must follow"},
    {"[,1]", "line 1, column 2: a value must follow"},
    {"[1}", "\",\" or \"]\" must follow"},
    {"{1:2}", "line 1, column 2: a key in quotes must follow"},
    {"{a:2}", "a key in quotes must follow"},
    {R"({"a" 1})", "line 1, column 6: \":\" must follow"},
    {R"({"a":})", "line 1, column 6: a value must follow"},
    {R"({"a":1,})", "line 1, column 8: a key in quotes must follow"},
    {R"({"a":1 "b":2})", "\",\" or \"}\" must follow"},
    {R"({"a":1)", "\",\" or \"}\" must follow"},
    {R"({"a)", "the document ends inside a string"},
    {"01", "line 1, column 2: something follows"},
    {"-", "line 1, column 2: a digit must follow"},
    {"+1", "a value must follow"},
    {".5", "a value must follow"},
    {"1.", "line 1, column 3: a digit must follow"},
    {"1.e5", "a digit must follow"},
    {"1e", "a digit must follow"},
    {"1e+", "line 1, column 4: a digit must follow"},
    {"0x10", "something follows"},
    {"-01", "something follows"},
    {"1_000", "something follows"},
    {"[1e400]", "line 1, column 2: the number is out of the range of a double"},
    {"-1e99999999999999999999", "line 1, column 1: the number is out of the range of a double"},
    {"123456789e301", "out of the range"},
    {"0.001e312", "out of the range"},
    {R"("abc)", "line 1, column 5: the document ends inside a string"},
    {R"("abc\)", "unknown escape"},
    {R"("\x41")", "line 1, column 2: unknown escape in a string"},
    {R"("\u12")", "\\u needs four hexadecimal digits"},
    {R"("\u12g4")", "\\u needs four hexadecimal digits"},
    {R"("\u-123")", "\\u needs four hexadecimal digits"},
    {R"("\ud800")", "line 1, column 2: half of a surrogate pair"},
    {R"("\ud800x")", "half of a surrogate pair"},
    {R"("\ud800\u0041")", "half of a surrogate pair"},
    {R"("\ude00\ud83d")", "half of a surrogate pair"},
    {"\"a\nb\"", "line 1, column 3: a control character in a string must be escaped"},
    {std::string("\"a\0b\"", 5), "a control character in a string must be escaped"},
    {"\"\x80\"", "line 1, column 2: the string is not UTF-8"},
    {"\"\xc0\x80\"", "the string is not UTF-8"},
    {"\"\xed\xa0\x80\"", "the string is not UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "the string is not UTF-8"},
    {"\"\xe2\x82", "the string is not UTF-8"},
};

}  // namespace

TEST_CASE("valid documents are read as another reader reads them", "[io][json]")
{
  for (const std::string& text : valid) {
    CAPTURE(text);
    const json::value ours = json::parse(text);
    REQUIRE(same(ours, ordered_json::parse(text)));
    REQUIRE(same(ours, ordered_json::parse(json::write(ours))));
    REQUIRE(json::parse(json::write(ours, {.indent = 2})) == ours);
  }
}

TEST_CASE("invalid documents are refused at the place where they go wrong", "[io][json]")
{
  for (const auto& [text, sentence] : invalid) {
    const std::string found = complaint(text);
    CAPTURE(text, found);
    REQUIRE(contains(found, sentence));
    // the other reader skips a byte-order mark and stops at a null byte
    if (!text.starts_with("\xef\xbb\xbf") && !contains(text, "[]")) REQUIRE_FALSE(ordered_json::accept(text));
  }
}

TEST_CASE("every prefix of a document and every changed byte is judged as another reader judges it", "[io][json]")
{
  const std::string text = R"({"a": [1, -2.5e+3, "x\n\u00e9"], "b": {"c": true, "d": null}} )";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string prefix = text.substr(0, i);
    CAPTURE(prefix);
    REQUIRE(accepted(prefix) == ordered_json::accept(prefix));
    for (unsigned byte = 1; byte < 256; ++byte) {  // the other reader stops at a null byte
      std::string changed = text;
      changed[i] = static_cast<char>(static_cast<unsigned char>(byte));
      CAPTURE(changed);
      REQUIRE((accepted(changed) || contains(complaint(changed), "occurs twice")) == ordered_json::accept(changed));
    }
  }
}

TEST_CASE("strings are UTF-8 or refused, whatever the bytes", "[io][json]")
{
  const auto agrees = [](std::initializer_list<unsigned> bytes) {
    std::string text = "\"";
    for (const unsigned byte : bytes) text.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
    text += "\"";
    return accepted(text) == ordered_json::accept(text);
  };
  const unsigned edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
  for (unsigned lead = 0x80; lead < 0x100; ++lead)
    for (const unsigned second : edges) {
      CAPTURE(lead, second);
      REQUIRE(agrees({lead, second}));
      for (const unsigned third : edges) {
        REQUIRE(agrees({lead, second, third}));
        for (const unsigned fourth : edges) REQUIRE(agrees({lead, second, third, fourth}));
      }
    }
}

TEST_CASE("every code point can be escaped and comes back", "[io][json]")
{
  for (std::uint32_t code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 97) {
    if (code >= 0xd800 && code < 0xe000) continue;
    char escape[16] = {};
    if (code < 0x10000)
      std::snprintf(escape, sizeof escape, "\"\\u%04x\"", code);
    else
      std::snprintf(escape, sizeof escape, "\"\\u%04x\\u%04X\"", 0xd800 + ((code - 0x10000) >> 10),
                    0xdc00 + ((code - 0x10000) & 0x3ff));
    CAPTURE(escape);
    const json::value ours = json::parse(escape);
    REQUIRE(same(ours, ordered_json::parse(escape)));
    REQUIRE(json::parse(json::write(ours)) == ours);
  }
}

TEST_CASE("every double survives writing and reading bit for bit", "[io][json]")
{
  std::mt19937_64 random(1);
  std::vector<double> numbers{0.0, -0.0, 1.0, 1e22, 1e23, 5e-324, std::numeric_limits<double>::max(), 123456789.0};
  while (numbers.size() < 20000)
    if (const auto number = std::bit_cast<double>(random()); std::isfinite(number)) numbers.push_back(number);
  for (const double number : numbers) {
    const std::string text = json::write(number);
    const json::value read = json::parse(text);
    CAPTURE(text);
    REQUIRE(read.kind() == json::kind::number);
    REQUIRE(std::bit_cast<std::uint64_t>(*read.get_if<double>()) == std::bit_cast<std::uint64_t>(number));
    REQUIRE(std::strtod(text.c_str(), nullptr) == number);
  }
}

TEST_CASE("a decimal literal is read as the nearest double", "[io][json]")
{
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    const int exponent = static_cast<int>(random() % 700) - 390;
    if (exponent > 280) continue;
    const std::string text = std::to_string(random()) + "." + std::to_string(random()) + "e" + std::to_string(exponent);
    const json::value read = json::parse(text);
    CAPTURE(text);
    REQUIRE(*read.get_if<double>() == std::strtod(text.c_str(), nullptr));
  }
}

TEST_CASE("integers of 64 bits survive, signed and unsigned", "[io][json]")
{
  const json::value read = json::parse("[-9223372036854775808, 9223372036854775807, 18446744073709551615]");
  const auto& list = *read.get_if<json::array>();
  REQUIRE(*list[0].get_if<std::int64_t>() == std::numeric_limits<std::int64_t>::min());
  REQUIRE(*list[1].get_if<std::int64_t>() == std::numeric_limits<std::int64_t>::max());
  REQUIRE(*list[2].get_if<std::uint64_t>() == std::numeric_limits<std::uint64_t>::max());
  REQUIRE(json::write(read) == "[-9223372036854775808,9223372036854775807,18446744073709551615]");
  REQUIRE(json::value(std::uint8_t{7}) == json::value(7LL));
}

TEST_CASE("a key may occur once in an object", "[io][json]")
{
  REQUIRE(complaint("{\"a\": 1,\n \"b\": 2, \"a\": 3}") == "line 2, column 10: the key \"a\" occurs twice");
  REQUIRE(complaint(R"({"\u0061": 1, "a": 1})") == "line 1, column 15: the key \"a\" occurs twice");
  REQUIRE(complaint(R"({"x\n": 1, "x\n": 1})") == "line 1, column 12: the key \"x\\n\" occurs twice");
  REQUIRE(accepted(R"({"a": {"a": {"a": 1}}})"));
}

TEST_CASE("documents beyond the limits are refused", "[io][json]")
{
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  REQUIRE(accepted(nested(64)));
  REQUIRE(complaint(nested(65)) == "line 1, column 65: nested deeper than 64 levels");
  REQUIRE(complaint(std::string(1000000, '[')) == "line 1, column 65: nested deeper than 64 levels");
  REQUIRE(complaint(R"({"a":[{}]})", {.depth = 2}) == "line 1, column 7: nested deeper than 2 levels");
  REQUIRE(complaint("[1]", {.bytes = 2}) == "line 1, column 1: the document has 3 bytes, but at most 2 are accepted");
}

TEST_CASE("NaN and the infinities are read only when that is asked for", "[io][json]")
{
  const json::value read = json::parse("[NaN, Infinity, -Infinity, -1]", {.non_finite = true});
  const auto& list = *read.get_if<json::array>();
  REQUIRE(std::isnan(*list[0].get_if<double>()));
  REQUIRE(*list[1].get_if<double>() == std::numeric_limits<double>::infinity());
  REQUIRE(*list[2].get_if<double>() == -std::numeric_limits<double>::infinity());
  REQUIRE(complaint("[-Inf]", {.non_finite = true}) == "line 1, column 3: a digit must follow");
}

TEST_CASE("the writer keeps the order of keys and lays out what it is told to", "[io][json]")
{
  const json::value v = json::object{{"z", 1},
                                     {"a", json::array{1.0, true, nullptr, "x"}},
                                     {"rows", json::array{json::array_of(std::vector{0.5, 1e-5}), json::object{}}},
                                     {"empty", json::array{}}};
  REQUIRE(json::write(v) == R"({"z":1,"a":[1.0,true,null,"x"],"rows":[[0.5,1e-05],{}],"empty":[]})");
  REQUIRE(json::write(v, {.indent = 2}) == R"({
  "z": 1,
  "a": [1.0, true, null, "x"],
  "rows": [
    [0.5, 1e-05],
    {}
  ],
  "empty": []
})");
}

TEST_CASE("what JSON cannot hold is not written", "[io][json]")
{
  const auto unwritable = [](const json::value& v) { return refusal<std::invalid_argument>([&] { json::write(v); }); };
  REQUIRE(unwritable(std::nan("")) == "JSON has no literal for nan");
  REQUIRE(unwritable(json::array{-HUGE_VAL}) == "JSON has no literal for -inf");
  REQUIRE(contains(unwritable("\xff"), "UTF-8"));
  REQUIRE(contains(unwritable(json::object{{"\xc0\x80", 1}}), "UTF-8"));
}

TEST_CASE("members are found by name", "[io][json]")
{
  const json::value v = json::parse(R"({"a": 1, "b": [2]})");
  REQUIRE(*v.find("a")->get_if<std::int64_t>() == 1);
  REQUIRE(v.find("c") == nullptr);
  REQUIRE(v.find("b")->find("a") == nullptr);
}

TEST_CASE("every JSON file of the golden cases is read as another reader reads it", "[io][json]")
{
  std::size_t files = 0;
  for (const char* folder : {"tests/golden", "models"})
    for (const auto& entry : fs::recursive_directory_iterator(in_repository(folder))) {
      if (entry.path().extension() != ".json") continue;
      CAPTURE(entry.path().string());
      const json::value ours = json::read_file(entry.path());
      const ordered_json theirs = ordered_json::parse(content_of(entry.path()));
      REQUIRE(same(ours, theirs));
      REQUIRE(same(json::parse(json::write(ours)), theirs));
      ++files;
    }
  REQUIRE(files > 100);
}

TEST_CASE("a file is written whole and read back", "[io][json]")
{
  const fs::path folder = empty_folder("json_file");
  const json::value v = json::parse(R"({"steps": 20, "betas": [0.1, 0.2]})");
  json::write_file(folder / "v.json", v);
  REQUIRE(content_of(folder / "v.json") == "{\n  \"steps\": 20,\n  \"betas\": [0.1, 0.2]\n}\n");
  REQUIRE(json::read_file(folder / "v.json") == v);

  REQUIRE(refusal<std::invalid_argument>([&] { json::write_file(folder / "v.json", std::nan("")); }) ==
          "JSON has no literal for nan");
  REQUIRE(json::read_file(folder / "v.json") == v);
}

TEST_CASE("the errors of a file begin with its path", "[io][json]")
{
  const fs::path folder = empty_folder("json_errors");
  const fs::path bad = put(folder / "bad.json", "{\"a\": 1,\n\"b\"}");
  const auto read = [](const fs::path& path, const json::limits& accepts = {}) {
    return refusal<std::runtime_error>([&] { json::read_file(path, accepts); });
  };
  REQUIRE(read(bad) == bad.string() + ": line 2, column 4: \":\" must follow");
  REQUIRE(read(folder / "missing.json") == (folder / "missing.json").string() + ": there is no such file");
  REQUIRE(read(folder) == folder.string() + ": is a folder, but must be a file");
  REQUIRE(read(bad, {.bytes = 5}) == bad.string() + ": has 13 bytes, but at most 5 are accepted");
}
