/// @file
/// What flows between the layers: images with their channels side by side, in buffers that are used again.
#pragma once

#include "fewstep/nn/buffer_pool.hpp"
#include "fewstep/tensor/contiguous.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace fewstep::nn {

/// Numbers (count, height, width, channels), channels fastest: the handle of a buffer that goes back to its pool. A
/// copy is a copy of the numbers. It may be kept, by a cache say, for longer than the workspace that made it.
class feature {
public:
  feature() = default;

  feature(std::shared_ptr<buffer_pool> pool, std::size_t count, std::size_t channels, std::size_t height,
          std::size_t width) :
      own_(std::move(pool), {count, height, width, channels})
  {
  }

  feature(const feature& other) : own_(other.own_.fresh()), beside_(other.beside_)
  {
    std::copy_n(other.data(), size(), data());
  }

  feature(feature&&) noexcept = default;

  feature& operator=(feature other) noexcept
  {
    own_ = std::move(other.own_);
    beside_ = std::move(other.beside_);
    return *this;
  }

  ~feature() = default;

  std::size_t count() const { return own_.shape()[0]; }
  std::size_t height() const { return own_.shape()[1]; }
  std::size_t width() const { return own_.shape()[2]; }
  std::size_t channels() const { return own_.shape()[3]; }
  std::size_t size() const { return own_.size(); }
  std::array<std::size_t, 4> shape() const { return own_.shape(); }

  float* data() { return own_.data(); }
  const float* data() const { return own_.data(); }

  /// The pixel at row y and column x of an image: its channels, and after them the next pixel's.
  float* pixel(std::size_t image, std::size_t y, std::size_t x) { return own_.data() + place(image, y, x); }
  const float* pixel(std::size_t image, std::size_t y, std::size_t x) const { return own_.data() + place(image, y, x); }

  /// What goes down a second path beside it (`connection`), empty if nothing does. To whoever weighs, adds or measures
  /// features it is not there. It is read only, so copies share it.
  const feature beside() const { return feature(beside_); }

  /// Puts a feature beside this one.
  void carry(feature other) { beside_ = std::move(other.own_); }

  /// Puts beside it what is beside another.
  void carry_on(const feature& other) { beside_ = other.beside_; }

private:
  explicit feature(detail::shared_numbers numbers) : own_(std::move(numbers)) {}

  std::size_t place(std::size_t image, std::size_t y, std::size_t x) const
  {
    return ((image * height() + y) * width() + x) * channels();
  }

  detail::shared_numbers own_, beside_;
};

}  // namespace fewstep::nn

/// A feature is a tensor: hooks may weigh, add and measure it.
template <>
inline constexpr bool fewstep::is_contiguous<fewstep::nn::feature> = true;
