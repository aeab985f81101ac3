/// @file
/// DeepCache (Ma et al. 2023, arXiv:2312.00858): from one step to the next the deep features of a U-Net hardly change,
/// so most steps compute the outer connections anew and take what lies below them from the step before.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/unet/cost.hpp"
#include "fewstep/unet/identity.hpp"
#include "fewstep/unet/kept_feature.hpp"
#include "fewstep/unet/refresh.hpp"

#include <cstddef>
#include <optional>
#include <utility>

namespace fewstep {

/// Lossy as soon as rows lie between refreshes, and off until then.
struct deep_cache_options {
  std::size_t branch = 0;                 ///< connections 0 ... branch are computed anew by every call
  refresh_policy refresh = {.every = 1};  ///< which rows compute all of it
};

/// A cache hook for `evaluate` that keeps one tensor: the decoder feature that enters connection `branch`, after the
/// upsampler and before it is joined with the skip. It is handed out by reference, so a call that uses it copies
/// nothing.
///
/// What is due is told by the row that the evaluation carries, never by its time nor by counting calls: a call
/// refreshes if nothing is kept, or if the policy names a row after the kept one, up to and with its own. Repeated
/// times, the two rows of a Heun step, churn, starts from an image and rows that guidance leaves out are therefore
/// right without care. A row that is not behind those before begins a new run and refreshes; so do another shape, batch
/// or, if the network tells (`identity_of`), another condition. A run that was given up, followed by one whose first
/// call here is of a later row, is the one case that rows do not tell: `reset` in between.
///
/// Belongs to one stream of evaluations: one for each half of guidance that is evaluated apart (a batch of both halves
/// needs one), one for each thread. Other hooks join it freely; Skip-Tuning acts on the skips that a call computes, and
/// what is kept has the factors of the call that computed it. The network must not write to features that it is given.
template <class H>
class deep_cache {
public:
  /// Throws std::invalid_argument if the policy is none, or goes by the movement of features that cannot be measured.
  explicit deep_cache(deep_cache_options options) : branch_(options.branch), keeper_(std::move(options.refresh)) {}

  std::size_t branch() const { return branch_; }

  /// Throws std::invalid_argument, naming both sides, if the network has no connection `branch`, or if it is not the
  /// network that the kept feature is of.
  template <class N>
  void meet(const N& net)
  {
    require_branch(branch_, net.connections());
    keeper_.meet(identity_of(net));
  }

  template <class B>
  const H& operator()(std::size_t i, const H& skip, const evaluation& at, B&& below)
  {
    if (i != branch_) return below();
    return keeper_.feature(skip, at.row, [&] { return std::move(below()); });
  }

  /// What the cache did so far.
  cache_report report() const { return keeper_.report(); }

  /// The same with the multiply-adds that were done and saved. Throws std::invalid_argument if `cost` has no connection
  /// `branch`.
  cache_report report(const unet_cost& cost) const
  {
    cache_report out = keeper_.report();
    const double full = full_cost(cost), shallow = shallow_cost(cost, branch_);
    const auto refreshes = static_cast<double>(out.refreshes), others = static_cast<double>(out.calls) - refreshes;
    out.done = refreshes * full + others * shallow;
    out.saved = others * (full - shallow);
    return out;
  }

  /// What a run that goes on later needs, if anything is kept, and the way back. A run that goes on without it
  /// evaluates the whole network once.
  const std::optional<kept_feature<H>>& kept() const { return keeper_.kept(); }
  void resume(kept_feature<H> kept) { keeper_.resume(std::move(kept)); }

  /// Forgets what is kept: the next call computes the whole network, be it of whatever row or network.
  void reset() { keeper_.reset(); }

private:
  std::size_t branch_;
  detail::feature_keeper<H> keeper_;
};

}  // namespace fewstep
