/// @file
/// A file of moments as programs take it: our own, or the official Analytic-DPM code's "ms_eps".
#pragma once

#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace examples {

/// The moments that a file holds for a schedule. Throws std::runtime_error or std::invalid_argument, with the path
/// first, if it holds none, or those of another schedule.
fewstep::moment_table open_moments(const std::filesystem::path& path, const std::vector<fewstep::noise_level>& levels);

/// How the estimators of the data error are called on the command line.
const std::map<std::string, fewstep::error_estimator>& estimators();

/// Moments, and whose errors of them count.
struct chosen_moments {
  fewstep::moment_table table;
  fewstep::error_estimator estimator;
};

/// The errors of the estimator of that name, repaired by isotonic regression if that is wished. If not, says on stderr
/// at which levels one cannot be, such as an "ms_eps" above 1, and what is done.
chosen_moments choose_errors(const std::filesystem::path& path, fewstep::moment_table moments,
                             const std::string& estimator, bool repair);

}  // namespace examples
