#include "fewstep/io/tensor_numbers.hpp"

#include "fewstep/io/tensor_view.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fewstep;
using fewstep::test::refusal;

namespace {

template <class T>
constexpr T lowest = std::numeric_limits<T>::min();
template <class T>
constexpr T highest = std::numeric_limits<T>::max();

tensor_view as(dtype type, const auto& bits)
{
  return {"bits", type, {bits.size()}, std::as_bytes(std::span(bits))};
}

}  // namespace

TEMPLATE_TEST_CASE("the ends of an integer type are read exactly", "[io][tensor_numbers]", std::int8_t, std::uint8_t,
                   std::int16_t, std::uint16_t, std::int32_t, std::uint32_t, std::int64_t)
{
  const std::array<TestType, 3> numbers{lowest<TestType>, 1, highest<TestType>};
  const tensor_view view = view_of("n", numbers, {3});

  REQUIRE(view.bytes.size() == 3 * size_of(view.type));
  REQUIRE(to_int64(view) == std::vector<std::int64_t>{lowest<TestType>, 1, highest<TestType>});
  REQUIRE(to_double(view)[2] == static_cast<double>(highest<TestType>));
  REQUIRE(to_float(view)[0] == static_cast<float>(lowest<TestType>));
}

TEST_CASE("floats and doubles are read bit for bit", "[io][tensor_numbers]")
{
  const std::vector<float> floats{0.1f, -0.0f, highest<float>, std::numeric_limits<float>::denorm_min()};
  const std::vector<double> doubles{0.1, -0.0, highest<double>, 1e-310};
  REQUIRE(std::memcmp(to_float(view_of("f", floats, {4})).data(), floats.data(), 16) == 0);
  REQUIRE(std::memcmp(to_double(view_of("d", doubles, {4})).data(), doubles.data(), 32) == 0);
  REQUIRE(to_double(view_of("f", floats, {4}))[0] == static_cast<double>(0.1f));
}

TEST_CASE("doubles are rounded to the nearest float, those out of range to infinity", "[io][tensor_numbers]")
{
  const std::vector<double> doubles{0.1, 1e300, -1e300, 1e-300};
  const float infinity = std::numeric_limits<float>::infinity();
  REQUIRE(to_float(view_of("d", doubles, {4})) == std::vector{0.1f, infinity, -infinity, 0.0f});
}

TEST_CASE("the 16-bit floating-point types are read by their bits", "[io][tensor_numbers]")
{
  const std::vector<std::uint16_t> halves{0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00};
  const std::vector<std::uint16_t> brains{0x3f80, 0xc000, 0x0001, 0x7f7f, 0x7f80};
  const float infinity = std::numeric_limits<float>::infinity();
  REQUIRE(to_float(view_of_half("h", halves, {5})) == std::vector{1.0f, -2.0f, 0x1p-24f, 65504.0f, infinity});
  REQUIRE(to_float(as(dtype::bf16, brains)) == std::vector{1.0f, -2.0f, 0x1p-133f, 0x1.fep127f, infinity});
  REQUIRE(to_double(as(dtype::bf16, brains))[2] == 0x1p-133);
}

TEST_CASE("a boolean is any byte that is not zero", "[io][tensor_numbers]")
{
  const std::vector<std::uint8_t> bytes{0, 1, 255};
  REQUIRE(to_int64(as(dtype::boolean, bytes)) == std::vector<std::int64_t>{0, 1, 1});
  REQUIRE(to_float(as(dtype::boolean, bytes)) == std::vector{0.0f, 1.0f, 1.0f});
}

TEST_CASE("bytes need not be aligned", "[io][tensor_numbers]")
{
  alignas(8) std::array<std::byte, 9> bytes{};
  const double number = 0.1;
  std::memcpy(bytes.data() + 1, &number, sizeof number);
  REQUIRE(to_double({"d", dtype::f64, {}, std::span(bytes).subspan(1)}) == std::vector{0.1});
}

TEST_CASE("integers are not read from floating-point numbers, nor cut", "[io][tensor_numbers]")
{
  const std::vector<float> floats{1.0f};
  const std::vector<std::uint64_t> large{highest<std::uint64_t>};
  REQUIRE(refusal<std::runtime_error>([&] { to_int64(view_of("steps", floats, {1})); }) ==
          "tensor \"steps\" must have an integer dtype, but has F32");
  REQUIRE(refusal<std::runtime_error>([&] { to_int64(view_of("seed", large, {1})); }) ==
          "tensor \"seed\" holds integers of 2^63 or more");
  REQUIRE(to_double(view_of("seed", large, {1}))[0] == 0x1p64);
}
