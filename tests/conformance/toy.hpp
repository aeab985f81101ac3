/// @file
/// The closed-form network `toy-v1` on which the golden trajectories were made.
#pragma once

#include "golden.hpp"

#include "fewstep/schedule/noise_level.hpp"

#include <cmath>
#include <cstddef>
#include <memory>
#include <span>

namespace conformance {

/// For one sample of D numbers and the time tau
///
///     out_i = tanh(0.8 x_i + 0.3 x_{(i + 1) mod D}) (0.6 + 0.4 cos(0.01 tau)) + 0.05 sin(i + 0.003 tau),
///
/// computed in double. x holds `samples` samples, each a ring of its own.
inline numbers toy(const numbers& x, double tau, std::size_t samples)
{
  const std::size_t size = x.size() / samples;
  numbers out(x.size());
  for (std::size_t first = 0; first < x.size(); first += size)
    for (std::size_t i = 0; i < size; ++i)
      out[first + i] =
          std::tanh(0.8 * x[first + i] + 0.3 * x[first + (i + 1) % size]) * (0.6 + 0.4 * std::cos(0.01 * tau)) +
          0.05 * std::sin(static_cast<double>(i) + 0.003 * tau);
  return out;
}

/// The network of a case as a denoiser that remembers the times that it was asked at; copies share that memory.
class toy_network {
public:
  /// Throws unsupported for another network.
  explicit toy_network(const sampler_case& golden) : samples_(golden.samples()) { golden.require_network("toy-v1"); }

  void operator()(const numbers& x, const fewstep::evaluation& at, numbers& out) const
  {
    asked_->push_back(at.t);
    out = toy(x, at.t, samples_);
  }

  const numbers& asked() const { return *asked_; }

private:
  std::size_t samples_;
  std::shared_ptr<numbers> asked_ = std::make_shared<numbers>();
};

/// The same network times `gain` over a batch whose samples stand at times of their own, as training code calls it.
class toy_batch {
public:
  explicit toy_batch(double gain) : gain_(gain) {}

  numbers operator()(const numbers& x, std::span<const fewstep::noise_level> at) const
  {
    const std::size_t size = x.size() / at.size();
    numbers out, times;
    for (std::size_t k = 0; k < at.size(); ++k) {
      const auto first = x.begin() + static_cast<std::ptrdiff_t>(k * size);
      for (const double value : toy({first, first + static_cast<std::ptrdiff_t>(size)}, at[k].t, 1))
        out.push_back(gain_ * value);
      times.push_back(at[k].t);
    }
    asked_->push_back(times);
    return out;
  }

  /// The times of each call.
  const states& asked() const { return *asked_; }

private:
  double gain_;
  std::shared_ptr<states> asked_ = std::make_shared<states>();
};

}  // namespace conformance
