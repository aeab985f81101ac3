// Bits of fewstep's torch_normal against LibTorch in the same process. LibTorch chooses its path by the processor; with
// ATEN_CPU_CAPABILITY=default in the environment this program tests the path without AVX2.
#include "fewstep/random/torch_normal.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Version.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/api/include/torch/version.h>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace {

fewstep::torch_normal same_as_here(std::uint64_t seed)
{
  const bool avx2 = at::show_config().find("CPU capability usage: AVX") != std::string::npos;
  return fewstep::torch_normal(seed, avx2 ? fewstep::torch_path::avx2 : fewstep::torch_path::scalar,
                               TORCH_VERSION_MAJOR == 1 ? fewstep::torch_release::one : fewstep::torch_release::two);
}

/// The first element of one draw in which the two differ; `count` if there is none.
template <class S>
std::size_t first_difference(fewstep::torch_normal& ours, const at::Generator& theirs, std::size_t count)
{
  const auto type = std::is_same_v<S, float> ? at::kFloat : at::kDouble;
  const at::Tensor expected = at::randn({static_cast<std::int64_t>(count)}, theirs, type);
  std::vector<S> z(count);
  ours.fill(std::span<S>(z));
  for (std::size_t k = 0; k < count; ++k)
    if (std::memcmp(&z[k], expected.data_ptr<S>() + k, sizeof(S)) != 0) return k;
  return count;
}

}  // namespace

TEMPLATE_TEST_CASE("a new generator gives the bits of randn for sizes 1 to 5000", "[torch]", float, double)
{
  for (std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{42}, ~std::uint64_t{0}}) {
    const auto ours = same_as_here(seed);
    for (std::size_t count = 1; count <= 5000; ++count) {
      auto copy = ours;
      CAPTURE(seed, count);
      REQUIRE(first_difference<TestType>(copy, at::detail::createCPUGenerator(seed), count) == count);
    }
  }
}

TEST_CASE("successive draws of mixed size and type from one generator give the bits of randn", "[torch]")
{
  auto ours = same_as_here(123456789);
  const at::Generator theirs = at::detail::createCPUGenerator(123456789);
  for (std::size_t count = 0; count < 600; ++count) {
    CAPTURE(count);
    REQUIRE(first_difference<float>(ours, theirs, count) == count);
    REQUIRE(first_difference<double>(ours, theirs, count) == count);
    REQUIRE(first_difference<float>(ours, theirs, 3) == 3);
    REQUIRE(first_difference<double>(ours, theirs, count % 16) == count % 16);
  }
}

// Two million of the 2^24 uniforms go through log, as many through sin and cos.
TEST_CASE("four million floats in one draw have the bits of randn", "[torch]")
{
  auto ours = same_as_here(2024);
  const std::size_t count = 1 << 22;
  REQUIRE(first_difference<float>(ours, at::detail::createCPUGenerator(2024), count) == count);
}
