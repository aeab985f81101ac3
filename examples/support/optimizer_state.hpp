/// @file
/// What LibTorch's AdamW remembers, as tensors that a program can store and read back.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/optim/adamw.h>
#include <torch/version.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace examples {

namespace detail {

/// The entry of a parameter; how it is named changed with LibTorch 2.
template <class M>
auto& entry_of(M& states, const at::Tensor& parameter)
{
#if TORCH_VERSION_MAJOR < 2
  return states[c10::guts::to_string(parameter.unsafeGetTensorImpl())];
#else
  return states[parameter.unsafeGetTensorImpl()];
#endif
}

}  // namespace detail

/// The state of each parameter, in their order; of zeros where no step was taken yet, as AdamW begins.
inline std::vector<torch::optim::AdamWParamState*> states_of(torch::optim::AdamW& optimizer)
{
  std::vector<torch::optim::AdamWParamState*> states;
  for (const at::Tensor& parameter : optimizer.param_groups().front().params()) {
    auto& state = detail::entry_of(optimizer.state(), parameter);
    if (!state) {
      auto begin = std::make_unique<torch::optim::AdamWParamState>();
      begin->step(0);
      begin->exp_avg(parameter.new_zeros(parameter.sizes()));
      begin->exp_avg_sq(parameter.new_zeros(parameter.sizes()));
      state = std::move(begin);
    }
    states.push_back(static_cast<torch::optim::AdamWParamState*>(state.get()));
  }
  return states;
}

}  // namespace examples
