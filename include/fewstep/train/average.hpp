/// @file
/// The exponential moving average of weights: targets of consistency losses, and what is sampled with in the end.
#pragma once

#include "fewstep/tensor/differentiable.hpp"
#include "fewstep/tensor/tensor.hpp"
#include "fewstep/train/batch.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep::train {

/// mean <- rate * mean + (1 - rate) * value for each parameter, without gradients and in the storage that it has, so
/// that a network which holds it sees the change. Rate 0 copies.
/// Throws std::invalid_argument unless rate lies in [0, 1] and there are as many parameters, of the same shapes.
template <differentiable X>
void update_average(std::vector<X>& means, const std::vector<X>& values, double rate)
{
  if (!(rate >= 0 && rate <= 1))
    throw std::invalid_argument("the rate of an average must lie in [0, 1], but is " + std::to_string(rate));
  if (means.size() != values.size())
    throw std::invalid_argument("an average of " + std::to_string(means.size()) + " parameters cannot follow " +
                                std::to_string(values.size()));
  for (std::size_t k = 0; k < means.size(); ++k) detail::require_shape(values[k], means[k], "a parameter");
  for (std::size_t k = 0; k < means.size(); ++k)
    gradient_traits<X>::update(means[k], rate, std::array{term<X>{1 - rate, &values[k]}});
}

}  // namespace fewstep::train
