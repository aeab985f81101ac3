/// @file
/// What another network says of the images: a text, as its encoder leaves it.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::nn {

/// Numbers (count, length, width), width fastest: a vector for each token. One text for each image, or one for all.
struct encoded_text {
  std::size_t count = 0, length = 0, width = 0;
  std::vector<float> values = std::vector<float>(count * length * width);

  bool empty() const { return count == 0 && length == 0 && width == 0 && values.empty(); }

  bool operator==(const encoded_text&) const = default;
};

/// "(1, 77, 768)", for the sentences of errors.
inline std::string shape_of(const encoded_text& x)
{
  return "(" + std::to_string(x.count) + ", " + std::to_string(x.length) + ", " + std::to_string(x.width) + ")";
}

/// Throws std::invalid_argument, naming both numbers, unless x holds as many numbers as its shape says, and at least
/// one.
inline void require_filled(const encoded_text& x)
{
  const std::size_t size = x.count * x.length * x.width;
  if (size == 0 || x.values.size() != size)
    throw std::invalid_argument("a text of shape " + shape_of(x) + " must hold " +
                                (size == 0 ? "at least one number" : std::to_string(size) + " numbers") +
                                ", but holds " + std::to_string(x.values.size()));
}

}  // namespace fewstep::nn
