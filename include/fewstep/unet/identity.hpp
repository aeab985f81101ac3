/// @file
/// What tells one network from another, and one condition from another: caches go by it.
#pragma once

#include <cstddef>

namespace fewstep {

/// Where the weights of a network are, and a number for what it is asked for besides x and the level (class, prompt).
struct network_identity {
  const void* network = nullptr;  ///< null if unknown
  std::size_t condition = 0;

  bool operator==(const network_identity&) const = default;
};

/// net.identity() where there is such a member; otherwise it is unknown.
template <class N>
network_identity identity_of(const N& net)
{
  if constexpr (requires { net.identity(); })
    return net.identity();
  else
    return {};
}

}  // namespace fewstep
