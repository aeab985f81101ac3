/// @file
/// Tables of moments in files, with notes on how they were measured.
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/object_reader.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/running_mean.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep {

namespace detail {

/// [count, mean, squares], if anything was measured.
inline void add_mean(json::object& to, const char* name, const running_mean& mean)
{
  if (mean.count > 0) to.emplace_back(name, json::array{mean.count, mean.mean, mean.squares});
}

inline running_mean read_mean(json::object_reader& from, std::string_view name)
{
  if (!from.has(name)) return {};
  const auto numbers = from.get<std::vector<double>>(name);
  const bool whole =
      numbers.size() == 3 && numbers[0] >= 1 && numbers[0] < 0x1p53 && numbers[0] == std::floor(numbers[0]);
  from.require(whole, name, "[count, mean, squares], the count a whole number above 0");
  return {static_cast<std::uint64_t>(numbers[0]), numbers[1], numbers[2]};
}

/// The moments of parts, column by column: a network's numbers may be many.
inline json::object part_columns(const std::vector<part_moments>& parts)
{
  json::array second, second_squares, residual, residual_squares;
  for (const part_moments& part : parts) {
    second.emplace_back(part.second_moment.mean), second_squares.emplace_back(part.second_moment.squares);
    residual.emplace_back(part.residual.mean), residual_squares.emplace_back(part.residual.squares);
  }
  return {{"samples", parts.front().residual.count},
          {"second_moment", std::move(second)},
          {"second_moment_squares", std::move(second_squares)},
          {"residual", std::move(residual)},
          {"residual_squares", std::move(residual_squares)}};
}

inline void refuse_unknown(const json::object_reader& from)
{
  if (const auto keys = from.unused(); !keys.empty())
    from.refuse(keys.front(), "left out: moments have no such member");
}

inline std::vector<part_moments> read_parts(json::object_reader from)
{
  const auto samples = from.get<std::uint64_t>("samples");
  const auto second = from.get<std::vector<double>>("second_moment"),
             residual = from.get<std::vector<double>>("residual");
  const auto second_squares = from.get<std::vector<double>>("second_moment_squares");
  const auto residual_squares = from.get<std::vector<double>>("residual_squares");
  for (const auto& [name, size] : {std::pair{"second_moment_squares", second_squares.size()},
                                   {"residual", residual.size()},
                                   {"residual_squares", residual_squares.size()}})
    from.require(size == second.size(), name, "as long as \"second_moment\"");
  refuse_unknown(from);
  std::vector<part_moments> parts;
  for (std::size_t p = 0; p < second.size(); ++p)
    parts.push_back({{samples, second[p], second_squares[p]}, {samples, residual[p], residual_squares[p]}});
  return parts;
}

inline json::object level_entry(const moment_level& level)
{
  json::object entry{{"t", level.at.t}, {"alpha", level.at.alpha}, {"sigma", level.at.sigma}};
  add_mean(entry, "second_moment", level.second_moment);
  add_mean(entry, "residual", level.residual);
  add_mean(entry, "clipped", level.clipped);
  if (level.repaired) entry.emplace_back("repaired", *level.repaired);
  const data_error error = error_at(level);
  entry.emplace_back("error", error.value);
  if (const double v = effective_variance(error.value, level.at); std::isfinite(v))
    entry.emplace_back("effective_variance", v);
  if (!level.parts.empty()) entry.emplace_back("parts", part_columns(level.parts));
  return entry;
}

inline moment_level read_level_entry(json::object_reader& from)
{
  moment_level level{.at = {from.get<double>("t"), from.get<double>("alpha"), from.get<double>("sigma")},
                     .second_moment = read_mean(from, "second_moment"),
                     .residual = read_mean(from, "residual"),
                     .clipped = read_mean(from, "clipped"),
                     .repaired = from.find<double>("repaired")};
  if (from.has("parts")) level.parts = read_parts(from.child("parts"));
  from.ignore("error"), from.ignore("effective_variance");  // for other readers: they follow from the rest
  refuse_unknown(from);
  return level;
}

inline std::vector<std::pair<std::string, std::string>> read_notes(json::object_reader& from)
{
  std::vector<std::pair<std::string, std::string>> notes;
  if (!from.has("notes")) return notes;
  json::object_reader members = from.child("notes");
  for (const std::string& name : members.unused()) notes.emplace_back(name, members.get<std::string>(name));
  return notes;
}

}  // namespace detail

/// What a program notes on its measurement, such as the options that must not change when it goes on: names and values.
using moment_notes = std::vector<std::pair<std::string, std::string>>;

/// Moments as they were stored, with the notes of the program that measured them.
struct stored_moments {
  moment_table moments{};
  moment_notes notes{};
};

/// The moments as JSON. Every number comes back with the same bits, so that a measurement can be interrupted after any
/// level. `error` and `effective_variance`, which follow from the rest, are there for readers that want only these.
inline json::value to_json(const moment_table& moments, const moment_notes& notes = {})
{
  json::array levels;
  for (const moment_level& level : moments.levels) levels.emplace_back(detail::level_entry(level));
  json::object members;
  for (const auto& [name, value] : notes) members.emplace_back(name, value);
  return json::object{{"format", "fewstep moments"},      {"version", 1},
                      {"notes", std::move(members)},      {"schedule", moments.schedule},
                      {"dimensions", moments.dimensions}, {"data_variance", moments.data_variance},
                      {"levels", std::move(levels)}};
}

/// Reads what `to_json` wrote. Throws std::runtime_error, naming the member, if it is none or a number is impossible
/// (see `require_moments`).
inline stored_moments read_stored_moments(json::object_reader from)
{
  from.one_of<int>("format", {{"fewstep moments", 0}});
  from.require(from.get<int>("version") == 1, "version", "1");
  stored_moments stored{.moments = {.schedule = from.get<std::uint64_t>("schedule"),
                                    .dimensions = from.get<std::size_t>("dimensions"),
                                    .data_variance = from.get<double>("data_variance")},
                        .notes = detail::read_notes(from)};
  for (json::object_reader& level : from.children("levels"))
    stored.moments.levels.push_back(detail::read_level_entry(level));
  detail::refuse_unknown(from);
  try {
    require_moments(stored.moments);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(from.place("levels") + ": " + error.what());
  }
  return stored;
}

/// Files of up to 1 GiB: moments of each number of an image take a few hundred bytes a number and level.
inline stored_moments read_stored_moments(const std::filesystem::path& path)
{
  return read_stored_moments(json::read_object(path, {.bytes = std::size_t{1} << 30}));
}

/// The moments of a file alone.
inline moment_table read_moments(const std::filesystem::path& path)
{
  return read_stored_moments(path).moments;
}

inline void write_moments(const std::filesystem::path& path, const moment_table& moments,
                          const moment_notes& notes = {})
{
  json::write_file(path, to_json(moments, notes), {.indent = 0});
}

}  // namespace fewstep
