/// @file
/// Strings as JSON has them: UTF-8, checked, and escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace fewstep::json::detail {

/// The length of the UTF-8 sequence (RFC 3629: shortest form, no surrogates, up to U+10FFFF) that `text` begins
/// with; 0 if it begins with none.
inline std::size_t utf8_length(std::string_view text)
{
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return text.empty() ? 0 : 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef)
    return follows(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  if (lead >= 0xf0 && lead <= 0xf4)
    return follows(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

inline void append_utf8(std::string& out, std::uint32_t code)
{
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  const auto follow = [&](unsigned shift) { put(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xc0 | code >> 6), follow(0);
  if (code < 0x10000) return put(0xe0 | code >> 12), follow(6), follow(0);
  put(0xf0 | code >> 18), follow(12), follow(6), follow(0);
}

inline void append_string(std::string& out, std::string_view text)
{
  constexpr std::string_view special = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt", hex = "0123456789abcdef";
  out.push_back('"');
  for (std::size_t length = 1; !text.empty(); text.remove_prefix(length)) {
    length = utf8_length(text);
    if (length == 0) throw std::invalid_argument("JSON holds UTF-8 only, but a string has other bytes");
    const auto byte = static_cast<unsigned char>(text.front());
    if (const std::size_t which = special.find(text.front()); which != special.npos)
      out.append({'\\', letters[which]});
    else if (byte < 0x20)
      out.append("\\u00").append({hex[byte >> 4], hex[byte & 15]});
    else
      out.append(text.substr(0, length));
  }
  out.push_back('"');
}

/// Text of a stranger as it goes into a sentence: escaped, in quotes, not longer than a line.
inline std::string in_quotes(std::string_view text)
{
  std::size_t end = 0;
  while (end < text.size() && end < 60) end += std::max<std::size_t>(utf8_length(text.substr(end)), 1);
  std::string out;
  append_string(out, text.substr(0, end));
  return end < text.size() ? out + "..." : out;
}

}  // namespace fewstep::json::detail
