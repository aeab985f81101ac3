/// @file
/// Named tensors in a file: the safetensors format, mapped on the way in, every claim of a stranger's file checked.
/// The official layout (github.com/huggingface/safetensors): eight bytes, little-endian, with the length of the header;
/// the header, a JSON object from names to dtype, shape and data_offsets; the data, without holes.
#pragma once

#include "fewstep/io/file.hpp"
#include "fewstep/io/json.hpp"
#include "fewstep/io/safetensors_header.hpp"
#include "fewstep/io/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep {

/// What a safetensors file holds. Whatever exists of it is valid: views lie inside the data and fit their shapes.
class safetensors_file {
public:
  /// Maps a file and checks all of it. Throws std::runtime_error, with the path first.
  static safetensors_file open(const std::filesystem::path& path);

  /// What sentences begin with: the path.
  const std::string& name() const { return name_; }

  /// The tensors, sorted by name.
  std::span<const tensor_view> tensors() const { return tensors_; }

  /// The strings of `__metadata__`, in the order of the file.
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }

  /// The tensor of that name, or null.
  const tensor_view* find(std::string_view name) const
  {
    const auto before = [](const tensor_view& view, std::string_view key) { return view.name < key; };
    const auto found = std::lower_bound(tensors_.begin(), tensors_.end(), name, before);
    return found != tensors_.end() && found->name == name ? &*found : nullptr;
  }

  /// The tensor of that name. Throws std::runtime_error that names file and tensor if there is none.
  const tensor_view& at(std::string_view name) const
  {
    if (const tensor_view* found = find(name)) return *found;
    throw std::runtime_error(name_ + ": there is no tensor " + json::detail::in_quotes(name));
  }

  /// The tensor of that name and shape. Throws std::runtime_error that names file, tensor and both shapes.
  const tensor_view& at(std::string_view name, std::span<const std::size_t> shape) const
  {
    const tensor_view& view = at(name);
    if (const auto mismatch = detail::shape_mismatch(view, shape)) throw std::runtime_error(name_ + ": " + *mismatch);
    return view;
  }

private:
  friend safetensors_file read_safetensors(std::span<const std::byte> bytes, std::string name);

  std::string name_;
  mapped_file storage_;
  std::vector<tensor_view> tensors_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

/// Checks and lists what a safetensors file in memory holds. The bytes must stay; `name` begins the sentences of
/// errors. Every offset, length, dtype, shape, overlap and hole is checked; a tensor must begin at a multiple of its
/// element's size within the data. Throws std::runtime_error that names the tensor.
inline safetensors_file read_safetensors(std::span<const std::byte> bytes, std::string name)
{
  const auto [header, data] = detail::split_safetensors(bytes, name);
  if (!header.starts_with('{')) throw std::runtime_error(name + ": the header must begin with \"{\"");
  const json::value entries = json::parse(header, {.depth = 8, .bytes = header.size()}, name + ": header");
  safetensors_file out;
  out.name_ = std::move(name);
  for (const auto& [key, entry] : *entries.get_if<json::object>()) {
    if (key == "__metadata__")
      out.metadata_ = detail::read_metadata(out.name_, entry);
    else
      out.tensors_.push_back(detail::safetensors_entry(out.name_, key, entry).read(data));
  }
  const auto by_name = [](const tensor_view& a, const tensor_view& b) { return a.name < b.name; };
  std::sort(out.tensors_.begin(), out.tensors_.end(), by_name);
  detail::require_covered(out.name_, out.tensors_, data);
  return out;
}

inline safetensors_file safetensors_file::open(const std::filesystem::path& path)
{
  mapped_file storage(path);
  safetensors_file out = read_safetensors(storage.bytes(), path.string());
  out.storage_ = std::move(storage);
  return out;
}

}  // namespace fewstep
