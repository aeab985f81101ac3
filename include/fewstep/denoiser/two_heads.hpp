/// @file
/// A network that predicts noise and, by a second head, how far off it is: SN-DPM and NPR-DPM (Bao et al. 2022,
/// arXiv:2206.07309), whose noise has a variance of its own for each number of each x.
#pragma once

#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/tensor.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace fewstep {

/// network(x, at, eps_hat, head) writes the predicted noise and what the second head says, both of the shape of x.
template <class N, class X>
concept two_headed = std::invocable<N&, const X&, const evaluation&, X&, X&>;

namespace detail {

/// head[i] <- of(at, head[i], eps_hat[i]).
template <has_elements X, class F>
void apply_to_heads(X& head, const X& eps_hat, const evaluation& at, F& of)
{
  visit_elements(eps_hat, [&](auto noises) {
    edit_elements(head, [&]<class S>(std::span<S> numbers) {
      if (noises.size() != numbers.size())
        throw std::invalid_argument("the network's heads gave " + std::to_string(noises.size()) + " and " +
                                    std::to_string(numbers.size()) + " numbers, but must give as many");
      for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<S>(of(at, static_cast<double>(numbers[i]), static_cast<double>(noises[i])));
    });
  });
}

}  // namespace detail

/// The first head as a denoiser, a prediction of noise. The second one goes to `deviation`, from where `scaled_noise`
/// takes it, as the deviation that of(at, head, eps_hat) says each number has. With the rows of `analytic_elementwise`:
///
///     X deviation = start;
///     auto [plan, rows] = analytic_elementwise(grid, eta);
///     auto of = [&](const evaluation& at, double head, double eps_hat) {
///       return rows[at.row](second_moment_error(at, head, eps_hat));      // SN-DPM; NPR-DPM: residual_error(at, head)
///     };
///     auto denoise = converted(writing_deviation(network, deviation, of), prediction::noise, plan.predicts);
///     X x = sample(plan, start, denoise, scaled_noise{philox_noise{.seed = 1}, &deviation});
///
/// An evaluation throws std::invalid_argument if the heads differ in their number of numbers. The deviation must
/// outlive the denoiser and belongs to one run.
template <class N, tensor X, std::invocable<const evaluation&, double, double> F>
requires has_elements<X> && two_headed<N, X>
auto writing_deviation(N network, X& deviation, F of)
{
  return [network = detail::held<N>{std::move(network)}, of = detail::held<F>{std::move(of)}, deviation = &deviation](
             const X& x, const evaluation& at, X& out) {
    network.call(x, at, out, *deviation);
    detail::apply_to_heads(*deviation, std::as_const(out), at, of.call);
  };
}

}  // namespace fewstep
