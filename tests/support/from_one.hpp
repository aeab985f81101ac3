/// @file
/// Paths as the official code of Analytic-DPM counts their nodes.
#pragma once

#include <cstddef>
#include <vector>

namespace fewstep::test {

/// Nodes counted from 1.
inline std::vector<std::size_t> from_one(std::vector<std::size_t> nodes)
{
  for (std::size_t& node : nodes) ++node;
  return nodes;
}

}  // namespace fewstep::test
