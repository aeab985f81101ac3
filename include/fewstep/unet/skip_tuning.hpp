/// @file
/// Skip-Tuning (Ma et al. 2024, arXiv:2402.15170): skips are damped before the decoder reads them, which makes few
/// steps look like more. No training, no cost worth measuring.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/tensor.hpp"
#include "fewstep/unet/rho.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep {

/// A join hook for `evaluate`: the decoder reads concat(u_i, rho_i * d_i) in the place of concat(u_i, d_i). Only the
/// copy that is concatenated is scaled; what goes deeper inside the encoder is untouched. A factor of 1 leaves every
/// bit as it was. With guidance, use it on both halves.
///
/// R holds the factors: numbers, one for each connection, `rho_over_time`, or any function rho(i, at) of connection and
/// noise level. Two hooks in turn multiply their factors.
template <class R = std::vector<double>>
class skip_tuning {
public:
  /// Throws std::invalid_argument if a factor is not finite.
  explicit skip_tuning(R rho) : rho_(std::move(rho))
  {
    if constexpr (requires { detail::require_rho(rho_); }) detail::require_rho(rho_);
  }

  const R& rho() const { return rho_; }

  /// Of connection i.
  double factor(std::size_t i, const evaluation& at) const
  {
    if constexpr (std::is_invocable_v<const R&, std::size_t, const evaluation&>)
      return rho_(i, at);
    else
      return rho_[i];
  }

  /// Throws std::invalid_argument, naming both numbers, if there is not a factor for each connection.
  template <class N>
  void meet(const N& net) const
  {
    if constexpr (requires { rho_.size(); })
      if (rho_.size() != net.connections())
        throw std::invalid_argument("Skip-Tuning has " + std::to_string(rho_.size()) +
                                    " factors, but the network has " + std::to_string(net.connections()) +
                                    " connections");
  }

  /// Throws std::invalid_argument, naming connection and value, if a function gives a factor that is not finite.
  template <tensor H>
  void operator()(std::size_t i, const H&, H& skip, const evaluation& at) const
  {
    const double rho = factor(i, at);
    if (!std::isfinite(rho))
      throw std::invalid_argument("the factor of connection " + std::to_string(i) + " must be finite, but is " +
                                  std::to_string(rho) + " at t = " + std::to_string(at.t));
    if (rho != 1) tensor_traits<H>::combine(skip, rho, {});
  }

private:
  R rho_;
};

}  // namespace fewstep
