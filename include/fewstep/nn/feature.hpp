/// @file
/// What flows between the layers: images with their channels side by side, in buffers that are used again.
#pragma once

#include "fewstep/nn/packet.hpp"
#include "fewstep/tensor/contiguous.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// Hands out buffers of floats and takes them back. A request is rounded up to one of four sizes per power of two and
/// served by a free buffer of just that size, so a computation that is repeated allocates in its first run only.
/// Belongs to one thread at a time.
class buffer_pool {
public:
  /// A buffer of at least count + slack floats, aligned to a cache line. Its content is arbitrary.
  float* acquire(std::size_t count)
  {
    const std::size_t size = size_class(count + slack);
    const auto fits = [&](const block& b) { return b.free && b.size == size; };
    auto found = std::find_if(blocks_.begin(), blocks_.end(), fits);
    if (found == blocks_.end()) {
      blocks_.push_back({storage(new (line) float[size]()), size, true});
      found = blocks_.end() - 1;
    }
    found->free = false;
    return found->numbers.get();
  }

  void release(const float* numbers) noexcept
  {
    for (block& b : blocks_) b.free = b.free || b.numbers.get() == numbers;
  }

  /// Gives buffers that nobody holds back to the system.
  void trim()
  {
    std::erase_if(blocks_, [](const block& b) { return b.free; });
  }

  /// Memory held, in use or not. It does not shrink but by `trim`, so it is the peak too.
  std::size_t bytes() const
  {
    std::size_t total = 0;
    for (const block& b : blocks_) total += b.size * sizeof(float);
    return total;
  }

private:
  static constexpr std::align_val_t line{64};

  struct free_line {
    void operator()(float* numbers) const { ::operator delete[](numbers, line); }
  };
  using storage = std::unique_ptr<float[], free_line>;

  struct block {
    storage numbers;
    std::size_t size;
    bool free;
  };

  static std::size_t size_class(std::size_t count)
  {
    const std::size_t quarter = std::bit_ceil(count) / 8;
    return (count + quarter - 1) / quarter * quarter;
  }

  std::vector<block> blocks_;
};

/// Numbers (count, height, width, channels), channels fastest: the handle of a buffer that goes back to its pool. A
/// copy is a copy of the numbers. It may be kept, by a cache say, for longer than the workspace that made it.
class feature {
public:
  feature() = default;

  feature(std::shared_ptr<buffer_pool> pool, std::size_t count, std::size_t channels, std::size_t height,
          std::size_t width) :
      count_(count),
      channels_(channels),
      height_(height),
      width_(width),
      pool_(std::move(pool))
  {
    data_ = pool_->acquire(size());
  }

  feature(const feature& other) : feature()
  {
    if (!other.pool_) return;
    *this = feature(other.pool_, other.count_, other.channels_, other.height_, other.width_);
    std::copy_n(other.data_, size(), data_);
  }

  feature(feature&& other) noexcept { swap(other); }

  feature& operator=(feature other) noexcept
  {
    swap(other);
    return *this;
  }

  ~feature()
  {
    if (pool_) pool_->release(data_);
  }

  std::size_t count() const { return count_; }
  std::size_t channels() const { return channels_; }
  std::size_t height() const { return height_; }
  std::size_t width() const { return width_; }
  std::size_t size() const { return count_ * channels_ * height_ * width_; }
  std::array<std::size_t, 4> shape() const { return {count_, height_, width_, channels_}; }

  float* data() { return data_; }
  const float* data() const { return data_; }

  /// The pixel at row y and column x of an image: its channels, and after them the next pixel's.
  float* pixel(std::size_t image, std::size_t y, std::size_t x)
  {
    return data_ + ((image * height_ + y) * width_ + x) * channels_;
  }
  const float* pixel(std::size_t image, std::size_t y, std::size_t x) const
  {
    return data_ + ((image * height_ + y) * width_ + x) * channels_;
  }

private:
  void swap(feature& other) noexcept
  {
    std::swap(count_, other.count_);
    std::swap(channels_, other.channels_);
    std::swap(height_, other.height_);
    std::swap(width_, other.width_);
    std::swap(data_, other.data_);
    pool_.swap(other.pool_);
  }

  std::size_t count_ = 0, channels_ = 0, height_ = 0, width_ = 0;
  float* data_ = nullptr;
  std::shared_ptr<buffer_pool> pool_;
};

}  // namespace fewstep::nn

/// A feature is a tensor: hooks may weigh, add and measure it.
template <>
inline constexpr bool fewstep::is_contiguous<fewstep::nn::feature> = true;
