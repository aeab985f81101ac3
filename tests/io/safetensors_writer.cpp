#include "fewstep/io/safetensors_writer.hpp"

#include "fewstep/io/half.hpp"
#include "fewstep/io/safetensors.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
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

TEST_CASE("a file of the official writer, written again, has the same bytes", "[io][safetensors]")
{
  // the header of the last one needs no padding
  for (const char* name : {"a10_small_signal_eps/model", "a10_small_signal_eps/io", "a6_nonsquare_batch3/io"}) {
    const fs::path source = in_repository("tests/golden/unets/" + std::string(name) + ".safetensors");
    const fs::path copy = empty_folder("safetensors_again") / "copy.safetensors";
    const safetensors_file file = safetensors_file::open(source);

    write_safetensors(copy, file.tensors(), file.metadata());

    REQUIRE(content_of(copy) == content_of(source));
    REQUIRE(safetensors_text(file.tensors(), file.metadata()) == content_of(source));
  }
}

TEST_CASE("large element types come first, then names in order, behind a header that ends at a multiple of 8",
          "[io][safetensors]")
{
  const std::vector<std::int64_t> step{258};
  const std::vector<float> b{1.0f}, a{-2.0f, 0.5f};
  const std::vector<std::uint8_t> mask{7};
  const std::string text = safetensors_text(
      std::vector{view_of("mask", mask, {1}), view_of("b", b, {}), view_of("step", step, {1}), view_of("a", a, {2, 1})},
      {{"z", "\"quoted\""}, {"a", ""}});
  const std::string header =
      R"({"__metadata__":{"z":"\"quoted\"","a":""},"step":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},"b":{"dtype":"F32","shape":[],"data_offsets":[16,20]},)"
      R"("mask":{"dtype":"U8","shape":[1],"data_offsets":[20,21]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  const std::string data(
      "\x02\x01\0\0\0\0\0\0"
      "\0\0\0\xc0"
      "\0\0\0\x3f"
      "\0\0\x80\x3f"
      "\x07",
      21);
  REQUIRE(text == little_endian(header.size() + padding.size()) + header + padding + data);
}

TEST_CASE("tensors of every type come back as they were written", "[io][safetensors]")
{
  const std::vector<float> floats{0.1f, -3.5f};
  const std::vector<std::uint16_t> halves = to_half(floats);
  const std::string raw = "sixteen bytes of";
  std::vector<tensor_view> tensors{view_of_half("half", halves, {2, 1})};
  for (const dtype type : {dtype::boolean, dtype::u8, dtype::i8, dtype::i16, dtype::u16, dtype::f16, dtype::bf16,
                           dtype::i32, dtype::u32, dtype::f32, dtype::f64, dtype::i64, dtype::u64})
    tensors.push_back(
        {"as " + std::string(name_of(type)), type, {2, 8 / size_of(type)}, std::as_bytes(std::span(raw))});
  tensors.push_back({"\xc3\xa9\n\"", dtype::f64, {3, 0}, {}});
  const fs::path path = empty_folder("safetensors_back") / "all.safetensors";

  write_safetensors(path, tensors);
  safetensors_file opened = safetensors_file::open(path);
  const safetensors_file file = std::move(opened);

  REQUIRE(file.tensors().size() == tensors.size());
  REQUIRE(file.metadata().empty());
  for (const tensor_view& view : tensors) {
    const tensor_view& back = file.at(view.name, view.shape);
    CAPTURE(view.name);
    REQUIRE(back.type == view.type);
    REQUIRE(std::ranges::equal(back.bytes, view.bytes));
  }
}

TEST_CASE("tensors that make no file are not written", "[io][safetensors]")
{
  const std::vector<float> three{1, 2, 3};
  const fs::path folder = empty_folder("safetensors_unwritten");
  const fs::path path = put(folder / "old", "old");
  const auto unwritten = [&](const std::vector<tensor_view>& tensors, const safetensors_metadata& metadata = {}) {
    return refusal<std::invalid_argument>([&] { write_safetensors(path, tensors, metadata); });
  };
  const std::size_t root = std::size_t{1} << 32;  // its square is 0 in 64 bits

  REQUIRE(unwritten({view_of("w", three, {2})}) == "tensor \"w\" has 12 bytes, which do not fit its shape [2] of F32");
  REQUIRE(contains(unwritten({view_of("w", three, {root, root})}), "do not fit its shape"));
  REQUIRE(unwritten({view_of("w", three, {3}), view_of("v", three, {3}), view_of("w", three, {3, 1})}) ==
          "two tensors are named \"w\"");
  REQUIRE(unwritten({view_of("__metadata__", three, {3})}) == "no tensor can be named \"__metadata__\"");
  REQUIRE(contains(unwritten({view_of("\xff", three, {3})}), "UTF-8"));
  REQUIRE(contains(unwritten({}, {{"key", "\xff"}}), "UTF-8"));
  REQUIRE(content_of(path) == "old");
  REQUIRE(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1);
}
