/// @file
/// Products and convolutions of LibTorch in bfloat16.
#pragma once

#include <ATen/autocast_mode.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <torch/version.h>

#include <stdexcept>
#include <string>

namespace examples {

/// Where `on`, operations that gain by it compute in bfloat16 on the device while this lives. Each cast is made anew:
/// one that was kept from a pass without gradients would cut those of the next. Throws std::runtime_error where
/// LibTorch cannot.
class bfloat16_scope {
public:
  bfloat16_scope(bool on, [[maybe_unused]] const at::Device& device) : on_(on), device_(device.type())
  {
    if (!on) return;
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_cache_enabled(false);
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_enabled(device_, true);
#else
    throw std::runtime_error(std::string("bfloat16 needs LibTorch 2.4 or newer, but this is ") + TORCH_VERSION);
#endif
  }
  ~bfloat16_scope()
  {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    if (on_) at::autocast::set_autocast_enabled(device_, false);
#endif
  }
  bfloat16_scope(const bfloat16_scope&) = delete;
  bfloat16_scope& operator=(const bfloat16_scope&) = delete;

private:
  [[maybe_unused]] bool on_;
  [[maybe_unused]] at::DeviceType device_;
};

}  // namespace examples
