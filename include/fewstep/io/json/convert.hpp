/// @file
/// JSON values as numbers, strings, vectors and optionals of C++, or a sentence why not.
#pragma once

#include "fewstep/io/json/value.hpp"
#include "fewstep/io/json/writer.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep::json {

namespace detail {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// What a T is called in a sentence.
template <class T>
std::string expected()
{
  if constexpr (is_optional<T>)
    return expected<typename T::value_type>() + " or null";
  else if constexpr (is_vector<T>)
    return "an array";
  else if constexpr (std::same_as<T, bool>)
    return "true or false";
  else if constexpr (std::integral<T>)
    return (std::is_signed_v<T> ? "an integer of " : "a non-negative integer of ") + std::to_string(8 * sizeof(T)) +
           " bits";
  else
    return std::floating_point<T> ? "a number" : "a string";
}

[[noreturn]] inline void refuse(const value& v, const std::string& place, std::string_view wanted)
{
  throw std::runtime_error(place + " must be " + std::string(wanted) + ", but is " + described(v));
}

/// A scalar of type T, or nothing if the value is none. Integers are numbers, but 2.0 is no integer.
template <class T>
std::optional<T> scalar(const value& v)
{
  const auto* integer = v.get_if<std::int64_t>();
  const auto* natural = v.get_if<std::uint64_t>();
  if constexpr (std::same_as<T, bool> || std::same_as<T, std::string>) {
    if (const T* held = v.get_if<T>()) return *held;
  } else if constexpr (std::integral<T>) {
    if (integer && std::in_range<T>(*integer)) return static_cast<T>(*integer);
    if (natural && std::in_range<T>(*natural)) return static_cast<T>(*natural);
  } else {
    static_assert(std::floating_point<T>, "read numbers, bool, std::string, and vectors and optionals of them");
    if (const auto* number = v.get_if<double>()) return static_cast<T>(*number);
    if (integer) return static_cast<T>(*integer);
    if (natural) return static_cast<T>(*natural);
  }
  return std::nullopt;
}

}  // namespace detail

/// A value as a T: bool, an integer, a floating-point number, std::string, or std::vector or std::optional (null is
/// nothing) of these. Throws std::runtime_error: `place`, then what it must be, then what it is.
template <class T>
T to(const value& v, const std::string& place)
{
  if constexpr (detail::is_optional<T>) {
    if (v.kind() == kind::null) return std::nullopt;
    return to<typename T::value_type>(v, place);
  } else if constexpr (detail::is_vector<T>) {
    const auto* elements = v.get_if<array>();
    if (!elements) detail::refuse(v, place, detail::expected<T>());
    T out;
    for (const value& element : *elements)
      out.push_back(to<typename T::value_type>(element, place + "[" + std::to_string(out.size()) + "]"));
    return out;
  } else {
    const std::optional<T> held = detail::scalar<T>(v);
    if (!held) detail::refuse(v, place, detail::expected<T>());
    return *held;
  }
}

}  // namespace fewstep::json
