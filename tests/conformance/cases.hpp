/// @file
/// Where the cases lie: what is in a folder tells of which kind they are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace conformance {

enum class case_kind {
  sampler,         ///< a JSON file that holds one run of a sampler, or a table
  network,         ///< a folder with config.json, model.safetensors and io.safetensors
  autoencoder,     ///< the same, where the configuration is an autoencoder's
  checkpoint,      ///< a folder with reference.safetensors beside unet/ and scheduler/
  schedule_lists,  ///< a folder with expect.json alone
};

struct golden_file {
  case_kind kind;
  std::string name;            ///< "family/case", the last two parts of the path
  std::filesystem::path path;  ///< of the file, or of the folder
};

/// All cases below a folder, sorted by path. JSON files that are no cases (index.json, configurations) are passed
/// over. Throws std::runtime_error if the folder cannot be read.
std::vector<golden_file> find_cases(const std::filesystem::path& folder);

}  // namespace conformance
