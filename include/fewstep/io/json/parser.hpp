/// @file
/// The reader of JSON (RFC 8259): strict, because checkpoints come from strangers. It is longer than most headers: one
/// grammar, one class.
#pragma once

#include "fewstep/io/json/text.hpp"
#include "fewstep/io/json/value.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace fewstep::json {

/// What the reader accepts.
struct limits {
  std::size_t depth = 64;                     ///< arrays and objects inside each other
  std::size_t bytes = std::size_t{64} << 20;  ///< size of the document
  bool non_finite = false;                    ///< NaN, Infinity and -Infinity, as Python writes them
};

namespace detail {

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
    if (!more && !accept({&close, 1})) fail(std::string("\",\" or \"").append(1, close).append("\" must follow"));
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

}  // namespace detail

}  // namespace fewstep::json
