/// @file
/// Files for tests: the committed ones, a folder to write in, and what a refusal says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace fewstep::test {

/// A file or folder of the repository.
inline std::filesystem::path in_repository(const std::filesystem::path& relative)
{
  return std::filesystem::path(FEWSTEP_SOURCE_DIR) / relative;
}

/// An empty folder. Each test case uses a name of its own, because they run side by side.
inline std::filesystem::path empty_folder(const std::string& name)
{
  const std::filesystem::path folder = std::filesystem::path(FEWSTEP_SCRATCH_DIR) / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

/// Writes a file, and its folders, without the code under test.
inline std::filesystem::path put(const std::filesystem::path& path, std::string_view content = "")
{
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

/// The eight bytes that a number of 64 bits has in a file.
inline std::string little_endian(std::uint64_t number)
{
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(number >> shift & 0xff));
  return bytes;
}

/// Reads a file without the code under test.
inline std::string content_of(const std::filesystem::path& path)
{
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The sentence of the E that `f` throws. Any other exception passes through and fails the test.
template <class E, class F>
std::string refusal(F&& f)
{
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

inline bool contains(std::string_view text, std::string_view part)
{
  return text.find(part) != text.npos;
}

}  // namespace fewstep::test
