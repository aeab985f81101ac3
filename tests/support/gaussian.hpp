/// @file
/// Data that follow a normal law, by the short name that tests use.
#pragma once

#include "fewstep/audit/gaussian_data.hpp"

namespace fewstep::test {

using gaussian = gaussian_data;

}  // namespace fewstep::test
