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

/// Throws std::invalid_argument, with the path first, unless the notes found in a file hold those that are wanted. An
/// empty note is an option that was not given; so is one that a file lacks because there was no such option yet.
inline void require_notes(const std::filesystem::path& path,
                          const std::vector<std::pair<std::string, std::string>>& found,
                          const std::vector<std::pair<std::string, std::string>>& wanted)
{
  for (const auto& want : wanted) {
    const auto note = std::find_if(found.begin(), found.end(), [&](const auto& n) { return n.first == want.first; });
    if (note == found.end() ? want.second.empty() : note->second == want.second) continue;
    const auto shown = [](const std::string& text) { return text.empty() ? "not given" : text; };
    throw std::invalid_argument(path.string() + ": was made with " + want.first + " " +
                                (note == found.end() ? "unknown" : shown(note->second)) + ", but it is " +
                                shown(want.second));
  }
}

}  // namespace examples
