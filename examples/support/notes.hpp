/// @file
/// Notes in the files of programs that go on with their work: the options that must not change.
#pragma once

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// Throws std::invalid_argument, with the path first, unless the notes found in a file hold those that are wanted.
inline void require_notes(const std::filesystem::path& path,
                          const std::vector<std::pair<std::string, std::string>>& found,
                          const std::vector<std::pair<std::string, std::string>>& wanted)
{
  for (const auto& want : wanted) {
    const auto note = std::find_if(found.begin(), found.end(), [&](const auto& n) { return n.first == want.first; });
    const std::string was = note == found.end() ? "unknown" : note->second;
    if (was != want.second)
      throw std::invalid_argument(path.string() + ": was made with " + want.first + " " + was + ", but it is " +
                                  want.second);
  }
}

}  // namespace examples
