/// @file
/// Arbitrary numbers for tests of layers, the same in every run.
#pragma once

#include "fewstep/nn/feature.hpp"
#include "fewstep/nn/workspace.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fewstep::test {

/// Numbers in [-1, 1), by SplitMix64.
class numbers {
public:
  explicit numbers(std::uint64_t seed) : state_(seed) {}

  float operator()()
  {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<float>((z ^ (z >> 31)) >> 40) / 8388608.0f - 1.0f;
  }

  std::vector<float> operator()(std::size_t count, float scale = 1)
  {
    std::vector<float> values(count);
    for (float& x : values) x = scale * (*this)();
    return values;
  }

private:
  std::uint64_t state_;
};

inline nn::feature random_feature(nn::workspace& work, numbers& next, std::size_t count, std::size_t channels,
                                  std::size_t height = 1, std::size_t width = 1)
{
  nn::feature x = work.make(count, channels, height, width);
  for (float& number : elements(x)) number = next();
  return x;
}

}  // namespace fewstep::test
