/// @file
/// Catch2 by one name, whichever major version is installed.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>

#include <string>

namespace Catch::Matchers {

/// The name that version 3 gave to the matcher of a part of a string.
inline auto ContainsSubstring(const std::string& part)
{
  return Contains(part);
}

}  // namespace Catch::Matchers
#endif
