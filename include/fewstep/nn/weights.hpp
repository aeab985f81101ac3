/// @file
/// The tensors of a checkpoint on their way into a network.
#pragma once

#include "fewstep/io/diffusers.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/io/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// How 3x3 filters are computed: by Winograd's minimal filtering where that is faster, or always as sums of products.
/// The first differs from exact arithmetic by up to about twice as much as the second, 1e-6 of the numbers' size, and
/// keeps up to four times as many numbers of each filter.
enum class filtering { minimal, direct };

/// Hands out tensors by name, each once, and knows which are left: a network that does not use every tensor is not the
/// one that was saved.
class weights {
public:
  explicit weights(safetensors_file file, filtering filters = filtering::minimal) : filters_(filters)
  {
    add(std::move(file));
  }

  /// Of a checkpoint: one file, or those that an index names. Throws std::runtime_error, with the path first.
  static weights open(const std::filesystem::path& path, filtering filters = filtering::minimal)
  {
    weights out;
    out.filters_ = filters;
    for (const auto& file : weight_files(path)) out.add(safetensors_file::open(file));
    return out;
  }

  filtering filters() const { return filters_; }

  bool has(std::string_view name) const { return parts_[part_of(name)].file.find(name) != nullptr; }

  /// The number of dimensions of a tensor, 0 if there is none.
  std::size_t rank(std::string_view name) const
  {
    const tensor_view* found = parts_[part_of(name)].file.find(name);
    return found ? found->shape.size() : 0;
  }

  /// What a sentence on a tensor begins with: file.safetensors: tensor "name".
  std::string subject(std::string_view name) const
  {
    return parts_[part_of(name)].file.name() + ": tensor " + json::detail::in_quotes(name);
  }

  /// The elements as floats, whatever the floating-point type in the file, row-major. Throws std::runtime_error, naming
  /// file and tensor, if there is none or it has another shape (both are named), holds integers or was taken before.
  std::vector<float> take(std::string_view name, const std::vector<std::size_t>& shape)
  {
    part& of = parts_[part_of(name)];
    const tensor_view& tensor = of.file.at(name, shape);
    const auto place = static_cast<std::size_t>(&tensor - of.file.tensors().data());
    if (!fewstep::detail::is_floating(tensor.type))
      throw std::runtime_error(subject(name) + " must hold floating-point numbers, but has dtype " +
                               std::string(name_of(tensor.type)));
    if (of.taken[place]) throw std::runtime_error(subject(name) + " is needed twice");
    of.taken[place] = true;
    return to_float(tensor);
  }

  /// The names that were not taken, in alphabetical order within each file.
  std::vector<std::string> left() const
  {
    std::vector<std::string> names;
    for (const part& p : parts_)
      for (std::size_t i = 0; i < p.taken.size(); ++i)
        if (!p.taken[i]) names.push_back(p.file.tensors()[i].name);
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
    throw std::runtime_error(parts_.front().file.name() + ": the network has no place for " +
                             std::to_string(names.size()) + " of the tensors: " + list +
                             (names.size() > 3 ? ", ..." : ""));
  }

private:
  struct part {
    safetensors_file file;
    std::vector<bool> taken;
  };

  weights() = default;

  void add(safetensors_file file)
  {
    std::vector<bool> none(file.tensors().size());
    parts_.push_back({std::move(file), std::move(none)});
  }

  /// The first part that has the tensor, or the first one.
  std::size_t part_of(std::string_view name) const
  {
    const auto found = std::ranges::find_if(parts_, [&](const part& p) { return p.file.find(name) != nullptr; });
    return found != parts_.end() ? static_cast<std::size_t>(found - parts_.begin()) : 0;
  }

  filtering filters_ = filtering::minimal;
  std::vector<part> parts_{};  ///< at least one
};

}  // namespace fewstep::nn
