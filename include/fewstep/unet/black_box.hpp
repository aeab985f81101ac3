/// @file
/// DeepCache (Ma et al. 2023, arXiv:2312.00858) for networks that cannot be looked into: the same weights exported as
/// two graphs, one of which takes the deep feature as an input.
#pragma once

#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/unet/kept_feature.hpp"
#include "fewstep/unet/refresh.hpp"

#include <optional>
#include <type_traits>
#include <utility>

namespace fewstep {

/// What the full graph returns: its prediction, and the decoder's feature that the shallow graph takes.
template <class X, class H>
struct full_output {
  X prediction;
  H feature;
};

/// A denoiser over two callables: full(x, at) returns a `full_output`, shallow(x, at, feature) the prediction. The
/// rules of `deep_cache` hold, but for two: its shallow features are x itself, and a change of condition is not seen,
/// so make a new one for another condition.
template <class X, class F, class S>
class two_graphs {
public:
  using feature = std::remove_cvref_t<decltype(std::declval<F&>()(std::declval<const X&>(), evaluation{}).feature)>;

  /// Throws std::invalid_argument as `deep_cache` does.
  two_graphs(F full, S shallow, refresh_policy refresh) :
      full_(std::move(full)),
      shallow_(std::move(shallow)),
      keeper_(std::move(refresh))
  {
  }

  X operator()(const X& x, const evaluation& at)
  {
    std::optional<X> prediction;
    const feature& deep = keeper_.feature(x, at.row, [&] {
      auto both = full_(x, at);
      prediction = std::move(both.prediction);
      return std::move(both.feature);
    });
    if (prediction) return *std::move(prediction);
    const double start = detail::seconds_now();
    X shallow = shallow_(x, at, deep);
    shallow_seconds_ += detail::seconds_now() - start;
    return shallow;
  }

  /// What the cache did so far; multiply-adds are not known. Seconds are differences between the two graphs, and 0
  /// until both have run.
  cache_report report() const
  {
    cache_report out = keeper_.report();
    const auto refreshes = static_cast<double>(out.refreshes), others = static_cast<double>(out.calls) - refreshes;
    const double mean = others > 0 ? out.deep_seconds / refreshes - shallow_seconds_ / others : 0;
    out.deep_seconds = refreshes * mean;
    out.saved_seconds = others * mean;
    return out;
  }

  const std::optional<kept_feature<feature, X>>& kept() const { return keeper_.kept(); }
  void resume(kept_feature<feature, X> kept) { keeper_.resume(std::move(kept)); }

  /// Forgets what is kept: the next call runs the whole network.
  void reset() { keeper_.reset(); }

private:
  F full_;
  S shallow_;
  detail::feature_keeper<feature, X> keeper_;
  double shallow_seconds_ = 0;
};

/// `two_graphs` for states of type X: cached_graphs<X>(full, shallow, every(3)).
template <class X, class F, class S>
two_graphs<X, F, S> cached_graphs(F full, S shallow, refresh_policy refresh)
{
  return {std::move(full), std::move(shallow), std::move(refresh)};
}

}  // namespace fewstep
