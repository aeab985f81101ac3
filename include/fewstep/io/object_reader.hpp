/// @file
/// A JSON object read as configuration: typed, and no key is overlooked in silence.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/json/convert.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep::json {

/// Reads the members of one object and notes which. Every throw is std::runtime_error with a sentence such as
///
///     unet/config.json: "block_out_channels"[2] must be a non-negative integer of 64 bits, but is "a"
class object_reader {
public:
  /// `where` is what sentences begin with: the path of the file. Throws unless `document` is an object.
  object_reader(value document, std::string where) : object_reader(std::move(document), std::move(where), "") {}

  /// The member as a T (see `to`). Throws if it is missing or no T.
  template <class T>
  T get(std::string_view key)
  {
    return to<T>(member(key), place(key));
  }

  /// The same, but the fallback if the member is missing. A null is no T and throws.
  template <class T>
  T get_or(std::string_view key, T fallback)
  {
    return has(key) ? get<T>(key) : std::move(fallback);
  }

  /// The same, but nothing if the member is missing or null.
  template <class T>
  std::optional<T> find(std::string_view key)
  {
    return get_or<std::optional<T>>(key, std::nullopt);
  }

  /// The E that the member, a string, stands for. Throws if it is missing or not in the list; the sentence names
  /// the list.
  template <class E>
  E one_of(std::string_view key, std::initializer_list<std::pair<std::string_view, E>> meanings)
  {
    const auto word = get<std::string>(key);
    std::string list;
    for (const auto& [name, meaning] : meanings) {
      if (name == word) return meaning;
      list += (list.empty() ? "" : ", ") + detail::in_quotes(name);
    }
    refuse(key, (meanings.size() > 1 ? "one of " : "") + list);
  }

  /// The same, but the fallback if the member is missing.
  template <class E>
  E one_of_or(std::string_view key, std::initializer_list<std::pair<std::string_view, E>> meanings, E fallback)
  {
    return has(key) ? one_of(key, meanings) : fallback;
  }

  /// A reader for a member that is an object. What it does not use, it lists itself.
  object_reader child(std::string_view key) { return {member(key), where_, trail_ + detail::in_quotes(key)}; }

  /// Readers for a member that is an array of objects.
  std::vector<object_reader> children(std::string_view key)
  {
    const auto* elements = member(key).get_if<array>();
    if (!elements) refuse(key, "an array");
    std::vector<object_reader> out;
    for (const value& element : *elements)
      out.push_back({element, where_, trail_ + detail::in_quotes(key) + "[" + std::to_string(out.size()) + "]"});
    return out;
  }

  bool has(std::string_view key) const { return object_.find(key) != nullptr; }

  /// Counts a member, if there is one, as used.
  void ignore(std::string_view key) { note(key); }

  /// Throws unless `good`: `require(groups > 0, "norm_num_groups", "positive")`.
  void require(bool good, std::string_view key, std::string_view wanted) const
  {
    if (!good) refuse(key, wanted);
  }

  /// Throws: the member "must be `wanted`, but is" what it is.
  [[noreturn]] void refuse(std::string_view key, std::string_view wanted) const
  {
    if (const value* found = object_.find(key)) detail::refuse(*found, place(key), wanted);
    throw std::runtime_error(place(key) + " must be " + std::string(wanted) + ", but is missing");
  }

  /// The keys that were not used so far, in the order of the document.
  std::vector<std::string> unused() const
  {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < used_.size(); ++i)
      if (!used_[i]) keys.push_back(members()[i].first);
    return keys;
  }

  /// "config.json: "down"[0]."kind"", for sentences of one's own.
  std::string place(std::string_view key) const { return where_ + ": " + trail_ + detail::in_quotes(key); }

private:
  object_reader(value document, std::string where, std::string trail) :
      object_(std::move(document)),
      where_(std::move(where)),
      trail_(trail.empty() ? trail : trail + ".")
  {
    if (!object_.get_if<object>())
      detail::refuse(object_, trail.empty() ? where_ + ": the document" : where_ + ": " + trail, "an object");
    used_.resize(members().size());
  }

  const object& members() const { return *object_.get_if<object>(); }

  bool note(std::string_view key)
  {
    const auto same = [&](const auto& member) { return member.first == key; };
    const auto found = std::find_if(members().begin(), members().end(), same);
    if (found == members().end()) return false;
    used_[static_cast<std::size_t>(found - members().begin())] = true;
    return true;
  }

  const value& member(std::string_view key)
  {
    if (!note(key)) throw std::runtime_error(place(key) + " is missing");
    return *object_.find(key);
  }

  value object_;
  std::string where_;
  std::string trail_;
  std::vector<bool> used_;
};

/// A reader for the object that a file holds. Throws std::runtime_error, with the path first.
inline object_reader read_object(const std::filesystem::path& path, const limits& accepts = {})
{
  return {read_file(path, accepts), path.string()};
}

}  // namespace fewstep::json
