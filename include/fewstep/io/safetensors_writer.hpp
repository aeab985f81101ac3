/// @file
/// Named tensors into a file: safetensors (github.com/huggingface/safetensors), byte for byte as the official writer
/// has it.
#pragma once

#include "fewstep/io/file.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep {

using safetensors_metadata = std::vector<std::pair<std::string, std::string>>;

namespace detail {

/// The tensors in the order of the official writer: large element types first, then by name. Throws
/// std::invalid_argument for two of a name and for bytes that do not fit the shape.
inline std::vector<const tensor_view*> in_official_order(std::span<const tensor_view> tensors)
{
  std::vector<const tensor_view*> order;
  for (const tensor_view& view : tensors) {
    const auto bytes = byte_count(view.type, view.shape);
    if (view.name == "__metadata__") throw std::invalid_argument("no tensor can be named \"__metadata__\"");
    if (!bytes || *bytes != view.bytes.size())
      throw std::invalid_argument("tensor \"" + view.name + "\" has " + std::to_string(view.bytes.size()) +
                                  " bytes, which do not fit its shape " + to_string(view.shape) + " of " +
                                  std::string(name_of(view.type)));
    order.push_back(&view);
  }
  const auto key = [](const tensor_view* view) {
    return std::pair(-static_cast<int>(view->type), std::string_view(view->name));
  };
  std::sort(order.begin(), order.end(), [&](auto* a, auto* b) { return a->name < b->name; });
  const auto same = [](auto* a, auto* b) { return a->name == b->name; };
  if (const auto twice = std::adjacent_find(order.begin(), order.end(), same); twice != order.end())
    throw std::invalid_argument("two tensors are named \"" + (*twice)->name + "\"");
  std::sort(order.begin(), order.end(), [&](auto* a, auto* b) { return key(a) < key(b); });
  return order;
}

/// The length of the header and the header, padded with spaces so that the data begins at a multiple of 8.
inline std::string safetensors_header(std::span<const tensor_view* const> order, const safetensors_metadata& metadata)
{
  json::object entries;
  if (!metadata.empty()) entries.emplace_back("__metadata__", json::object(metadata.begin(), metadata.end()));
  std::size_t end = 0;
  for (const tensor_view* view : order) {
    const std::size_t begin = std::exchange(end, end + view->bytes.size());
    entries.emplace_back(view->name, json::object{{"dtype", name_of(view->type)},
                                                  {"shape", json::array_of(view->shape)},
                                                  {"data_offsets", json::array{begin, end}}});
  }
  std::string header = json::write(std::move(entries));
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const auto length = std::bit_cast<std::array<char, 8>>(static_cast<std::uint64_t>(header.size()));
  return std::string(length.begin(), length.end()) + header;
}

}  // namespace detail

/// Writes a file in one step (see write_file), byte for byte as the official writer does. Throws
/// std::invalid_argument for tensors that do not fit their shapes, names that occur twice and text that is not UTF-8;
/// std::runtime_error, with the path first, if the file cannot be written.
inline void write_safetensors(const std::filesystem::path& path, std::span<const tensor_view> tensors,
                              const safetensors_metadata& metadata = {})
{
  const auto order = detail::in_official_order(tensors);
  const std::string header = detail::safetensors_header(order, metadata);
  std::vector<std::string_view> pieces{header};
  for (const tensor_view* view : order)
    pieces.emplace_back(reinterpret_cast<const char*>(view->bytes.data()), view->bytes.size());
  write_file(path, pieces);
}

/// The same file in memory.
inline std::string safetensors_text(std::span<const tensor_view> tensors, const safetensors_metadata& metadata = {})
{
  const auto order = detail::in_official_order(tensors);
  std::string out = detail::safetensors_header(order, metadata);
  for (const tensor_view* view : order)
    out.append(reinterpret_cast<const char*>(view->bytes.data()), view->bytes.size());
  return out;
}

}  // namespace fewstep
