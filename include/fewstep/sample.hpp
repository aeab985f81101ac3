/// @file
/// The loop: where plans meet tensors. `sample` pushes a plan through a denoiser; a `stepper` is the same loop pulled
/// by the caller, row by row, for programs that save, stop, or evaluate the network on their own terms. It is longer
/// than most headers: there is one loop, and both forms are it.
#pragma once

#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/noise/source.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/random/philox.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fewstep {

/// Everything that the rest of a run depends on, besides plan, denoiser and noise source. The program stores it, the
/// library takes it back: a run that goes on from it ends with the same bits.
template <class X>
struct run_state {
  std::uint64_t plan = 0;         ///< hash(plan)
  std::size_t row = 0;            ///< rows done
  X x;                            ///< the state before that row
  std::vector<X> kept{};          ///< the last outputs that rows to come weigh, newest first
  std::optional<X> last_noise{};  ///< the last row's z, if the next row weighs it
};

/// The observer that watches nothing.
struct no_observer {};

/// Called after each row as observe(at, data, x): where the network was evaluated, the data that it predicted there,
/// and the state that the row reached, which may be edited (inpainting). The references hold during the call.
template <class O, class X>
concept observer =
    std::same_as<std::remove_cvref_t<O>, no_observer> || std::invocable<O&, const evaluation&, const X&, X&>;

/// One run of a plan. The plan must outlive it.
template <tensor X, noise_source<X> Z = no_noise>
class stepper {
public:
  /// Starts at row 0 from x, which lives at plan.start, and adds the plan's lift. Throws std::invalid_argument if the
  /// plan draws noise and there is no source of it.
  stepper(const sampling_plan& plan, X x, Z noise = {}) : stepper(plan, std::move(noise), std::move(x))
  {
    if constexpr (draws_noise) {
      if (plan.lift == 0) return;
      draw(noise_, std::as_const(x_), evaluation{plan.start, lift_row, plan.start.t}, drawn_);
      tensor_traits<X>::combine(x_, 1, std::array{term<X>{plan.lift, &*drawn_}});
    }
  }

  /// Goes on from a saved state. Throws std::invalid_argument, besides, if it is a state of another plan or is
  /// incomplete.
  stepper(const sampling_plan& plan, run_state<X> state, Z noise = {}) :
      stepper(plan, std::move(noise), std::move(state.x))
  {
    if (state.plan != hash(plan)) throw std::invalid_argument("the saved run belongs to another plan");
    row_ = state.row;
    if (row_ > plan.steps.size() || state.kept.size() != outputs_to_keep() ||
        state.last_noise.has_value() != keeps_noise())
      throw std::invalid_argument("the saved run is incomplete: it is at row " + std::to_string(row_) + " of " +
                                  std::to_string(plan.steps.size()) + " and holds " +
                                  std::to_string(state.kept.size()) + " outputs, where " +
                                  std::to_string(outputs_to_keep()) + " are needed");
    for (std::size_t j = 0; j < state.kept.size(); ++j) output(j) = std::move(state.kept[j]);
    if (state.last_noise) drawn_ = std::move(*state.last_noise);
  }

  bool done() const { return row_ == plan_->steps.size(); }

  /// Rows done so far.
  std::size_t row() const { return row_; }

  /// The state, which may be edited between rows.
  const X& x() const& { return x_; }
  X& x() & { return x_; }
  X&& x() && { return std::move(x_); }

  /// The source of noise, whose own state, if it has one, is for the program to store.
  const Z& source() const { return noise_; }

  /// What the denoiser is to be given next.
  evaluation at() const
  {
    const auto& rows = plan_->steps;
    return {rows[row_].at, row_, row_ + 1 < rows.size() ? rows[row_ + 1].at.t : plan_->end.t};
  }

  /// Evaluates the network and does one row. Throws std::invalid_argument if it gives two estimates and the plan weighs
  /// anything but one data prediction a row. If the network throws, the state is as it was before the row.
  template <denoiser<X> D, observer<X> O = no_observer>
  void step(D&& denoise, O&& observe = {})
  {
    const evaluation here = at();
    if constexpr (std::same_as<estimate<std::remove_reference_t<D>, X>, X>) {
      predict(denoise, std::as_const(x_), here, spare());
      finish(here, observe);
    } else {
      require_one_data_prediction();
      predict(denoise, std::as_const(x_), here, pair_);
      finish_pair(here, observe);
    }
  }

  /// Does one row with an output that the caller computed at `x()` and `at()`.
  template <observer<X> O = no_observer>
  void take(X output, O&& observe = {})
  {
    spare() = std::move(output);
    finish(at(), observe);
  }

  /// What is needed to go on later, as copies that share nothing with this run.
  run_state<X> state() const
  {
    run_state<X> saved{hash(*plan_), row_, duplicate(x_), {}, {}};
    for (std::size_t j = 0; j < outputs_to_keep(); ++j)
      saved.kept.push_back(duplicate(*outputs_[(newest_ + j) % depth_]));
    if (keeps_noise()) saved.last_noise = duplicate(*drawn_);
    return saved;
  }

private:
  using terms = std::span<const term<X>>;

  static constexpr bool draws_noise = !std::same_as<Z, no_noise>;

  stepper(const sampling_plan& plan, Z noise, X x) :
      plan_(&plan),
      depth_(depth(plan)),
      x_(std::move(x)),
      noise_(std::move(noise))
  {
    if (!draws_noise && is_stochastic(plan))
      throw std::invalid_argument("the plan draws noise, but sample() was given no source of it");
  }

  /// The output of j rows ago.
  std::optional<X>& output(std::size_t j) { return outputs_[(newest_ + j) % depth_]; }

  /// The slot that the next output goes to: that of the oldest output, which no row weighs any more.
  std::optional<X>& spare() { return outputs_[(newest_ + depth_ - 1) % depth_]; }

  std::size_t outputs_to_keep() const { return done() ? 0 : std::min(row_, depth_ - 1); }
  bool keeps_noise() const { return row_ > 0 && !done() && plan_->steps[row_].last_noise != 0; }

  void require_one_data_prediction() const
  {
    if (plan_->predicts != prediction::data || depth_ > 1)
      throw std::invalid_argument(
          "the denoiser estimates data and direction apart, which takes a plan that weighs one data prediction a row");
  }

  template <class O>
  void finish(const evaluation& here, O& observe)
  {
    newest_ = (newest_ + depth_ - 1) % depth_;
    const plan_step& row = plan_->steps[row_];
    std::size_t count = 0;
    for (std::size_t j = 0; j < depth_; ++j)
      if (row.model[j] != 0) summands_[count++] = {row.model[j], &*output(j)};
    if constexpr (std::same_as<std::remove_cvref_t<O>, no_observer>) {
      advance(row, here, count);
    } else {
      const X& data = predicted_data(here);
      advance(row, here, count);
      observe(here, data, x_);
    }
  }

  /// The newest output as data, for the observer.
  const X& predicted_data(const evaluation& here)
  {
    if (plan_->predicts == prediction::data) return *output(0);
    const auto [of_x, of_output] = data_from(plan_->predicts, here);
    const std::array parts{term<X>{of_x, &x_}, term<X>{of_output, &*output(0)}};
    if (!seen_) seen_.emplace(duplicate(x_));
    tensor_traits<X>::combine(*seen_, 0, parts);
    return *seen_;
  }

  /// keep * x + model[0] * D, with the D that carries the noise split from the D that is landed on.
  template <class O>
  void finish_pair(const evaluation& here, O& observe)
  {
    const plan_step& row = plan_->steps[row_];
    const double turned = row.keep * here.alpha;
    summands_[0] = {row.model[0] + turned, &pair_->data};
    summands_[1] = {-turned, &pair_->direction};
    advance(row, here, 2);
    if constexpr (!std::same_as<std::remove_cvref_t<O>, no_observer>) observe(here, std::as_const(pair_->data), x_);
  }

  /// Adds the row's noises to the summands; how many there are then.
  std::size_t add_noise(const plan_step& row, const evaluation& here, std::size_t count)
  {
    const auto& rows = plan_->steps;
    const bool draws = row.noise != 0 || (row_ + 1 < rows.size() && rows[row_ + 1].last_noise != 0);
    if (row.last_noise != 0) {
      std::swap(drawn_, before_);
      summands_[count++] = {row.last_noise, &*before_};
    }
    if (draws) {
      draw(noise_, std::as_const(x_), here, drawn_);
      if (row.noise != 0) summands_[count++] = {row.noise, &*drawn_};
    }
    return count;
  }

  /// x <- keep * x + the first `count` summands + noise.
  void advance(const plan_step& row, const evaluation& here, std::size_t count)
  {
    if constexpr (draws_noise) count = add_noise(row, here, count);
    tensor_traits<X>::combine(x_, row.keep, terms(summands_.data(), count));
    ++row_;
  }

  const sampling_plan* plan_;
  std::size_t depth_, row_ = 0, newest_ = 0;
  X x_;
  Z noise_;
  std::array<std::optional<X>, max_history> outputs_{};  ///< a ring of depth_ slots
  std::optional<two_estimates<X>> pair_{};
  std::optional<X> drawn_{}, before_{}, seen_{};
  std::array<term<X>, max_history + 2> summands_{};
};

/// Does rows until the run is done or `stop.stop_requested()`, std::stop_token's question; true if it is done.
template <tensor X, class Z, denoiser<X> D, class S, observer<X> O = no_observer>
bool advance(stepper<X, Z>& run, D&& denoise, const S& stop, O&& observe = {})
{
  while (!run.done() && !stop.stop_requested()) run.step(denoise, observe);
  return run.done();
}

/// Runs `plan` from `x`, which lives at plan.start, and returns x at plan.end. Holds one state and as many outputs as
/// the plan weighs at once. The caller's tensors are not written to. Throws std::invalid_argument before the first
/// evaluation if the plan draws noise and `noise` is missing, or if it cannot use the two estimates that the denoiser
/// gives.
template <tensor X, denoiser<X> D, noise_source<X> Z = no_noise, observer<X> O = no_observer>
X sample(const sampling_plan& plan, X x, D&& denoise, Z noise = {}, O&& observe = {})
{
  stepper<X, Z> run(plan, std::move(x), std::move(noise));
  while (!run.done()) run.step(denoise, observe);
  return std::move(run).x();
}

}  // namespace fewstep
