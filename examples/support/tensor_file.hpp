/// @file
/// LibTorch's tensors in a safetensors file, written in one step and read back bit for bit.
#pragma once

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/safetensors_writer.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/io/tensor_view.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// Tensors by name, handles to those that a program trains.
using named_tensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The parameters of a module, in its order, their names behind `prefix`.
template <class Module>
void add_parameters(named_tensors& to, const std::string& prefix, const Module& module)
{
  for (const auto& named : module.named_parameters()) to.emplace_back(prefix + named.key(), named.value());
}

namespace detail {

/// How a file names a tensor's numbers; those of any other type are stored as floats.
inline fewstep::dtype dtype_of(const at::Tensor& tensor)
{
  if (tensor.scalar_type() == at::kHalf) return fewstep::dtype::f16;
  if (tensor.scalar_type() == at::kLong) return fewstep::dtype::i64;
  return fewstep::dtype::f32;
}

}  // namespace detail

/// Throws std::runtime_error, with the path first, if the file cannot be written; what was there before stays.
inline void write_tensors(const std::filesystem::path& path, const named_tensors& tensors,
                          const fewstep::safetensors_metadata& notes = {})
{
  std::vector<at::Tensor> kept;
  std::vector<fewstep::tensor_view> views;
  for (const auto& [name, tensor] : tensors) {
    const fewstep::dtype type = detail::dtype_of(tensor);
    const at::Tensor held = tensor.detach().cpu();
    kept.push_back((type == fewstep::dtype::f32 ? held.to(at::kFloat) : held).contiguous());
    const std::span bytes(static_cast<const std::byte*>(kept.back().data_ptr()),
                          static_cast<std::size_t>(kept.back().nbytes()));
    views.push_back({name, type, {tensor.sizes().begin(), tensor.sizes().end()}, bytes});
  }
  fewstep::write_safetensors(path, views, notes);
}

/// Writes what the file holds into the tensors. Throws std::runtime_error, naming file and tensor, for one that is
/// missing or has another shape.
inline void read_tensors(const fewstep::safetensors_file& file, const named_tensors& tensors)
{
  const c10::NoGradGuard no_gradients;
  for (const auto& [name, tensor] : tensors) {
    const std::vector<std::size_t> shape(tensor.sizes().begin(), tensor.sizes().end());
    const std::vector<float> numbers = fewstep::to_float(file.at(name, shape));
    at::Tensor read = tensor.new_empty(tensor.sizes(), at::TensorOptions(at::kCPU).dtype(at::kFloat));
    std::copy(numbers.begin(), numbers.end(), read.data_ptr<float>());
    at::Tensor(tensor).copy_(read);
  }
}

}  // namespace examples
