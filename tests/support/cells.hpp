/// @file
/// Cells of results as the programs write them.
#pragma once

#include "fewstep/io/json.hpp"

namespace fewstep::test {

inline double number(const json::value& cell, const char* name)
{
  return json::to<double>(*cell.find(name), name);
}

}  // namespace fewstep::test
