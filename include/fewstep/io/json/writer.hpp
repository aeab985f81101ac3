/// @file
/// The writer of JSON: every number comes back with the same bits.
#pragma once

#include "fewstep/io/json/text.hpp"
#include "fewstep/io/json/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep::json {

/// How the writer lays a document out: on one line without spaces, or indented by so many spaces a level, with
/// arrays of scalars on one line.
struct layout {
  std::size_t indent = 0;
};

namespace detail {

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

}  // namespace fewstep::json
