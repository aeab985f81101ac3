/// @file
/// The tensors of a checkpoint on their way into a network.
#pragma once

#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/io/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// Hands out tensors by name, each once, and knows which are left: a network that does not use every tensor is not the
/// one that was saved.
class weights {
public:
  explicit weights(safetensors_file file) : file_(std::move(file)), taken_(file_.tensors().size()) {}

  bool has(std::string_view name) const { return file_.find(name) != nullptr; }

  /// The elements as floats, whatever the floating-point type in the file, row-major. Throws std::runtime_error, naming
  /// file and tensor, if there is none or it has another shape (both are named), holds integers or was taken before.
  std::vector<float> take(std::string_view name, const std::vector<std::size_t>& shape)
  {
    const tensor_view& tensor = file_.at(name, shape);
    const auto place = static_cast<std::size_t>(&tensor - file_.tensors().data());
    const std::string subject = file_.name() + ": tensor " + json::detail::in_quotes(name);
    if (!fewstep::detail::is_floating(tensor.type))
      throw std::runtime_error(subject + " must hold floating-point numbers, but has dtype " +
                               std::string(name_of(tensor.type)));
    if (taken_[place]) throw std::runtime_error(subject + " is needed twice");
    taken_[place] = true;
    return to_float(tensor);
  }

  /// The names that were not taken, in alphabetical order.
  std::vector<std::string> left() const
  {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < taken_.size(); ++i)
      if (!taken_[i]) names.push_back(file_.tensors()[i].name);
    return names;
  }

  /// Throws std::runtime_error that names the first tensors that were not taken, if there are any.
  void require_empty() const
  {
    const std::vector<std::string> names = left();
    if (names.empty()) return;
    std::string list;
    for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i)
      list += (i == 0 ? "" : ", ") + json::detail::in_quotes(names[i]);
    throw std::runtime_error(file_.name() + ": the network has no place for " + std::to_string(names.size()) +
                             " of the tensors: " + list + (names.size() > 3 ? ", ..." : ""));
  }

private:
  safetensors_file file_;
  std::vector<bool> taken_;
};

}  // namespace fewstep::nn
