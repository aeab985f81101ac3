/// @file
/// The elements of a tensor of any dtype as numbers.
#pragma once

#include "fewstep/io/half.hpp"
#include "fewstep/io/json/text.hpp"
#include "fewstep/io/tensor_view.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

namespace detail {

/// Calls `convert` for each element, read as a T.
template <class T, class R, class F>
std::vector<R> converted(const tensor_view& view, F convert)
{
  std::vector<R> out(view.bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < out.size(); ++i) {
    T element;
    std::memcpy(&element, view.bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = convert(element);
  }
  return out;
}

/// The elements of any dtype as numbers of type R, by static_cast from the type in the file.
template <class R>
std::vector<R> numbers(const tensor_view& view)
{
  const auto plain = [](auto element) { return static_cast<R>(element); };
  switch (view.type) {
    case dtype::boolean:
      return converted<std::uint8_t, R>(view, [](auto byte) { return static_cast<R>(byte != 0); });
    case dtype::u8:
      return converted<std::uint8_t, R>(view, plain);
    case dtype::i8:
      return converted<std::int8_t, R>(view, plain);
    case dtype::i16:
      return converted<std::int16_t, R>(view, plain);
    case dtype::u16:
      return converted<std::uint16_t, R>(view, plain);
    case dtype::f16:
      return converted<std::uint16_t, R>(view, [](auto bits) { return static_cast<R>(half_to_float(bits)); });
    case dtype::bf16:
      return converted<std::uint16_t, R>(
          view, [](auto bits) { return static_cast<R>(std::bit_cast<float>(std::uint32_t{bits} << 16)); });
    case dtype::i32:
      return converted<std::int32_t, R>(view, plain);
    case dtype::u32:
      return converted<std::uint32_t, R>(view, plain);
    case dtype::f32:
      return converted<float, R>(view, plain);
    case dtype::f64:
      return converted<double, R>(view, plain);
    case dtype::i64:
      return converted<std::int64_t, R>(view, plain);
    case dtype::u64:
      return converted<std::uint64_t, R>(view, plain);
  }
  return {};
}

inline bool is_floating(dtype type)
{
  return type == dtype::f16 || type == dtype::bf16 || type == dtype::f32 || type == dtype::f64;
}

}  // namespace detail

/// The elements as floats, whatever the dtype. F64 and integers are rounded to the nearest, the rest is exact.
inline std::vector<float> to_float(const tensor_view& view)
{
  return detail::numbers<float>(view);
}

/// The elements as doubles, whatever the dtype. 64-bit integers are rounded to the nearest, the rest is exact.
inline std::vector<double> to_double(const tensor_view& view)
{
  return detail::numbers<double>(view);
}

/// The elements as integers. Throws std::runtime_error, naming the tensor, for a floating-point dtype and for numbers
/// of 2^63 or more.
inline std::vector<std::int64_t> to_int64(const tensor_view& view)
{
  const std::string subject = "tensor " + json::detail::in_quotes(view.name);
  if (detail::is_floating(view.type))
    throw std::runtime_error(subject + " must have an integer dtype, but has " + std::string(name_of(view.type)));
  std::vector<std::int64_t> out = detail::numbers<std::int64_t>(view);
  if (view.type == dtype::u64 && std::any_of(out.begin(), out.end(), [](auto number) { return number < 0; }))
    throw std::runtime_error(subject + " holds integers of 2^63 or more");
  return out;
}

}  // namespace fewstep
