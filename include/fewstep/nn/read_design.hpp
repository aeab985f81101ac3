/// @file
/// What the readers of configurations return, and how all of them end.
#pragma once

#include "fewstep/io/object_reader.hpp"

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fewstep::nn {

/// A blueprint and the keys of the configuration that say nothing to this engine.
template <class B>
struct read_design {
  B design{};
  std::vector<std::string> unused{};
};

namespace detail {

/// The blueprint that was read from a configuration in which some keys are known to have no effect. Throws
/// std::runtime_error that begins with `where` if its values do not fit together.
template <class B>
read_design<B> checked(B design, json::object_reader& config, std::initializer_list<const char*> without_effect,
                       const std::string& where)
{
  for (const char* key : without_effect) config.ignore(key);
  try {
    check(design);
  } catch (const std::invalid_argument& misfit) {
    throw std::runtime_error(where + ": " + misfit.what());
  }
  return {std::move(design), config.unused()};
}

}  // namespace detail

}  // namespace fewstep::nn
