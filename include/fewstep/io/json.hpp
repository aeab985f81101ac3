/// @file
/// JSON (RFC 8259), as text and as files.
#pragma once

#include "fewstep/io/file.hpp"
#include "fewstep/io/json/parser.hpp"
#include "fewstep/io/json/value.hpp"
#include "fewstep/io/json/writer.hpp"

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace fewstep::json {

/// Reads one document. Refused are: bytes that are not UTF-8, keys that occur twice in an object, anything after
/// the document, numbers above the range of a double (those below it become 0), and whatever passes the limits.
/// Throws std::runtime_error: the name, if there is one, then line and column (in bytes, from 1), then what is
/// wrong.
inline value parse(std::string_view text, const limits& accepts = {}, std::string_view name = {})
{
  return detail::parser(text, accepts, name).document();
}

/// Reads a file. Throws std::runtime_error, with the path first.
inline value read_file(const std::filesystem::path& path, const limits& accepts = {})
{
  return parse(read_text(path, accepts.bytes), accepts, path.string());
}

/// The document as text, keys in the order in which the object has them. Throws std::invalid_argument for what
/// JSON cannot hold: infinities, NaN, strings that are not UTF-8.
inline std::string write(const value& v, const layout& as = {})
{
  return detail::writer(as).text(v);
}

/// Writes a file in one step (see fewstep::write_file) and ends it with a new line.
inline void write_file(const std::filesystem::path& path, const value& v, const layout& as = {.indent = 2})
{
  const std::string text = write(v, as);
  const std::array<std::string_view, 2> pieces{text, "\n"};
  fewstep::write_file(path, pieces);
}

}  // namespace fewstep::json
