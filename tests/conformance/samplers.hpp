/// @file
/// Runs of samplers, by the repository whose code made them.
#pragma once

#include "golden.hpp"
#include "report.hpp"

namespace conformance {

outcome check_diffusers(const sampler_case& golden);

/// The case as the family that it names. Throws unsupported for families that are not known.
outcome check_sampler(const sampler_case& golden);

}  // namespace conformance
