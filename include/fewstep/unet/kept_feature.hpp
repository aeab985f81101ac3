/// @file
/// The one feature that DeepCache keeps, the decision when to replace it, and the account of what that saved.
#pragma once

#include "fewstep/tensor/measure.hpp"
#include "fewstep/tensor/tensor.hpp"
#include "fewstep/unet/feature.hpp"
#include "fewstep/unet/identity.hpp"
#include "fewstep/unet/refresh.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace fewstep {

/// What a cache did so far.
struct cache_report {
  std::size_t calls = 0;      ///< evaluations of the network
  std::size_t refreshes = 0;  ///< those of them that ran all of it
  std::size_t bytes = 0;      ///< held
  double deep_seconds = 0;    ///< spent on what is kept, in the refreshes
  double saved_seconds = 0;   ///< what the other calls would have spent on it, at the mean of the refreshes
  double done = 0;            ///< multiply-adds; 0 unless the report was given the network's cost
  double saved = 0;
  double movement = 0;  ///< the farthest that the shallow features had moved where the cache was used, relative to
                        ///< their norm: below the threshold. 0 unless refreshes go by movement
  double drift = 0;     ///< the most that a refresh changed what is kept, relative to its norm; likewise
};

/// What a run that goes on later needs of a cache. The program stores it.
template <class H, class P = H>
struct kept_feature {
  H feature;
  std::size_t row = 0;         ///< where it was computed
  std::size_t last_row = 0;    ///< where it was used last
  std::optional<P> shallow{};  ///< what movement is measured from, if refreshes go by it
  feature_shape shape{};       ///< of the shallow features
  network_identity from{};     ///< which network made it, for which condition; {} in a process that did not see it
};

namespace detail {

inline double seconds_now()
{
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Where a network is, as sentences have it.
inline std::string place_of(const void* network)
{
  std::ostringstream text;
  text << network;
  return text.str();
}

/// ||a - b|| / ||b||; 0 if both are zero.
template <has_elements H>
double relative_distance(const H& a, const H& b)
{
  const double moved = std::sqrt(fewstep::squared_distance(a, b));
  return moved == 0 ? 0 : moved / fewstep::norm(b);
}

/// Keeps an H; P is what shape and movement are seen by.
template <class H, class P = H>
class feature_keeper {
public:
  /// Throws std::invalid_argument if the policy is none, or goes by movement and P or H cannot be measured.
  explicit feature_keeper(refresh_policy policy) : policy_(std::move(policy))
  {
    check(policy_);
    if (!measurable_features && goes_by_movement())
      throw std::invalid_argument(
          "refreshes go by the movement of features, but features of this type give no access to their numbers");
  }

  /// Evaluations from now on are of this network. Throws std::invalid_argument if what is kept is of another one.
  void meet(const network_identity& net)
  {
    now_ = net;
    if (kept_ && kept_->from.network && net.network && kept_->from.network != net.network)
      throw std::invalid_argument("the cache keeps a feature of the network at " +
                                  detail::place_of(kept_->from.network) + ", but is used with another one, at " +
                                  detail::place_of(net.network));
  }

  /// What is kept, if it is good for `row` where the shallow features are `shallow`; else `compute()`, which is kept.
  template <class F>
  const H& feature(const P& shallow, std::size_t row, F&& compute)
  {
    if (is_stale(shallow, row)) replace(shallow, row, compute);
    ++report_.calls;
    kept_->last_row = row;
    return kept_->feature;
  }

  cache_report report() const
  {
    cache_report out = report_;
    if (kept_) out.bytes = bytes_of(kept_->feature) + (kept_->shallow ? bytes_of(*kept_->shallow) : 0);
    if (out.refreshes > 0)
      out.saved_seconds =
          out.deep_seconds / static_cast<double>(out.refreshes) * static_cast<double>(out.calls - out.refreshes);
    return out;
  }

  const std::optional<kept_feature<H, P>>& kept() const { return kept_; }
  void resume(kept_feature<H, P> kept) { kept_ = std::move(kept); }
  void reset() { kept_.reset(); }

private:
  static constexpr bool measurable_features = has_elements<P> && tensor<P> && has_elements<H>;

  bool goes_by_movement() const { return policy_.movement < std::numeric_limits<double>::infinity(); }

  /// A row that is not behind the last one belongs to another run, or to this one begun anew.
  bool is_stale(const P& shallow, std::size_t row)
  {
    if (!kept_ || row <= kept_->row || row < kept_->last_row || is_due(policy_, kept_->row, row)) return true;
    if (kept_->shape != shape_of(shallow)) return true;
    if (kept_->from.network && kept_->from != now_) return true;
    return goes_by_movement() && has_moved(shallow);
  }

  bool has_moved(const P& shallow)
  {
    if constexpr (measurable_features) {
      if (!kept_->shallow) return true;
      const double movement = relative_distance(shallow, *kept_->shallow);
      if (!(movement <= policy_.movement)) return true;
      report_.movement = std::max(report_.movement, movement);
    }
    return false;
  }

  template <class F>
  void replace(const P& shallow, std::size_t row, F&& compute)
  {
    const double start = seconds_now();
    kept_feature<H, P> fresh{compute(), row, row, {}, shape_of(shallow), now_};
    report_.deep_seconds += seconds_now() - start;
    ++report_.refreshes;
    if constexpr (measurable_features) {
      if (goes_by_movement()) {
        fresh.shallow = duplicate(shallow);
        if (kept_ && row > kept_->row && kept_->shape == fresh.shape)
          report_.drift = std::max(report_.drift, relative_distance(fresh.feature, kept_->feature));
      }
    }
    kept_ = std::move(fresh);
  }

  refresh_policy policy_;
  network_identity now_{};
  std::optional<kept_feature<H, P>> kept_{};
  cache_report report_{};
};

}  // namespace detail

}  // namespace fewstep
