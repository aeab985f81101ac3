/// @file
/// Data that follow a mixture of normal laws in one dimension, by the short name that tests use.
#pragma once

#include "fewstep/audit/mixture_data.hpp"
#include "support/gaussian.hpp"

namespace fewstep::test {

using mixture = mixture_data;

}  // namespace fewstep::test
