/// @file
/// What stands between the network of a diffusers checkpoint and the plan of its scheduler: the scaling of its input
/// and output, its time, the kind of its prediction, clipping.
#pragma once

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/precondition.hpp"
#include "fewstep/denoiser/scalings.hpp"
#include "fewstep/io/scheduler_config.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

namespace fewstep {

struct denoiser_options {
  std::size_t samples = 1;          ///< in a batch, each of which dynamic thresholding measures by itself
  bool use_clipped_output = false;  ///< DDIM: the noise of a step follows from the clipped data
};

namespace detail {

/// EDM's network as diffusers' EDM schedulers call it: for velocities the output counts with the other sign.
struct edm_network_scaling {
  edm_scaling scaling{};
  bool negative = false;

  network_scaling operator()(const noise_level& at) const
  {
    network_scaling c = scaling(at);
    if (negative) c.out = -c.out;
    return c;
  }
  double time(double s) const { return scaling.time(s); }
};

/// The data that the network predicts, in the coordinates of the scheduler's plan.
template <class S, class N>
auto data_of(const S& scheduler, prediction predicts, N network)
{
  if constexpr (std::is_same_v<S, euler_scheduler>) {
    return preconditioned(std::move(network), vp_table_scaling{predicts});
  } else if constexpr (std::is_same_v<S, consistency_scheduler>) {
    const consistency_scaling scaling{.sigma_data = scheduler.sigma_data, .sigma_min = scheduler.range.sigma_min};
    return preconditioned(std::move(network), scaling);
  } else if constexpr (requires { scheduler.sigmas; }) {
    const edm_scaling scaling{.sigma_data = scheduler.sigmas.sigma_data};
    return preconditioned(std::move(network), edm_network_scaling{scaling, predicts == prediction::velocity});
  } else if constexpr (std::is_same_v<S, flow_scheduler>) {
    return preconditioned(std::move(network), flow_scaling{static_cast<double>(scheduler.table)});
  } else {
    return converted(std::move(network), predicts, prediction::data);
  }
}

/// Calls use(denoise) with the data held in the bounds of the file.
template <class S, class D, class F>
auto with_bounds(const data_bounds& bounds, D denoise, const denoiser_options& options, F use)
{
  const auto hold = [&](const auto& range) {
    if constexpr (std::is_same_v<S, ddim_scheduler>)
      if (!options.use_clipped_output) return use(clipped_keeping_direction(denoise, range));
    return use(clipped(denoise, range));
  };
  if (!bounds.quantile) return hold(bounds.limit);
  return hold(dynamic_threshold{.ratio = *bounds.quantile, .most = bounds.limit, .samples = options.samples});
}

/// Schedulers whose plan weighs noise for some files.
template <class S>
inline constexpr bool weighs_noise =
    std::is_same_v<S, pndm_scheduler> || std::is_same_v<S, dpm_solver_scheduler> || std::is_same_v<S, unipc_scheduler>;

}  // namespace detail

/// Calls use(denoise) with the network as `plan` wants it and returns what that returns; its type depends on the file.
/// The network is called with x and the time as it was trained on them.
///
///     auto image = with_denoiser(config, plan, network, [&](auto denoise) { return sample(plan, x, denoise); });
///
/// Throws std::invalid_argument at an evaluation where the prediction does not determine what the plan weighs.
template <class N, class F>
auto with_denoiser(const scheduler_config& config, const sampling_plan& plan, N network, F use,
                   const denoiser_options& options = {})
{
  const auto wrap = [&]<class S>(const S& method) {
    const auto hand = [&](auto data) {
      if constexpr (std::is_same_v<S, lcm_scheduler>)
        return use(preconditioned(std::move(data), lcm_scaling{.timestep_scaling = method.timestep_scaling}));
      else if constexpr (detail::weighs_noise<S>)
        return use(converted(std::move(data), prediction::data, plan.predicts));
      else
        return use(std::move(data));
    };
    if constexpr (detail::weighs_noise<S>)  // noise that is not held in bounds need not become data in between
      if (!config.bounds) return use(converted(std::move(network), config.predicts, plan.predicts));
    auto data = detail::data_of(method, config.predicts, std::move(network));
    if (!config.bounds) return hand(std::move(data));
    return detail::with_bounds<S>(*config.bounds, std::move(data), options, hand);
  };
  return std::visit(wrap, config.method);
}

}  // namespace fewstep
