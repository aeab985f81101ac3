/// @file
/// The bits of `torch.randn(n, generator=torch.Generator('cpu').manual_seed(seed))`, so that a seed gives the picture
/// that it gave in Python: the Mersenne twister (Matsumoto and Nishimura 1998), then Box-Muller as PyTorch's CPU
/// kernels do it.
#pragma once

#include "fewstep/random/mt19937.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <stdexcept>
#include <string>

namespace fewstep {

/// How PyTorch makes a draw of 16 floats or more, which depends on the processor that it runs on.
enum class torch_path {
  avx2,   ///< x86 with AVX2 or AVX-512: float polynomials for log, sin and cos
  scalar  ///< Arm, x86 without AVX2, and everywhere with ATEN_CPU_CAPABILITY=default: the C library's float functions
};

/// The major version of PyTorch, which tells draws of fewer than 16 apart: ln(1 - v) was taken by log(1 - v), now it
/// is by log1p(-v). In 3 of 100 doubles that changes the last bit, in floats almost never.
enum class torch_release { one, two };

/// All that a `torch_normal` knows, for a program to save.
struct torch_normal_state {
  mt19937 engine{};
  bool has_spare = false;  ///< a draw of fewer than 16 has used the first normal of a pair
  double spare = 0;        ///< the second of that pair, else 0
  torch_path path = torch_path::avx2;
  torch_release release = torch_release::two;

  bool operator==(const torch_normal_state&) const = default;
};

namespace detail {

// PyTorch's AVX2 kernel is compiled to fused multiply-adds. They are written as std::fma here, in the order of that
// compiled code. A product that is not fused feeds no sum except as the addend of a std::fma, and -ffp-contract has no
// such instruction to make: no compiler and no flag but -ffast-math changes a bit.

/// The natural logarithm on (0, 1], as Cephes' logf.
inline float torch_log(float u)
{
  const auto bits = std::bit_cast<std::uint32_t>(u);
  const float mantissa = std::bit_cast<float>((bits & 0x007fffff) | 0x3f000000);  // in [1/2, 1)
  const bool low = mantissa < 0.707106781186547524f;
  const float e = static_cast<float>(static_cast<std::int32_t>(bits >> 23) - 126 - (low ? 1 : 0));
  const float x = (mantissa - 1) + (low ? mantissa : 0);
  float y = 7.0376836292e-2f;
  for (float p : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f,
                  2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f})
    y = std::fma(y, x, p);
  const float z = x * x;
  y = std::fma(y * x, z, e * -2.12194440e-4f);
  y = std::fma(z, -0.5f, y);
  return std::fma(e, 0.693359375f, x + y);
}

struct sine_and_cosine {
  float sine, cosine;
};

/// On [0, 2 pi], as Cephes' sinf and cosf.
inline sine_and_cosine torch_sincos(float theta)
{
  const auto octant = static_cast<std::uint32_t>(static_cast<std::int32_t>(theta * 1.27323954473516f) + 1) & ~1u;
  const float j = static_cast<float>(static_cast<std::int32_t>(octant));
  float x = std::fma(j, -0.78515625f, theta);
  x = std::fma(j, -2.4187564849853515625e-4f, x);
  x = std::fma(j, -3.77489497744594108e-8f, x);
  const float z = x * x;
  float c = std::fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = std::fma(c, z, 4.166664568298827e-2f) * z;
  c = std::fma(c, z, z * -0.5f) + 1;
  float s = std::fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = std::fma(s, z, -1.6666654611e-1f) * z;
  s = std::fma(s, x, x);
  const bool swapped = (octant & 2) != 0;
  const auto signed_by = [](float value, std::uint32_t sign) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ (sign & 4) << 29);
  };
  return {signed_by(swapped ? c : s, octant), signed_by(swapped ? s : c, octant + 2)};
}

/// Turns 16 uniforms in [0, 1) into normals in place: elements j and j + 8 make a pair. The zeros are PyTorch's mean,
/// which turns -0 into 0; a product that feeds them rounds the same, contracted or not. The roots have a loop of their
/// own, because errno keeps it from running in vector registers as the others do.
inline void torch_transform_avx2(float* x)
{
  std::array<float, 8> radius;
  for (std::size_t j = 0; j < 8; ++j) radius[j] = -2 * torch_log(1 - x[j]);
  for (float& r : radius) r = std::sqrt(r);
  for (std::size_t j = 0; j < 8; ++j) {
    const auto [sine, cosine] = torch_sincos(static_cast<float>(2 * std::numbers::pi) * x[j + 8]);
    x[j] = radius[j] * cosine + 0.0f;
    x[j + 8] = radius[j] * sine + 0.0f;
  }
}

template <std::floating_point S>
void torch_transform_scalar(S* x)
{
  for (std::size_t j = 0; j < 8; ++j) {
    const S radius = std::sqrt(-2 * std::log(1 - x[j]));
    const S theta = static_cast<S>(2 * std::numbers::pi * static_cast<double>(x[j + 8]));
    x[j] = radius * std::cos(theta) + 0;
    x[j + 8] = radius * std::sin(theta) + 0;
  }
}

}  // namespace detail

/// A generator of standard normals that equals PyTorch's CPU generator draw by draw. It is a value: a copy goes on by
/// itself.
///
/// Compared, every bit, with LibTorch 1.13 (Debian 12) and with the Linux build of PyTorch 2.7.1, both on x86-64 with
/// AVX-512, on either path, for float and double. Draws of 16 floats or more on the path `avx2` come out the same
/// everywhere, though slowly where std::fma is no instruction. All else takes log, sin and cos from the C library, as
/// PyTorch does: a last bit can differ where that library differs. POWER has a path of its own, which is not here.
class torch_normal {
public:
  /// PyTorch's CPU generator uses the low 32 bits of a seed only.
  explicit torch_normal(std::uint64_t seed, torch_path path = torch_path::avx2,
                        torch_release release = torch_release::two) :
      state_{.engine = seeded_mt19937(static_cast<std::uint32_t>(seed)), .path = path, .release = release}
  {
  }

  /// Goes on from a saved state. Throws std::invalid_argument if the engine has spent more words than it has.
  explicit torch_normal(const torch_normal_state& state) : state_(state)
  {
    if (state.engine.next > state.engine.words.size())
      throw std::invalid_argument("torch_normal: an engine has 624 words, so it cannot have spent " +
                                  std::to_string(state.engine.next));
  }

  const torch_normal_state& state() const { return state_; }

  /// One call of torch.randn with out.size() elements. Two draws of 8 are not one of 16, but the shape is of no matter.
  void fill(std::span<float> out)
  {
    fill(out, state_.path == torch_path::avx2 ? detail::torch_transform_avx2 : detail::torch_transform_scalar<float>);
  }

  void fill(std::span<double> out) { fill(out, detail::torch_transform_scalar<double>); }

private:
  /// Whole blocks of 16; if some elements are left over, the last 16 are drawn anew.
  template <std::floating_point S>
  void fill(std::span<S> out, void transform(S*))
  {
    if (out.size() < 16) return fill_small(out);
    for (S& x : out) uniform(x);
    for (std::size_t k = 0; k + 16 <= out.size(); k += 16) transform(&out[k]);
    if (out.size() % 16 == 0) return;
    const auto last = out.last(16);
    for (S& x : last) uniform(x);
    transform(last.data());
  }

  /// In double whatever the scalar. An odd number of elements leaves a spare for the next small draw.
  template <std::floating_point S>
  void fill_small(std::span<S> out)
  {
    for (S& x : out) {
      const auto [first, second] = state_.has_spare ? std::array{state_.spare, 0.0} : pair();
      x = static_cast<S>(first);
      state_.spare = second;
      state_.has_spare = !state_.has_spare;
    }
  }

  std::array<double, 2> pair()
  {
    double u, v;
    uniform(u);
    uniform(v);
    const double log = state_.release == torch_release::one ? std::log(1 - v) : std::log1p(-v);
    const double radius = std::sqrt(-2 * log);
    const double theta = 2 * std::numbers::pi * u;
    return {radius * std::cos(theta) + 0, radius * std::sin(theta) + 0};
  }

  void uniform(float& x) { x = static_cast<float>(state_.engine() & 0xffffff) * 0x1p-24f; }

  void uniform(double& x)
  {
    const std::uint64_t high = state_.engine();
    x = static_cast<double>((high << 32 | state_.engine()) & 0x1fffffffffffff) * 0x1p-53;
  }

  torch_normal_state state_;
};

}  // namespace fewstep
