/// @file
/// Any bytes are a safetensors file or a std::runtime_error, and a file survives being written.

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/io/tensor_numbers.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace fewstep;

namespace {

void require(bool good)
{
  if (!good) std::abort();
}

std::optional<safetensors_file> parsed(std::span<const std::byte> bytes)
{
  try {
    return read_safetensors(bytes, "input");
  } catch (const std::runtime_error& error) {
    require(std::string_view(error.what()).starts_with("input: "));
    return std::nullopt;
  }
}

/// Reads every element as every kind of number.
void read(const tensor_view& view)
{
  const std::size_t count = view.bytes.size() / size_of(view.type);
  require(to_float(view).size() == count);
  require(to_double(view).size() == count);
  try {
    require(to_int64(view).size() == count);
  } catch (const std::runtime_error& error) {
    require(std::string_view(error.what()).starts_with("tensor "));
  }
}

bool same(const tensor_view& a, const tensor_view& b)
{
  return a.name == b.name && a.type == b.type && a.shape == b.shape && std::ranges::equal(a.bytes, b.bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const auto file = parsed(std::as_bytes(std::span(data, size)));
  if (!file) return 0;
  for (const tensor_view& view : file->tensors()) read(view);
  const std::string again = safetensors_text(file->tensors(), file->metadata());
  const auto back = parsed(std::as_bytes(std::span(again)));
  require(back.has_value());
  require(back->metadata() == file->metadata());
  require(std::ranges::equal(back->tensors(), file->tensors(), same));
  require(safetensors_text(back->tensors(), back->metadata()) == again);
  return 0;
}
