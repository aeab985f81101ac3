#include "fewstep/io/file.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace fs = std::filesystem;
using namespace fewstep;
using fewstep::test::contains;
using fewstep::test::content_of;
using fewstep::test::empty_folder;
using fewstep::test::put;
using fewstep::test::refusal;

namespace {

std::string text_of(std::span<const std::byte> bytes)
{
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string bytes_0_to_255()
{
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  return all;
}

auto files_in(const fs::path& folder)
{
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

void write(const fs::path& path, std::string_view content)
{
  write_file(path, std::array{content});
}

}  // namespace

TEST_CASE("a file is the same whether it is mapped, read into memory or read as text", "[io][file]")
{
  const fs::path path = put(empty_folder("file_same") / "all", bytes_0_to_255() + bytes_0_to_255());
  const detail::file_bytes read = detail::read_bytes(path);

  REQUIRE(text_of(mapped_file(path).bytes()) == content_of(path));
  REQUIRE(text_of({read.get(), read.get_deleter().size}) == content_of(path));
  REQUIRE(read_text(path) == content_of(path));
}

TEST_CASE("an empty file has no bytes", "[io][file]")
{
  const fs::path path = put(empty_folder("file_empty") / "none");
  REQUIRE(mapped_file(path).bytes().empty());
  REQUIRE(mapped_file().bytes().empty());
  REQUIRE(detail::read_bytes(path).get_deleter().size == 0);
  REQUIRE(read_text(path).empty());
}

TEST_CASE("mapped bytes stay where they are when the file object moves", "[io][file]")
{
  mapped_file first(put(empty_folder("file_moves") / "some", "some"));
  const std::byte* const place = first.bytes().data();
  mapped_file second = std::move(first);
  REQUIRE(second.bytes().data() == place);
  REQUIRE(text_of(second.bytes()) == "some");
}

TEST_CASE("what is no readable file is refused by its path", "[io][file]")
{
  const fs::path folder = empty_folder("file_refused");
  const fs::path missing = folder / "missing";
  const fs::path five = put(folder / "five", "12345");

  REQUIRE(refusal<std::runtime_error>([&] { mapped_file{missing}; }) == missing.string() + ": there is no such file");
  REQUIRE(refusal<std::runtime_error>([&] { read_text(missing); }) == missing.string() + ": there is no such file");
  REQUIRE(refusal<std::runtime_error>([&] { mapped_file{folder}; }) ==
          folder.string() + ": is a folder, but must be a file");
  REQUIRE(refusal<std::runtime_error>([&] { read_text("/dev/null"); }) == "/dev/null: is not a regular file");
  REQUIRE(refusal<std::runtime_error>([&] { read_text(five, 4); }) ==
          five.string() + ": has 5 bytes, but at most 4 are accepted");
  REQUIRE(read_text(five, 5) == "12345");
}

TEST_CASE("pieces are written one after another and replace the old content", "[io][file]")
{
  const fs::path folder = empty_folder("file_replaces");
  const fs::path path = put(folder / "out", "a longer content than the new one has");
  const std::string all = bytes_0_to_255();

  write_file(path, std::array<std::string_view, 3>{"begin ", all, ""});

  REQUIRE(content_of(path) == "begin " + all);
  REQUIRE(files_in(folder) == 1);
}

TEST_CASE("a write that fails leaves nothing behind", "[io][file]")
{
  const fs::path folder = empty_folder("file_fails");
  const fs::path occupied = folder / "occupied";
  fs::create_directories(occupied / "by something");
  const fs::path nowhere = folder / "nowhere" / "out";

  REQUIRE(refusal<std::runtime_error>([&] { write(occupied, "x"); }).starts_with(occupied.string() + ": cannot be"));
  REQUIRE(refusal<std::runtime_error>([&] { write(nowhere, "x"); }) ==
          nowhere.string() + ": cannot be written: No such file or directory");
  REQUIRE(files_in(folder) == 1);
}

TEST_CASE("a temporary file that a killed program left behind is in nobody's way", "[io][file]")
{
  const fs::path folder = empty_folder("file_left_behind");
  const fs::path left = put(folder / "out.0.tmp", "half of someth");

  write(folder / "out", "whole");

  REQUIRE(content_of(folder / "out") == "whole");
  REQUIRE(content_of(left) == "half of someth");
}
