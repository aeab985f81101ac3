/// @file
/// A run's state in a file, so that a program can be killed at any row and go on.
#pragma once

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/io/tensor_view.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/tensor/elements.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep {

/// A state as it was stored, with the notes that the program had added.
template <class X>
struct stored_run {
  run_state<X> state;
  safetensors_metadata notes{};
};

namespace detail {

/// The numbers of x, by name, copied into `storage`, which must not reallocate afterwards.
template <has_elements X>
tensor_view store(const std::string& name, const X& x, std::vector<std::vector<std::byte>>& storage)
{
  tensor_view view;
  visit_elements(x, [&]<class S>(std::span<S> numbers) {
    const auto bytes = std::as_bytes(numbers);
    storage.emplace_back(bytes.begin(), bytes.end());
    view = {name, dtype_of<std::remove_const_t<S>>(), {numbers.size()}, storage.back()};
  });
  return view;
}

/// A tensor of the shape of `like` with the numbers of a file.
template <has_elements X>
X restored(const safetensors_file& file, const std::string& name, const X& like)
{
  X x = duplicate(like);
  edit_elements(x, [&]<class S>(std::span<S> numbers) {
    const tensor_view& view = file.at(name, std::array{numbers.size()});
    if (view.type != dtype_of<S>())
      throw std::runtime_error(file.name() + ": tensor \"" + name + "\" must have dtype " +
                               std::string(name_of(dtype_of<S>())) + ", but has " + std::string(name_of(view.type)));
    std::copy(view.bytes.begin(), view.bytes.end(), std::as_writable_bytes(numbers).begin());
  });
  return x;
}

inline std::uint64_t whole_number(const safetensors_file& file, std::string_view key)
{
  for (const auto& [name, text] : file.metadata()) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (name == key && error == std::errc() && end == text.data() + text.size()) return number;
  }
  throw std::runtime_error(file.name() + ": is no saved run: the metadata has no whole number \"" + std::string(key) +
                           "\"");
}

}  // namespace detail

/// Writes a state to a safetensors file, in one step: whoever kills the program finds the old file or the new one.
/// `notes` are the program's own, such as the options that must not change when it goes on.
/// Throws std::runtime_error, with the path first, if the file cannot be written.
template <has_elements X>
void write_run(const std::filesystem::path& path, const run_state<X>& state, const safetensors_metadata& notes = {})
{
  std::vector<std::vector<std::byte>> storage;
  storage.reserve(2 + state.kept.size());
  std::vector<tensor_view> tensors{detail::store("x", state.x, storage)};
  for (std::size_t j = 0; j < state.kept.size(); ++j)
    tensors.push_back(detail::store("kept." + std::to_string(j), state.kept[j], storage));
  if (state.last_noise) tensors.push_back(detail::store("last_noise", *state.last_noise, storage));
  safetensors_metadata metadata{{"fewstep.plan", std::to_string(state.plan)},
                                {"fewstep.row", std::to_string(state.row)}};
  metadata.insert(metadata.end(), notes.begin(), notes.end());
  write_safetensors(path, tensors, metadata);
}

/// Reads what `write_run` wrote; tensors get the shape of `like`. Whether the state fits a plan is for the stepper to
/// say. Throws std::runtime_error, with the path first, if the file is none or holds tensors of another size.
template <has_elements X>
stored_run<X> read_run(const std::filesystem::path& path, const X& like)
{
  const safetensors_file file = safetensors_file::open(path);
  stored_run<X> run{.state = {.plan = detail::whole_number(file, "fewstep.plan"),
                              .row = static_cast<std::size_t>(detail::whole_number(file, "fewstep.row")),
                              .x = detail::restored(file, "x", like)}};
  for (std::string name = "kept.0"; file.find(name); name = "kept." + std::to_string(run.state.kept.size()))
    run.state.kept.push_back(detail::restored(file, name, like));
  if (file.find("last_noise")) run.state.last_noise = detail::restored(file, "last_noise", like);
  for (const auto& note : file.metadata())
    if (!note.first.starts_with("fewstep.")) run.notes.push_back(note);
  return run;
}

}  // namespace fewstep
