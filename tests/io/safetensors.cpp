#include "fewstep/io/safetensors.hpp"

#include "fewstep/io/safetensors_header.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fs = std::filesystem;
using namespace fewstep;
using fewstep::test::contains;
using fewstep::test::content_of;
using fewstep::test::empty_folder;
using fewstep::test::in_repository;
using fewstep::test::little_endian;
using fewstep::test::put;
using fewstep::test::refusal;

namespace {

/// A file with that header and so many zero bytes of data.
std::string file_with(const std::string& header, std::size_t data = 0)
{
  return little_endian(header.size()) + header + std::string(data, '\0');
}

std::span<const std::byte> bytes_of(std::string_view text)
{
  return std::as_bytes(std::span(text));
}

struct bad_file {
  std::string content;
  std::string sentence;  ///< what follows "bad.safetensors: "
};

const std::string one_float = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";

/// A header of one tensor "w" with the three entries given.
std::string tensor(const std::string& type, const std::string& shape, const std::string& offsets)
{
  return R"({"w":{"dtype":)" + type + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

/// A header of two tensors of bytes, "a" and "b".
std::string two(const std::string& a, const std::string& shape_a, const std::string& b, const std::string& shape_b)
{
  return R"({"a":{"dtype":"U8","shape":)" + shape_a + R"(,"data_offsets":)" + a + R"(},"b":{"dtype":"U8","shape":)" +
         shape_b + R"(,"data_offsets":)" + b + "}}";
}

const std::vector<bad_file> bad_files{
    // the length of the header
    {"", "is no safetensors file: it has 0 bytes"},
    {"1234567", "is no safetensors file: it has 7 bytes"},
    {little_endian(2) + "{", "is truncated: it says that its header has 2 bytes, but only 1 follow"},
    {file_with(one_float, 4).substr(0, 40), "is truncated: it says that its header has 54 bytes, but only 32 follow"},
    {little_endian(100'000'000) + "{}", "is truncated: it says that its header has 100000000 bytes"},
    {little_endian(100'000'001) + "{}", "is no safetensors file: it says that its header has 100000001 bytes"},
    {little_endian(std::uint64_t{1} << 63) + "{}",
     "is no safetensors file: it says that its header has 9223372036854775808 bytes"},
    {little_endian(~std::uint64_t{0}) + "{}",
     "is no safetensors file: it says that its header has 18446744073709551615 bytes"},
    {little_endian(~std::uint64_t{0} - 7) + "{}",
     "is no safetensors file: it says that its header has 18446744073709551608 bytes"},
    // the header as a whole
    {file_with(""), "the header must begin with \"{\""},
    {file_with(" {}"), "the header must begin with \"{\""},
    {file_with("[]"), "the header must begin with \"{\""},
    {file_with("{"), "header: line 1, column 2: a key in quotes must follow"},
    {file_with("{}x"), "header: line 1, column 3: something follows"},
    {file_with("{\"\xff\":1}"), "header: line 1, column 3: the string is not UTF-8"},
    {file_with(R"({"w":)" + std::string(100, '[')), "header: line 1, column 13: nested deeper than 8 levels"},
    {file_with(
         R"({"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
         4),
     "header: line 1, column 54: the key \"w\" occurs twice"},
    {file_with(R"({"w":{"dtype":"F32","dtype":"U8","shape":[1],"data_offsets":[0,4]}})", 4),
     "header: line 1, column 21: the key \"dtype\" occurs twice"},
    // metadata
    {file_with(R"({"__metadata__":1})"), "\"__metadata__\" must be an object of strings"},
    {file_with(R"({"__metadata__":{"format":"pt","step":1}})"), "\"__metadata__\": \"step\" must be a string"},
    {file_with(R"({"__metadata__":{"a":{"b":"c"}}})"), "\"__metadata__\": \"a\" must be a string"},
    // the entries of a tensor
    {file_with(R"({"w":[]})"), "tensor \"w\" must be described by an object"},
    {file_with(R"({"w":{}})"), "tensor \"w\" has no \"dtype\""},
    {file_with(R"({"w":{"dtype":"F32","data_offsets":[0,4]}})", 4), "tensor \"w\" has no \"shape\""},
    {file_with(R"({"w":{"dtype":"F32","shape":[1]}})", 4), "tensor \"w\" has no \"data_offsets\""},
    {file_with(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"order":"F"}})", 4),
     "tensor \"w\" has the unknown entry \"order\""},
    {file_with(tensor("7", "[1]", "[0,4]"), 4), "tensor \"w\" must have a string as its dtype"},
    {file_with(tensor("\"F8_E4M3\"", "[4]", "[0,4]"), 4), "tensor \"w\" has the unknown dtype \"F8_E4M3\""},
    {file_with(tensor("\"f32\"", "[1]", "[0,4]"), 4), "tensor \"w\" has the unknown dtype \"f32\""},
    {file_with(tensor("\"F32\"", "1", "[0,4]"), 4), "tensor \"w\" must have an array as its shape"},
    {file_with(tensor("\"F32\"", "[-1]", "[0,4]"), 4), "tensor \"w\" has -1 in its shape"},
    {file_with(tensor("\"F32\"", "[1.0]", "[0,4]"), 4), "tensor \"w\" has 1.0 in its shape"},
    {file_with(tensor("\"F32\"", "[\"1\"]", "[0,4]"), 4), "tensor \"w\" has \"1\" in its shape"},
    {file_with(tensor("\"F32\"", "[[1]]", "[0,4]"), 4), "tensor \"w\" has an array of 1 in its shape"},
    {file_with(tensor("\"F32\"", "[9223372036854775808]", "[0,4]"), 4),
     "tensor \"w\" has 9223372036854775808 in its shape"},
    {file_with(tensor("\"F32\"", "[4611686018427387905]", "[0,4]"), 4), "tensor \"w\" has a shape too large"},
    {file_with(tensor("\"F32\"", "[4294967296,4294967296]", "[0,0]")), "tensor \"w\" has a shape too large"},
    {file_with(tensor("\"U8\"", "[4294967296,4294967296,0]", "[0,0]")), "tensor \"w\" has a shape too large"},
    {file_with(tensor(
                   "\"U8\"",
                   "[1" +
                       [] {
                         std::string ones;
                         for (int i = 0; i < 64; ++i) ones += ",1";
                         return ones;
                       }() +
                       "]",
                   "[0,1]"),
               1),
     "tensor \"w\" has 65 dimensions, but at most 64 are accepted"},
    {file_with(tensor("\"F32\"", "[1]", "{}"), 4), "tensor \"w\" must have an array as its data_offsets"},
    {file_with(tensor("\"F32\"", "[1]", "[0]"), 4), "tensor \"w\" must have two \"data_offsets\", but has 1"},
    {file_with(tensor("\"F32\"", "[1]", "[0,4,8]"), 4), "tensor \"w\" must have two \"data_offsets\", but has 3"},
    {file_with(tensor("\"F32\"", "[1]", "[-4,0]"), 4), "tensor \"w\" has -4 in its data_offsets"},
    {file_with(tensor("\"F32\"", "[1]", "[0,1e1]"), 4), "tensor \"w\" has 10.0 in its data_offsets"},
    {file_with(tensor("\"F32\"", "[1]", "[18446744073709551612,18446744073709551616]"), 4),
     "tensor \"w\" has 18446744073709551612 in its data_offsets"},
    {file_with(tensor("\"F32\"", "[1]", "[4,0]"), 4), "tensor \"w\" has its data_offsets reversed: [4, 0)"},
    {file_with(tensor("\"F32\"", "[1]", "[0,4]"), 3),
     "tensor \"w\" lies at bytes [0, 4) of the data, but the file has only 3"},
    {file_with(tensor("\"F32\"", "[1]", "[9223372036854775800,9223372036854775804]"), 4),
     "tensor \"w\" lies at bytes [9223372036854775800, 9223372036854775804) of the data"},
    {file_with(tensor("\"F32\"", "[2]", "[0,4]"), 4), "tensor \"w\" has 4 bytes, but its shape [2] of F32 needs 8"},
    {file_with(tensor("\"F32\"", "[]", "[0,0]")), "tensor \"w\" has 0 bytes, but its shape [] of F32 needs 4"},
    {file_with(tensor("\"F32\"", "[0]", "[0,4]"), 4), "tensor \"w\" has 4 bytes, but its shape [0] of F32 needs 0"},
    {file_with(
         R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"w":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
         6),
     "tensor \"w\" is misaligned: it begins at byte 2 of the data"},
    // all tensors together
    {file_with(two("[0,4]", "[4]", "[2,6]", "[4]"), 6), "tensor \"b\" begins at byte 2 of the data, inside another"},
    {file_with(two("[0,4]", "[4]", "[0,4]", "[4]"), 4), "tensor \"b\" begins at byte 0 of the data, inside another"},
    {file_with(two("[0,4]", "[4]", "[2,2]", "[0]"), 4), "tensor \"b\" begins at byte 2 of the data, inside another"},
    {file_with(two("[0,4]", "[4]", "[5,6]", "[1]"), 6),
     "tensor \"b\" begins at byte 5 of the data, but what precedes it ends at byte 4"},
    {file_with(two("[3,4]", "[1]", "[1,3]", "[2]"), 4),
     "tensor \"b\" begins at byte 1 of the data, but what precedes it ends at byte 0"},
    {file_with(one_float, 5), "the data has 5 bytes, but the tensors take only 4"},
    {file_with("{}", 1), "the data has 1 bytes, but the tensors take only 0"},
};

const fs::path golden_model = "tests/golden/unets/a10_small_signal_eps/model.safetensors";
const fs::path golden_io = "tests/golden/unets/a10_small_signal_eps/io.safetensors";

}  // namespace

TEST_CASE("a bad file is refused in one sentence that names the offender", "[io][safetensors]")
{
  const fs::path path = empty_folder("safetensors_bad") / "bad.safetensors";
  for (const bad_file& bad : bad_files) {
    const std::string in_memory =
        refusal<std::runtime_error>([&] { read_safetensors(bytes_of(bad.content), "bad.safetensors"); });
    put(path, bad.content);
    const std::string mapped = refusal<std::runtime_error>([&] { safetensors_file::open(path); });
    CAPTURE(bad.sentence, in_memory, mapped);
    REQUIRE(in_memory.starts_with("bad.safetensors: " + bad.sentence));
    REQUIRE(mapped.starts_with(path.string() + ": " + bad.sentence));
  }
}

TEST_CASE("a missing file, a folder and a missing tensor are refused by name", "[io][safetensors]")
{
  const fs::path folder = empty_folder("safetensors_missing");
  const fs::path path = put(folder / "one.safetensors", file_with(one_float, 4));
  const auto open = [](const fs::path& where) {
    return refusal<std::runtime_error>([&] { safetensors_file::open(where); });
  };
  REQUIRE(open(folder / "none") == (folder / "none").string() + ": there is no such file");
  REQUIRE(open(folder) == folder.string() + ": is a folder, but must be a file");

  const safetensors_file file = safetensors_file::open(path);
  const std::vector<std::size_t> shape{1}, other{1, 2};
  REQUIRE(&file.at("w") == file.find("w"));
  REQUIRE(&file.at("w", shape) == file.find("w"));
  REQUIRE(file.find("v") == nullptr);
  REQUIRE(refusal<std::runtime_error>([&] { file.at("v"); }) == path.string() + ": there is no tensor \"v\"");
  REQUIRE(refusal<std::runtime_error>([&] { file.at("w", other); }) ==
          path.string() + ": tensor \"w\" must have shape [1, 2], but has [1]");
}

TEST_CASE("unusual files that follow the format are read", "[io][safetensors]")
{
  const auto read = [](const std::string& content) { return read_safetensors(bytes_of(content), "memory"); };
  const std::string empty = file_with("{}"), spaced = file_with("{} \n  "), unpadded = file_with(one_float, 4);
  const std::string backwards = file_with(two("[3,4]", "[1]", "[0,3]", "[3]"), 4);
  const std::string nothing = file_with(two("[0,0]", "[0,7]", "[0,2]", "[2]"), 2);

  REQUIRE(read(empty).tensors().empty());
  REQUIRE(read(spaced).tensors().empty());
  REQUIRE(unpadded.size() % 8 != 4);  // data at an odd place
  REQUIRE(to_float(read(unpadded).at("w")) == std::vector{0.0f});
  REQUIRE(read(backwards).at("a").bytes.data() == bytes_of(backwards).data() + backwards.size() - 1);
  REQUIRE(read(nothing).at("a").bytes.empty());
}

TEST_CASE("the official writer's files are read as their header says", "[io][safetensors]")
{
  for (const fs::path& relative : {golden_model, golden_io, fs::path("models/fontdigits-ddpm/reference.safetensors")}) {
    const fs::path path = in_repository(relative);
    const std::string content = content_of(path);
    std::uint64_t length = 0;
    std::memcpy(&length, content.data(), 8);
    const auto header = nlohmann::json::parse(content.substr(8, length));

    const safetensors_file file = safetensors_file::open(path);

    CAPTURE(path.string());
    REQUIRE(file.name() == path.string());
    REQUIRE(file.tensors().size() + header.contains("__metadata__") == header.size());
    for (const tensor_view& view : file.tensors()) {
      CAPTURE(view.name);
      const auto& entry = header.at(view.name);
      REQUIRE(name_of(view.type) == entry.at("dtype").get<std::string>());
      REQUIRE(view.shape == entry.at("shape").get<std::vector<std::size_t>>());
      const auto begin = entry.at("data_offsets")[0].get<std::size_t>(),
                 end = entry.at("data_offsets")[1].get<std::size_t>();
      REQUIRE(std::ranges::equal(view.bytes, bytes_of(content).subspan(8 + length + begin, end - begin)));
    }
  }
}

TEST_CASE("every file cut short and every changed byte of a header is refused or read, never more", "[io][safetensors]")
{
  const std::string content = file_with(two("[0,3]", "[3]", "[3,4]", "[1]"), 4);
  for (std::size_t size = 0; size < content.size(); ++size)
    REQUIRE(refusal<std::runtime_error>([&] {
              read_safetensors(bytes_of(content).first(size), "cut");
            }).starts_with("cut: "));
  for (std::size_t i = 0; i < content.size() - 4; ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = content;
      changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
      try {
        const safetensors_file file = read_safetensors(bytes_of(changed), "changed");
        std::size_t bytes = 0;
        for (const tensor_view& view : file.tensors()) bytes += to_int64(view).size() * size_of(view.type);
        REQUIRE(bytes == 4);  // whatever it says, the tensors cover the data
      } catch (const std::runtime_error& error) {
        REQUIRE(std::string(error.what()).find("changed: ") == 0);
      }
    }
}
