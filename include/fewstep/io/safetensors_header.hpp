/// @file
/// Every claim that the header of a safetensors file makes, checked: names, dtypes, shapes, offsets, overlaps, holes.
#pragma once

#include "fewstep/io/json/text.hpp"
#include "fewstep/io/json/value.hpp"
#include "fewstep/io/json/writer.hpp"
#include "fewstep/io/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep {

namespace detail {

/// As many dimensions as numpy knows.
inline constexpr std::size_t max_rank = 64;

/// Reads the entries of the header; `where` begins its sentences.
class safetensors_entry {
public:
  safetensors_entry(std::string_view file, const std::string& name, const json::value& entry) :
      where_(std::string(file) + ": tensor " + json::detail::in_quotes(name)),
      entry_(entry),
      view_{.name = name}
  {
  }

  /// The tensor as the header describes it, inside `data`.
  tensor_view read(std::span<const std::byte> data)
  {
    check_keys();
    view_.type = type();
    view_.shape = numbers("shape");
    if (view_.shape.size() > max_rank)
      fail("has " + std::to_string(view_.shape.size()) + " dimensions, but at most " + std::to_string(max_rank) +
           " are accepted");
    const auto bytes = byte_count(view_.type, view_.shape);
    if (!bytes) fail("has a shape too large for any file: " + to_string(view_.shape));
    const std::vector<std::size_t> offsets = numbers("data_offsets");
    if (offsets.size() != 2) fail("must have two \"data_offsets\", but has " + std::to_string(offsets.size()));
    const std::size_t begin = offsets[0], end = offsets[1];
    const std::string range = "[" + std::to_string(begin) + ", " + std::to_string(end) + ")";
    if (begin > end) fail("has its data_offsets reversed: " + range);
    if (end > data.size())
      fail("lies at bytes " + range + " of the data, but the file has only " + std::to_string(data.size()));
    if (begin % size_of(view_.type) != 0)
      fail("is misaligned: it begins at byte " + std::to_string(begin) + " of the data, which is no multiple of the " +
           std::to_string(size_of(view_.type)) + " bytes of an element");
    if (end - begin != *bytes)
      fail("has " + std::to_string(end - begin) + " bytes, but its shape " + to_string(view_.shape) + " of " +
           std::string(name_of(view_.type)) + " needs " + std::to_string(*bytes));
    view_.bytes = data.subspan(begin, end - begin);
    return std::move(view_);
  }

private:
  [[noreturn]] void fail(const std::string& what) const { throw std::runtime_error(where_ + " " + what); }

  void check_keys() const
  {
    const auto* members = entry_.get_if<json::object>();
    if (!members) fail("must be described by an object with dtype, shape and data_offsets");
    for (const auto& [key, value] : *members)
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        fail("has the unknown entry " + json::detail::in_quotes(key));
  }

  const json::value& member(std::string_view key) const
  {
    if (const json::value* found = entry_.find(key)) return *found;
    fail("has no " + json::detail::in_quotes(key));
  }

  dtype type() const
  {
    const auto* word = member("dtype").get_if<std::string>();
    if (!word) fail("must have a string as its dtype");
    for (std::size_t i = 0; i < dtypes.size(); ++i)
      if (dtypes[i].name == *word) return static_cast<dtype>(i);
    fail("has the unknown dtype " + json::detail::in_quotes(*word));
  }

  std::vector<std::size_t> numbers(std::string_view key) const
  {
    std::vector<std::size_t> out;
    const auto* elements = member(key).get_if<json::array>();
    if (!elements) fail("must have an array as its " + std::string(key));
    for (const json::value& element : *elements) {
      const auto* number = element.get_if<std::int64_t>();
      if (!number || !std::in_range<std::size_t>(*number))
        fail("has " + json::detail::described(element) + " in its " + std::string(key) +
             ", which must be non-negative integers below 2^63");
      out.push_back(static_cast<std::size_t>(*number));
    }
    return out;
  }

  std::string where_;
  const json::value& entry_;
  tensor_view view_;
};

/// Throws unless the tensors cover the data end to end, as the format demands: no overlaps, no holes.
inline void require_covered(std::string_view file, std::span<const tensor_view> tensors,
                            std::span<const std::byte> data)
{
  std::vector<const tensor_view*> order;
  for (const tensor_view& view : tensors) order.push_back(&view);
  const auto place = [&](const tensor_view* view) {
    return std::pair(view->bytes.data() - data.data(), view->bytes.size());
  };
  std::sort(order.begin(), order.end(), [&](auto* a, auto* b) { return place(a) < place(b); });
  std::size_t covered = 0;
  for (const tensor_view* view : order) {
    const auto begin = static_cast<std::size_t>(place(view).first);
    if (begin != covered)
      throw std::runtime_error(std::string(file) + ": tensor " + json::detail::in_quotes(view->name) +
                               " begins at byte " + std::to_string(begin) + " of the data, " +
                               (begin < covered ? "inside another, which ends" : "but what precedes it ends") +
                               " at byte " + std::to_string(covered));
    covered += view->bytes.size();
  }
  if (covered != data.size())
    throw std::runtime_error(std::string(file) + ": the data has " + std::to_string(data.size()) +
                             " bytes, but the tensors take only " + std::to_string(covered));
}

inline std::vector<std::pair<std::string, std::string>> read_metadata(std::string_view file, const json::value& entry)
{
  const std::string where = std::string(file) + ": \"__metadata__\"";
  const auto* members = entry.get_if<json::object>();
  if (!members) throw std::runtime_error(where + " must be an object of strings");
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : *members) {
    const auto* text = value.get_if<std::string>();
    if (!text) throw std::runtime_error(where + ": " + json::detail::in_quotes(key) + " must be a string");
    out.emplace_back(key, *text);
  }
  return out;
}

/// The official reader takes no longer header either.
inline constexpr std::size_t max_safetensors_header = 100'000'000;

/// Splits a file into the text of its header and its data.
inline std::pair<std::string_view, std::span<const std::byte>> split_safetensors(std::span<const std::byte> bytes,
                                                                                 const std::string& file)
{
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length)
    throw std::runtime_error(file + ": is no safetensors file: it has " + std::to_string(bytes.size()) +
                             " bytes, but begins with 8 that tell the length of its header");
  std::memcpy(&length, bytes.data(), sizeof length);
  const std::span<const std::byte> rest = bytes.subspan(sizeof length);
  if (length > max_safetensors_header)
    throw std::runtime_error(file + ": is no safetensors file: it says that its header has " + std::to_string(length) +
                             " bytes, but at most " + std::to_string(max_safetensors_header) + " are accepted");
  if (length > rest.size())
    throw std::runtime_error(file + ": is truncated: it says that its header has " + std::to_string(length) +
                             " bytes, but only " + std::to_string(rest.size()) + " follow");
  const auto size = static_cast<std::size_t>(length);
  return {{reinterpret_cast<const char*>(rest.data()), size}, rest.subspan(size)};
}

}  // namespace detail

}  // namespace fewstep
