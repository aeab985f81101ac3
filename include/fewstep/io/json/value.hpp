/// @file
/// Any JSON value, as a value of C++.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
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

}  // namespace fewstep::json
