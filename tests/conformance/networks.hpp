/// @file
/// Networks with recorded inputs and outputs: U-Nets with random weights, and real checkpoints.
#pragma once

#include "report.hpp"

#include <filesystem>

namespace conformance {

/// A folder with config.json, model.safetensors and io.safetensors: the output, and, where the folder holds them, the
/// features that meet at each connection, runs with scaled skips (Skip-Tuning) and with a cached decoder (DeepCache).
/// Throws unsupported with the engine's sentence for architectures that it refuses.
outcome check_network(const std::filesystem::path& folder);

/// The same for an autoencoder: decoded latents, and encoded pictures.
outcome check_autoencoder(const std::filesystem::path& folder);

/// A checkpoint with reference.safetensors: single calls, and a DDIM run in double on a network in float.
outcome check_checkpoint(const std::filesystem::path& folder);

/// A folder with expect.json alone: which steps DeepCache runs the whole network on.
outcome check_schedule_lists(const std::filesystem::path& folder);

}  // namespace conformance
