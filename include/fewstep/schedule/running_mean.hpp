/// @file
/// Mean and spread of numbers that come one by one (Welford 1962), in parts that merge (Chan, Golub and LeVeque 1979).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace fewstep {

/// The numbers so far. The order of `add` and `merge` decides the last bits: who fixes it gets the same bits on every
/// number of threads and machines.
struct running_mean {
  std::uint64_t count = 0;
  double mean = 0;
  double squares = 0;  ///< sum of squared distances from the mean

  bool operator==(const running_mean&) const = default;

  void add(double value)
  {
    ++count;
    const double before = value - mean;
    mean += before / static_cast<double>(count);
    squares += before * (value - mean);
  }

  /// As if the other's numbers had been added. Merging with nothing changes no bit.
  void merge(const running_mean& other)
  {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const double ours = static_cast<double>(count), theirs = static_cast<double>(other.count);
    const double apart = other.mean - mean;
    count += other.count;
    mean += apart * (theirs / (ours + theirs));
    squares += other.squares + apart * apart * (ours * theirs / (ours + theirs));
  }

  /// The variance of one number, estimated without bias; infinite for fewer than two, which do not tell.
  double variance() const
  {
    return count < 2 ? std::numeric_limits<double>::infinity() : squares / static_cast<double>(count - 1);
  }

  /// The standard error of the mean; infinite for fewer than two numbers.
  double standard_error() const
  {
    return count == 0 ? std::numeric_limits<double>::infinity() : std::sqrt(variance() / static_cast<double>(count));
  }
};

}  // namespace fewstep
