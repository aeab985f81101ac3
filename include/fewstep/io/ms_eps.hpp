/// @file
/// The files of the official Analytic-DPM code: its "ms_eps".
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/json/convert.hpp"
#include "fewstep/io/safetensors.hpp"
#include "fewstep/io/tensor_numbers.hpp"
#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace fewstep {

/// The numbers "ms_eps" of the official code: a JSON array, a JSON object with that member, or a safetensors file with
/// that tensor. Throws std::runtime_error, with the path first, if the file holds none.
inline std::vector<double> read_ms_eps(const std::filesystem::path& path)
{
  if (path.extension() == ".safetensors") return to_double(safetensors_file::open(path).at("ms_eps"));
  const json::value document = json::read_file(path);
  const json::value* member = document.find("ms_eps");
  return json::to<std::vector<double>>(member ? *member : document, path.string() + ": \"ms_eps\"");
}

/// The official table over our levels: its number n belongs to time n - 1 (see `moments_of_ms_eps`). Throws
/// std::runtime_error if the file holds none, or not one for these levels.
inline moment_table read_ms_eps(const std::filesystem::path& path, const std::vector<noise_level>& levels)
{
  const std::vector<double> numbers = read_ms_eps(path);
  try {
    return moments_of_ms_eps(levels, numbers);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

}  // namespace fewstep
