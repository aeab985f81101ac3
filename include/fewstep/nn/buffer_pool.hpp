/// @file
/// Buffers that are used again.
#pragma once

#include "fewstep/nn/packet.hpp"

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
  /// A buffer of at least count + slack floats, aligned to a cache line, with one holder. Its content is arbitrary.
  float* acquire(std::size_t count)
  {
    const std::size_t size = size_class(count + slack);
    const auto fits = [&](const block& b) { return b.holders == 0 && b.size == size; };
    auto found = std::find_if(blocks_.begin(), blocks_.end(), fits);
    if (found == blocks_.end()) {
      blocks_.push_back({storage(new (line) float[size]()), size, 0});
      found = blocks_.end() - 1;
    }
    found->holders = 1;
    return found->numbers.get();
  }

  /// One more holder: the buffer is free when all have released it.
  void share(const float* numbers) noexcept { of(numbers).holders += 1; }
  void release(const float* numbers) noexcept { of(numbers).holders -= 1; }

  /// Gives buffers that nobody holds back to the system.
  void trim()
  {
    std::erase_if(blocks_, [](const block& b) { return b.holders == 0; });
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
    std::size_t size, holders;
  };

  block& of(const float* numbers) noexcept
  {
    return *std::find_if(blocks_.begin(), blocks_.end(), [&](const block& b) { return b.numbers.get() == numbers; });
  }

  static std::size_t size_class(std::size_t count)
  {
    const std::size_t quarter = std::bit_ceil(count) / 8;
    return (count + quarter - 1) / quarter * quarter;
  }

  std::vector<block> blocks_;
};

namespace detail {

/// A buffer and the shape of what is in it. Copies hold the same buffer, which goes back to its pool after the last.
class shared_numbers {
public:
  shared_numbers() = default;

  shared_numbers(std::shared_ptr<buffer_pool> pool, const std::array<std::size_t, 4>& shape) :
      shape_(shape),
      pool_(std::move(pool))
  {
    data_ = pool_->acquire(size());
  }

  shared_numbers(const shared_numbers& other) : shape_(other.shape_), data_(other.data_), pool_(other.pool_)
  {
    if (pool_) pool_->share(data_);
  }

  shared_numbers(shared_numbers&& other) noexcept { swap(other); }

  shared_numbers& operator=(shared_numbers other) noexcept
  {
    swap(other);
    return *this;
  }

  ~shared_numbers()
  {
    if (pool_) pool_->release(data_);
  }

  /// Others of the same shape, from the same pool, with arbitrary content.
  shared_numbers fresh() const { return pool_ ? shared_numbers(pool_, shape_) : shared_numbers(); }

  const std::array<std::size_t, 4>& shape() const { return shape_; }
  std::size_t size() const { return shape_[0] * shape_[1] * shape_[2] * shape_[3]; }
  float* data() const { return data_; }

private:
  void swap(shared_numbers& other) noexcept
  {
    shape_.swap(other.shape_);
    std::swap(data_, other.data_);
    pool_.swap(other.pool_);
  }

  std::array<std::size_t, 4> shape_{};
  float* data_ = nullptr;
  std::shared_ptr<buffer_pool> pool_;
};

}  // namespace detail

}  // namespace fewstep::nn
