#include "fewstep/random/torch_normal.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

using namespace fewstep;
using Catch::Matchers::WithinAbs;

namespace {

template <class S>
std::vector<S> draw(torch_normal& generator, std::size_t count)
{
  std::vector<S> z(count);
  generator.fill(std::span<S>(z));
  return z;
}

template <class U, class S>
std::vector<U> bits(const std::vector<S>& values)
{
  std::vector<U> patterns;
  for (S value : values) patterns.push_back(std::bit_cast<U>(value));
  return patterns;
}

std::vector<std::uint32_t> float_bits(torch_normal generator, std::size_t count)
{
  return bits<std::uint32_t>(draw<float>(generator, count));
}

std::vector<std::uint64_t> double_bits(torch_normal generator, std::size_t count)
{
  return bits<std::uint64_t>(draw<double>(generator, count));
}

}  // namespace

// The bits below are PyTorch's, each from a new generator:
//
//     g = torch.Generator('cpu').manual_seed(seed)
//     [hex(b & 0xffffffff) for b in torch.randn(n, generator=g).view(torch.int32).tolist()]
//     [hex(b & 0xffffffffffffffff)
//      for b in torch.randn(n, generator=g, dtype=torch.float64).view(torch.int64).tolist()]
//
// on x86-64 with AVX2. Versions 1.13.1 and 2.7.1 agree where none is named. ATEN_CPU_CAPABILITY=default in the
// environment gives the path `scalar`.

TEST_CASE("18 floats have PyTorch's bits on the path with AVX2", "[random]")
{
  const std::vector<std::uint32_t> known{0xbf901b85, 0xbf93808a, 0x3f111004, 0x3f4b235d, 0x3f194d8b, 0xbfc70d5b,
                                         0xbeaec6ca, 0x3fed2f4e, 0x3eefaa55, 0xbe217f5f, 0xbe318eeb, 0x3e3be1a4,
                                         0x3fb1d6c0, 0x3fcb0d00, 0x3f72409c, 0xbf57fb33, 0x3f6e8c30, 0x3fa12737};
  REQUIRE(float_bits(torch_normal(0), 18) == known);
}

TEST_CASE("18 floats have PyTorch's bits on the path without AVX2", "[random]")
{
  const std::vector<std::uint32_t> known{0xbf901b85, 0xbf93808a, 0x3f111002, 0x3f4b235e, 0x3f194d8b, 0xbfc70d5b,
                                         0xbeaec6c7, 0x3fed2f4e, 0x3eefaa55, 0xbe217f5f, 0xbe318efd, 0x3e3be1a3,
                                         0x3fb1d6c0, 0x3fcb0d01, 0x3f72409c, 0xbf57fb34, 0x3f6e8c31, 0x3fa12737};
  REQUIRE(float_bits(torch_normal(0, torch_path::scalar), 18) == known);
}

TEST_CASE("18 doubles have PyTorch's bits on both paths", "[random]")
{
  const std::vector<std::uint64_t> known{0xc0027bb92e9262dc, 0xbfd7e35794939460, 0xbff42cbf54f08f8e, 0xbfe7432edfaba107,
                                         0xbf9471a3c0e2f22a, 0x3fcaeb1b572b6a04, 0x3fc6ae2402b7b62b, 0xbfea9389d082941d,
                                         0x3fce8e503666016d, 0x3fe779107c3069d9, 0xbfe8bc82256d975b, 0xbff985dd0627b1f0,
                                         0xbfe5fbef2bc4be3b, 0x3ff7cf270386ca66, 0xbfdcb2d8340fb171, 0xbfec8318cc163de5,
                                         0x3fe5986ed8e63e98, 0x3ff0bff5e8d733a2};
  REQUIRE(double_bits(torch_normal(0), 18) == known);
  REQUIRE(double_bits(torch_normal(0, torch_path::scalar), 18) == known);
}

TEST_CASE("a few floats have PyTorch's bits, and seeds count modulo 2^32", "[random]")
{
  const std::vector<std::uint32_t> known{0x3f294e60, 0x3e88aa47, 0x3d7ca14b, 0x3f1f0ea7, 0xbee76038};
  REQUIRE(float_bits(torch_normal(1), 5) == known);
  REQUIRE(float_bits(torch_normal(4294967297), 5) == known);
}

TEST_CASE("a few doubles have the bits of the release of PyTorch that is asked for", "[random]")
{
  const std::vector<std::uint64_t> of_1_13{0x3fe9b47008a2a7ac, 0x3fc660f0cd30f451, 0x3fb6c744b8324fcf,
                                           0xbfe3a393f2853e66, 0x3fa7a539ef4531b5, 0xbff5e463bc486fa2};
  const std::vector<std::uint64_t> of_2_7{0x3fe9b47008a2a7ad, 0x3fc660f0cd30f452, 0x3fb6c744b8324fcf,
                                          0xbfe3a393f2853e66, 0x3fa7a539ef4531b4, 0xbff5e463bc486fa1};
  REQUIRE(double_bits(torch_normal(3, torch_path::avx2, torch_release::one), 6) == of_1_13);
  REQUIRE(double_bits(torch_normal(3), 6) == of_2_7);
}

// The largest radius is sqrt(48 ln 2) < 5.8. The paths differ by a few units of 2^-24 of it, and by the angle: 2 pi is
// rounded to float (1.8e-7 off), then the product in both (2.4e-7 each).
TEST_CASE("the polynomials of the path with AVX2 are log, sin and cos to float precision", "[random]")
{
  torch_normal polynomials(7), library(7, torch_path::scalar);
  const auto a = draw<float>(polynomials, 1 << 18), b = draw<float>(library, 1 << 18);
  float largest = 0;
  for (std::size_t k = 0; k < a.size(); ++k) largest = std::max(largest, std::abs(a[k] - b[k]));
  REQUIRE(largest > 0);
  REQUIRE(largest < 5.8 * (8 * 0x1p-24 + 6.6e-7));
}

TEST_CASE("the ends of the unit interval give finite normals and no negative zero", "[random]")
{
  const float below_one = 1 - 0x1p-24f;
  for (auto transform : {detail::torch_transform_avx2, detail::torch_transform_scalar<float>}) {
    std::array<float, 16> x{0, 0, 0, below_one, below_one};  // elements j and j + 8 make a pair
    x[9] = x[12] = below_one;
    x[10] = 0.5f;
    transform(x.data());
    for (std::size_t j : std::array<std::size_t, 3>{0, 1, 2}) {  // u = 0: the radius is 0
      REQUIRE(std::bit_cast<std::uint32_t>(x[j]) == 0);
      REQUIRE(std::bit_cast<std::uint32_t>(x[j + 8]) == 0);
    }
    for (std::size_t j : std::array<std::size_t, 2>{
             3, 4})  // u = 1 - 2^-24: the largest radius there is, at angles 0 and just below 2 pi
      REQUIRE_THAT(x[j], WithinAbs(std::sqrt(48 * std::log(2.0)), 1e-6));
    for (float z : x) REQUIRE(std::isfinite(z));
  }
}

TEST_CASE("an odd small draw leaves its spare to the next small draw, and large draws pass it by", "[random]")
{
  torch_normal one(5), other(5);
  const auto whole = draw<double>(one, 6);
  REQUIRE(draw<double>(other, 3) == std::vector(whole.begin(), whole.begin() + 3));
  REQUIRE(other.state().spare == whole[3]);
  torch_normal detour = other;
  draw<float>(detour, 16);
  REQUIRE(detour.state().spare == whole[3]);
  REQUIRE(draw<double>(other, 3) == std::vector(whole.begin() + 3, whole.end()));
  REQUIRE_FALSE(other.state().has_spare);
}

TEST_CASE("a draw of nothing changes nothing", "[random]")
{
  torch_normal generator(5);
  draw<float>(generator, 0);
  REQUIRE(generator.state() == torch_normal(5).state());
}

TEST_CASE("a generator goes on from its saved state", "[random]")
{
  for (torch_path path : {torch_path::avx2, torch_path::scalar}) {
    torch_normal generator(9, path, torch_release::one);
    draw<float>(generator, 1000);
    draw<float>(generator, 7);
    torch_normal resumed(generator.state());
    REQUIRE(draw<float>(resumed, 5) == draw<float>(generator, 5));
    REQUIRE(draw<float>(resumed, 33) == draw<float>(generator, 33));
    REQUIRE(resumed.state() == generator.state());
  }
}

TEST_CASE("a state that has spent more words than there are is refused", "[random]")
{
  torch_normal_state state = torch_normal(1).state();
  state.engine.next = 625;
  REQUIRE_THROWS_AS(torch_normal(state), std::invalid_argument);
  REQUIRE_THROWS_WITH(torch_normal(state), "torch_normal: an engine has 624 words, so it cannot have spent 625");
}
