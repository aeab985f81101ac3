/// @file
/// A file of moments as programs take it: our own, or the official Analytic-DPM code's "ms_eps".
#pragma once

#include "fewstep/io/json.hpp"
#include "fewstep/io/moments.hpp"
#include "fewstep/io/ms_eps.hpp"
#include "fewstep/schedule/data_error.hpp"
#include "fewstep/schedule/moment_sources.hpp"
#include "fewstep/schedule/moment_table.hpp"
#include "fewstep/schedule/noise_level.hpp"

#include <cstdio>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace examples {

/// The moments that a file holds for a schedule. Throws std::runtime_error or std::invalid_argument, with the path
/// first, if it holds none, or those of another schedule.
inline fewstep::moment_table open_moments(const std::filesystem::path& path,
                                          const std::vector<fewstep::noise_level>& levels)
{
  const bool ours = path.extension() != ".safetensors" && fewstep::json::read_file(path).find("format");
  if (!ours) return fewstep::read_ms_eps(path, levels);
  fewstep::moment_table moments = fewstep::read_moments(path);
  try {
    fewstep::require_levels(moments, levels);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(path.string() + ": " + error.what());
  }
  return moments;
}

/// How the estimators of the data error are called on the command line.
inline const std::map<std::string, fewstep::error_estimator>& estimators()
{
  static const std::map<std::string, fewstep::error_estimator> names{
      {"best", fewstep::error_estimator::best},
      {"second-moment", fewstep::error_estimator::second_moment},
      {"residual", fewstep::error_estimator::residual},
      {"clipped", fewstep::error_estimator::clipped}};
  return names;
}

/// Says on stderr where an estimate cannot be, such as an "ms_eps" above 1, and what is done.
inline void report_impossible(const std::filesystem::path& path, const fewstep::moment_table& moments,
                              fewstep::error_estimator estimator)
{
  const auto places = fewstep::impossible_levels(moments, estimator);
  if (places.empty()) return;
  const double first = moments.levels[places.front()].at.t, last = moments.levels[places.back()].at.t;
  std::fprintf(stderr,
               "%s: %zu of %zu levels, t = %g to %g, hold an error that cannot be: it is taken as 0, or as all of the "
               "noise\n",
               path.string().c_str(), places.size(), moments.levels.size(), first, last);
}

}  // namespace examples
