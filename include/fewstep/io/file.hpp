/// @file
/// Whole files: mapped or read on the way in, replaced in one step on the way out.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#if __has_include(<sys/mman.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace fewstep {

namespace detail {

/// "PATH: cannot be read: Permission denied", from the error number of the call that failed.
inline std::runtime_error file_error(const std::filesystem::path& path, const std::string& what, int code = errno)
{
  const std::string reason = code == 0 ? "" : ": " + std::generic_category().message(code);
  return std::runtime_error(path.string() + ": " + what + reason);
}

/// The size of a regular file. Throws std::runtime_error for a missing file, a folder, a pipe, a device.
inline std::size_t regular_file_size(const std::filesystem::path& path)
{
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw file_error(path, "there is no such file", 0);
  if (std::filesystem::is_directory(status)) throw file_error(path, "is a folder, but must be a file", 0);
  if (!std::filesystem::is_regular_file(status)) throw file_error(path, "is not a regular file", 0);
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw file_error(path, "cannot be read", error.value());
  if (size > std::numeric_limits<std::ptrdiff_t>::max()) throw file_error(path, "is too large for this machine", 0);
  return static_cast<std::size_t>(size);
}

struct close_file {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

using open_file = std::unique_ptr<std::FILE, close_file>;

/// Gives back the bytes of a file, mapped or allocated.
struct release_bytes {
  std::size_t size = 0;
  bool mapped = false;

  void operator()(const std::byte* bytes) const
  {
#if __has_include(<sys/mman.h>)
    if (mapped) {
      ::munmap(const_cast<std::byte*>(bytes), size);
      return;
    }
#endif
    delete[] bytes;
  }
};

using file_bytes = std::unique_ptr<const std::byte[], release_bytes>;

/// Reads the first `size` bytes of a file; throws std::runtime_error if there are fewer.
inline void read_into(const std::filesystem::path& path, void* out, std::size_t size)
{
  const open_file file{std::fopen(path.string().c_str(), "rb")};
  if (!file) throw file_error(path, "cannot be opened");
  if (std::fread(out, 1, size, file.get()) != size) throw file_error(path, "cannot be read to its end");
}

/// The bytes of a file in memory of our own: what systems without mmap do.
inline file_bytes read_bytes(const std::filesystem::path& path)
{
  const std::size_t size = regular_file_size(path);
  auto bytes = std::make_unique<std::byte[]>(size);
  read_into(path, bytes.get(), size);
  return {bytes.release(), {.size = size, .mapped = false}};
}

#if __has_include(<sys/mman.h>)
/// The bytes of a file, mapped read-only.
inline file_bytes map_bytes(const std::filesystem::path& path)
{
  if (regular_file_size(path) == 0) return {};  // an empty range cannot be mapped
  struct descriptor {
    int number;
    ~descriptor()
    {
      if (number >= 0) ::close(number);
    }
  } const file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct ::stat status {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0) throw file_error(path, "cannot be opened");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (bytes == MAP_FAILED) throw file_error(path, "cannot be mapped into memory");
  return {static_cast<const std::byte*>(bytes), {.size = size, .mapped = true}};
}
#else
inline file_bytes map_bytes(const std::filesystem::path& path)
{
  return read_bytes(path);
}
#endif

/// A new file beside `path`, opened for writing, and its name: PATH.0.tmp, or the next number if a killed
/// program has left that one behind.
inline std::pair<open_file, std::filesystem::path> open_beside(const std::filesystem::path& path)
{
  for (int attempt = 0;; ++attempt) {
    std::filesystem::path name = path;
    name += '.';
    name += std::to_string(attempt);
    name += ".tmp";
    if (open_file file{std::fopen(name.string().c_str(), "wbx")}) return {std::move(file), std::move(name)};
    if (errno != EEXIST || attempt == 99) throw file_error(path, "cannot be written");
  }
}

}  // namespace detail

/// The bytes of a file, mapped into memory where the system can do that and read otherwise. They stay where
/// they are when the object moves. Another program that shortens the file while it is mapped ends this one
/// with a bus error, as with every mapping.
class mapped_file {
public:
  mapped_file() = default;

  /// Throws std::runtime_error, with the path first, if there is no such file or it cannot be read.
  explicit mapped_file(const std::filesystem::path& path) : bytes_(detail::map_bytes(path)) {}

  std::span<const std::byte> bytes() const { return {bytes_.get(), bytes_ ? bytes_.get_deleter().size : 0}; }

private:
  detail::file_bytes bytes_;
};

/// The content of a file of at most `limit` bytes. Throws std::runtime_error, with the path first, if there
/// is no such file, it is larger or cannot be read.
inline std::string read_text(const std::filesystem::path& path,
                             std::size_t limit = std::numeric_limits<std::size_t>::max())
{
  const std::size_t size = detail::regular_file_size(path);
  if (size > limit)
    throw detail::file_error(
        path, "has " + std::to_string(size) + " bytes, but at most " + std::to_string(limit) + " are accepted", 0);
  std::string text(size, '\0');
  detail::read_into(path, text.data(), size);
  return text;
}

/// Writes the pieces, one after another, as the new content of a file: to a temporary file beside it, which
/// then takes its name. A program that is killed meanwhile leaves the old content, whole. Throws
/// std::runtime_error, with the path first, if that fails; the temporary file is gone then.
inline void write_file(const std::filesystem::path& path, std::span<const std::string_view> pieces)
{
  auto [file, temporary] = detail::open_beside(path);
  bool good = true;
  for (const std::string_view piece : pieces)
    good = good && (piece.empty() || std::fwrite(piece.data(), 1, piece.size(), file.get()) == piece.size());
  good = std::fclose(file.release()) == 0 && good;
  std::error_code error{good ? 0 : errno, std::generic_category()};
  if (good) std::filesystem::rename(temporary, path, error);
  if (!error) return;
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  throw detail::file_error(path, "cannot be written", error.value());
}

/// Throws std::runtime_error, with the path first, unless a file could be written there: what a program asks before
/// hours of work. Leaves nothing behind.
inline void require_writable(const std::filesystem::path& path)
{
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw detail::file_error(path, "is a folder, but must be a file", 0);
  auto [file, temporary] = detail::open_beside(path);
  file.reset();
  std::filesystem::remove(temporary, error);
}

}  // namespace fewstep
