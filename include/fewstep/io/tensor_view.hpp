/// @file
/// A named tensor in a file: its type, its shape and its bytes, and their conversion to numbers and back.
#pragma once

#include "fewstep/io/half.hpp"
#include "fewstep/io/json.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and is not converted");

/// The type of an element, in the order in which the official writer sorts tensors (last ones first).
enum class dtype { boolean, u8, i8, i16, u16, f16, bf16, i32, u32, f32, f64, i64, u64 };

/// One tensor, row-major; shape {} is a scalar. The bytes belong to somebody else: to the file that was read or to
/// who wants to write. They need not be aligned.
struct tensor_view {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::size_t> shape{};
  std::span<const std::byte> bytes{};
};

namespace detail {

struct dtype_facts {
  std::string_view name;
  std::size_t size;
};

inline constexpr std::array<dtype_facts, 13> dtypes{{{"BOOL", 1},
                                                     {"U8", 1},
                                                     {"I8", 1},
                                                     {"I16", 2},
                                                     {"U16", 2},
                                                     {"F16", 2},
                                                     {"BF16", 2},
                                                     {"I32", 4},
                                                     {"U32", 4},
                                                     {"F32", 4},
                                                     {"F64", 8},
                                                     {"I64", 8},
                                                     {"U64", 8}}};

/// The number of bytes that a tensor takes, or nothing if that does not fit.
inline std::optional<std::size_t> byte_count(dtype type, std::span<const std::size_t> shape)
{
  std::size_t bytes = dtypes[static_cast<std::size_t>(type)].size;
  for (const std::size_t extent : shape) {
    if (extent != 0 && bytes > std::numeric_limits<std::size_t>::max() / extent) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

}  // namespace detail

/// "F32", as files spell it.
inline std::string_view name_of(dtype type)
{
  return detail::dtypes[static_cast<std::size_t>(type)].name;
}

/// Bytes of one element.
inline std::size_t size_of(dtype type)
{
  return detail::dtypes[static_cast<std::size_t>(type)].size;
}

/// "[2, 3]", for the sentences of errors.
inline std::string to_string(std::span<const std::size_t> shape)
{
  std::string out;
  for (const std::size_t extent : shape) out += (out.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + out + "]";
}

namespace detail {

/// "tensor "w" must have shape [2, 3], but has [3, 2]", or nothing if it has.
inline std::optional<std::string> shape_mismatch(const tensor_view& view, std::span<const std::size_t> shape)
{
  if (std::equal(view.shape.begin(), view.shape.end(), shape.begin(), shape.end())) return std::nullopt;
  return "tensor " + json::detail::in_quotes(view.name) + " must have shape " + to_string(shape) + ", but has " +
         to_string(view.shape);
}

}  // namespace detail

/// Throws std::runtime_error that names the tensor and both shapes unless they are equal.
inline void require_shape(const tensor_view& view, std::span<const std::size_t> shape)
{
  if (const auto mismatch = detail::shape_mismatch(view, shape)) throw std::runtime_error(*mismatch);
}

/// The dtype of an arithmetic type.
template <class T>
requires(std::is_arithmetic_v<T> && sizeof(T) <= 8) constexpr dtype dtype_of()
{
  if constexpr (std::same_as<T, bool>)
    return dtype::boolean;
  else if constexpr (std::floating_point<T>)
    return sizeof(T) == 4 ? dtype::f32 : dtype::f64;
  else if constexpr (sizeof(T) == 1)
    return std::signed_integral<T> ? dtype::i8 : dtype::u8;
  else if constexpr (sizeof(T) == 2)
    return std::signed_integral<T> ? dtype::i16 : dtype::u16;
  else if constexpr (sizeof(T) == 4)
    return std::signed_integral<T> ? dtype::i32 : dtype::u32;
  else
    return std::signed_integral<T> ? dtype::i64 : dtype::u64;
}

/// A view, for the writer, of a vector, array or span of numbers that the caller keeps. That they fill the shape is
/// checked by the writer.
template <class R>
tensor_view view_of(std::string name, const R& numbers, std::vector<std::size_t> shape)
{
  const std::span all(std::data(numbers), std::size(numbers));
  return {std::move(name), dtype_of<typename decltype(all)::value_type>(), std::move(shape), std::as_bytes(all)};
}

/// The same for halves that `to_half` made.
inline tensor_view view_of_half(std::string name, std::span<const std::uint16_t> halves, std::vector<std::size_t> shape)
{
  return {std::move(name), dtype::f16, std::move(shape), std::as_bytes(halves)};
}

}  // namespace fewstep
