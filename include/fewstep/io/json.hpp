/// @file
/// JSON (RFC 8259), read strictly because checkpoints come from strangers. It is longer than most headers:
/// the value, the reader and the writer of one format belong together.
#pragma once

#include "fewstep/io/file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace fewstep::json {

/// What a value is. A literal without point and exponent is an integer, any other a number.
enum class kind { null, boolean, integer, number, string, array, object };

class value;
using array = std::vector<value>;
using object = std::vector<std::pair<std::string, value>>;  ///< members in the order of the document

/// Any JSON value. Integers of 64 bits, signed or unsigned, and doubles survive reading and writing exactly.
class value {
public:
  value() = default;
  value(std::nullptr_t) {}
  template <std::same_as<bool> B>
  value(B truth) : data_(truth)
  {
  }
  template <std::integral I>
  requires(!std::same_as<I, bool>) value(I integer)
  {
    if (std::in_range<std::int64_t>(integer))
      data_ = static_cast<std::int64_t>(integer);
    else
      data_ = static_cast<std::uint64_t>(integer);
  }
  template <std::floating_point F>
  value(F number) : data_(static_cast<double>(number))
  {
  }
  value(const char* text) : data_(std::string(text)) {}
  value(std::string_view text) : data_(std::string(text)) {}
  value(std::string text) : data_(std::move(text)) {}
  value(array elements) : data_(std::move(elements)) {}
  value(object members) : data_(std::move(members)) {}

  json::kind kind() const
  {
    constexpr std::array kinds{kind::null,   kind::boolean, kind::integer, kind::integer,
                               kind::number, kind::string,  kind::array,   kind::object};
    return kinds[data_.index()];
  }

  /// What is inside if it is held as a T, otherwise null. T is bool, std::int64_t, std::uint64_t (only for
  /// integers that the signed type cannot hold), double, std::string, array or object.
  template <class T>
  const T* get_if() const
  {
    return std::get_if<T>(&data_);
  }

  /// The member of that name, or null if there is none or this is no object.
  const value* find(std::string_view key) const
  {
    if (const auto* members = get_if<object>())
      for (const auto& [name, member] : *members)
        if (name == key) return &member;
    return nullptr;
  }

  friend bool operator==(const value& a, const value& b) { return a.data_ == b.data_; }

private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, array, object> data_;
};

/// An array of whatever a range holds, such as a vector of numbers.
template <class R>
array array_of(const R& range)
{
  return array(std::begin(range), std::end(range));
}

/// What the reader accepts.
struct limits {
  std::size_t depth = 64;                     ///< arrays and objects inside each other
  std::size_t bytes = std::size_t{64} << 20;  ///< size of the document
  bool non_finite = false;                    ///< NaN, Infinity and -Infinity, as Python writes them
};

/// How the writer lays a document out: on one line without spaces, or indented by so many spaces a level, with
/// arrays of scalars on one line.
struct layout {
  std::size_t indent = 0;
};

namespace detail {

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

/// Recursive descent over a text that does not change. `at_` never passes the end.
class parser {
public:
  parser(std::string_view text, const limits& accepts, std::string_view name) :
      text_(text),
      accepts_(accepts),
      name_(name)
  {
  }

  value document()
  {
    if (text_.size() > accepts_.bytes)
      fail("the document has " + std::to_string(text_.size()) + " bytes, but at most " +
           std::to_string(accepts_.bytes) + " are accepted");
    skip_space();
    value whole = any(0);
    skip_space();
    if (at_ < text_.size()) fail("something follows the end of the document");
    return whole;
  }

private:
  [[noreturn]] void fail(const std::string& what) const { fail(what, at_); }

  [[noreturn]] void fail(const std::string& what, std::size_t where) const
  {
    const std::string_view before = text_.substr(0, where);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t column = where - (line == 1 ? 0 : before.rfind('\n') + 1) + 1;
    throw std::runtime_error((name_.empty() ? "" : std::string(name_) + ": ") + "line " + std::to_string(line) +
                             ", column " + std::to_string(column) + ": " + what);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool accept(std::string_view token)
  {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size()); }

  value any(std::size_t depth)
  {
    switch (peek()) {
      case '{':
        return members(depth);
      case '[':
        return elements(depth);
      case '"':
        return string();
      default:
        break;
    }
    if (accept("null")) return nullptr;
    if (accept("true")) return true;
    if (accept("false")) return false;
    if (accepts_.non_finite) {
      if (accept("NaN")) return std::numeric_limits<double>::quiet_NaN();
      if (accept("Infinity")) return std::numeric_limits<double>::infinity();
      if (accept("-Infinity")) return -std::numeric_limits<double>::infinity();
    }
    if (peek() == '-' || is_digit()) return number();
    fail(at_ == text_.size() ? "the document ends where a value must follow" : "a value must follow");
  }

  void enter(std::size_t depth)
  {
    if (depth >= accepts_.depth) fail("nested deeper than " + std::to_string(accepts_.depth) + " levels");
    ++at_;
    skip_space();
  }

  /// After an element: true if another follows.
  bool another(char close)
  {
    skip_space();
    const bool more = accept(",");
    if (!more && !accept({&close, 1})) fail(std::string("\",\" or \"") + close + "\" must follow");
    skip_space();
    return more;
  }

  value elements(std::size_t depth)
  {
    enter(depth);
    array list;
    if (accept("]")) return list;
    do list.push_back(any(depth + 1));
    while (another(']'));
    return list;
  }

  value members(std::size_t depth)
  {
    enter(depth);
    object list;
    std::vector<std::size_t> places;
    if (accept("}")) return list;
    do {
      if (peek() != '"') fail("a key in quotes must follow");
      places.push_back(at_);
      std::string key = string();
      skip_space();
      if (!accept(":")) fail("\":\" must follow");
      skip_space();
      list.emplace_back(std::move(key), any(depth + 1));
    } while (another('}'));
    refuse_duplicates(list, places);
    return list;
  }

  void refuse_duplicates(const object& list, const std::vector<std::size_t>& places) const
  {
    std::vector<std::pair<std::string_view, std::size_t>> keys;
    for (std::size_t i = 0; i < list.size(); ++i) keys.emplace_back(list[i].first, places[i]);
    std::sort(keys.begin(), keys.end());
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    const auto twice = std::adjacent_find(keys.begin(), keys.end(), same);
    if (twice != keys.end()) fail("the key " + in_quotes(twice->first) + " occurs twice", (twice + 1)->second);
  }

  std::string string()
  {
    std::string out;
    for (++at_; peek() != '"';) {
      if (at_ == text_.size()) fail("the document ends inside a string");
      const std::size_t length = utf8_length(text_.substr(at_));
      if (length == 0) fail("the string is not UTF-8");
      if (static_cast<unsigned char>(peek()) < 0x20) fail("a control character in a string must be escaped");
      if (peek() == '\\') {
        escape(out);
      } else {
        out.append(text_, at_, length);
        at_ += length;
      }
    }
    ++at_;
    return out;
  }

  void escape(std::string& out)
  {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const std::size_t start = at_++;
    if (accept("u")) return append_utf8(out, code_point(start));
    const std::size_t which = at_ < text_.size() ? letters.find(text_[at_]) : letters.npos;
    if (which == letters.npos) fail("unknown escape in a string", start);
    out.push_back(meanings[which]);
    ++at_;
  }

  std::uint32_t code_point(std::size_t start)
  {
    const std::uint32_t first = hex4(start);
    if (first < 0xd800 || first > 0xdfff) return first;
    const std::uint32_t second = first < 0xdc00 && accept("\\u") ? hex4(start) : 0;
    if (second < 0xdc00 || second > 0xdfff) fail("half of a surrogate pair in a string", start);
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  }

  std::uint32_t hex4(std::size_t start)
  {
    const std::string_view digits = text_.substr(at_, 4);
    std::uint32_t code = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() < 4 || result.ptr != digits.data() + 4) fail("\\u needs four hexadecimal digits", start);
    at_ += 4;
    return code;
  }

  bool is_digit() const { return peek() >= '0' && peek() <= '9'; }

  void digits()
  {
    if (!is_digit()) fail("a digit must follow");
    while (is_digit()) ++at_;
  }

  value number()
  {
    const std::size_t start = at_;
    bool whole = true;
    accept("-");
    if (!accept("0")) digits();
    if (accept(".")) digits(), whole = false;
    if (accept("e") || accept("E")) {
      if (!accept("-")) accept("+");
      digits(), whole = false;
    }
    const std::string_view literal = text_.substr(start, at_ - start);
    if (std::int64_t integer = 0; whole && read(literal, integer)) return integer;
    if (std::uint64_t integer = 0; whole && read(literal, integer)) return integer;
    return real(literal, start);
  }

  template <class T>
  static bool read(std::string_view literal, T& out)
  {
    return std::from_chars(literal.data(), literal.data() + literal.size(), out).ec == std::errc();
  }

  /// The nearest double. std::from_chars reports both ends of the range alike: numbers below it become 0.
  double real(std::string_view literal, std::size_t start) const
  {
    double nearest = 0;
    if (read(literal, nearest)) return nearest;
    if (magnitude(literal) > 0) fail("the number is out of the range of a double", start);
    return literal.front() == '-' ? -0.0 : 0.0;
  }

  /// The decimal exponent of a literal, up to 1; minus infinity for zero.
  static double magnitude(std::string_view literal)
  {
    const std::size_t e = std::min(literal.find_first_of("eE"), literal.size());
    const std::string_view mantissa = literal.substr(0, e);
    const std::size_t first = mantissa.find_first_of("123456789");
    if (first == mantissa.npos) return -std::numeric_limits<double>::infinity();
    const auto point = static_cast<double>(std::min(mantissa.find('.'), e));
    std::int64_t exponent = 0;
    std::string_view digits = literal.substr(std::min(e + 1, literal.size()));
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    if (!digits.empty() && !read(digits, exponent)) exponent = std::numeric_limits<std::int64_t>::max();
    return point - static_cast<double>(first) + static_cast<double>(exponent) * (negative ? -1 : 1);
  }

  std::string_view text_;
  limits accepts_;
  std::string_view name_;
  std::size_t at_ = 0;
};

/// The shortest literal that reads back as the same double, with a point or an exponent in it.
inline void append_number(std::string& out, double number)
{
  if (!std::isfinite(number)) throw std::invalid_argument("JSON has no literal for " + std::to_string(number));
  std::array<char, 32> digits{};
  const std::string_view literal(
      digits.data(),
      static_cast<std::size_t>(std::to_chars(digits.begin(), digits.end(), number).ptr - digits.begin()));
  out.append(literal);
  if (literal.find_first_of(".e") == literal.npos) out.append(".0");
}

inline bool is_scalar(const value& v)
{
  return v.kind() != kind::array && v.kind() != kind::object;
}

class writer {
public:
  explicit writer(const layout& as) : indent_(as.indent) {}

  std::string text(const value& v) &&
  {
    append(v, 0);
    return std::move(out_);
  }

private:
  void append(const value& v, std::size_t depth)
  {
    switch (v.kind()) {
      case kind::null:
        out_.append("null");
        break;
      case kind::boolean:
        out_.append(*v.get_if<bool>() ? "true" : "false");
        break;
      case kind::integer:
        append_integer(v);
        break;
      case kind::number:
        append_number(out_, *v.get_if<double>());
        break;
      case kind::string:
        append_string(out_, *v.get_if<std::string>());
        break;
      case kind::array:
        append_array(*v.get_if<array>(), depth);
        break;
      case kind::object:
        append_object(*v.get_if<object>(), depth);
        break;
    }
  }

  void append_integer(const value& v)
  {
    const auto* integer = v.get_if<std::int64_t>();
    out_.append(integer ? std::to_string(*integer) : std::to_string(*v.get_if<std::uint64_t>()));
  }

  void append_array(const array& list, std::size_t depth)
  {
    const bool flat = std::all_of(list.begin(), list.end(), is_scalar);
    out_.push_back('[');
    for (const value& element : list) {
      if (&element != list.data()) out_.append(flat && indent_ != 0 ? ", " : ",");
      if (!flat) new_line(depth + 1);
      append(element, depth + 1);
    }
    if (!flat) new_line(depth);
    out_.push_back(']');
  }

  void append_object(const object& list, std::size_t depth)
  {
    out_.push_back('{');
    for (const auto& member : list) {
      if (&member != list.data()) out_.push_back(',');
      new_line(depth + 1);
      append_string(out_, member.first);
      out_.append(indent_ != 0 ? ": " : ":");
      append(member.second, depth + 1);
    }
    if (!list.empty()) new_line(depth);
    out_.push_back('}');
  }

  void new_line(std::size_t depth)
  {
    if (indent_ != 0) out_.append(1, '\n').append(indent_ * depth, ' ');
  }

  std::string out_;
  std::size_t indent_;
};

/// What a value is, short enough for a sentence: "an array of 3", or the scalar itself.
inline std::string described(const value& v)
{
  switch (v.kind()) {
    case kind::array:
      return "an array of " + std::to_string(v.get_if<array>()->size());
    case kind::object:
      return "an object";
    case kind::string:
      return in_quotes(*v.get_if<std::string>());
    default:
      break;
  }
  const auto* number = v.get_if<double>();
  return number && !std::isfinite(*number) ? std::to_string(*number) : writer({}).text(v);
}

}  // namespace detail

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
