/// @file
/// The cells that programs measured, as docs/results/cells.json holds them.
#pragma once

#include "fewstep/io/json.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace examples {

/// Those of a file, none if there is no file. Throws std::runtime_error, with the path first, if it is no file of
/// cells.
inline fewstep::json::array read_cells(const std::filesystem::path& path)
{
  if (!std::filesystem::exists(path)) return {};
  const fewstep::json::value document = fewstep::json::read_file(path);
  const fewstep::json::value* cells = document.find("cells");
  const auto* list = cells ? cells->get_if<fewstep::json::array>() : nullptr;
  if (!list) throw std::runtime_error(path.string() + ": must be an object with an array \"cells\"");
  return *list;
}

/// Whether a cell has all of these members.
inline bool has_all(const fewstep::json::value& cell, const fewstep::json::object& members)
{
  return std::all_of(members.begin(), members.end(), [&](const auto& member) {
    const fewstep::json::value* found = cell.find(member.first);
    return found && *found == member.second;
  });
}

}  // namespace examples
