#include "support/moments_file.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/moments.hpp"
#include "fewstep/io/ms_eps.hpp"
#include "fewstep/schedule/moment_repair.hpp"
#include "fewstep/schedule/moment_sources.hpp"

#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace examples {

fewstep::moment_table open_moments(const std::filesystem::path& path, const std::vector<fewstep::noise_level>& levels)
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

const std::map<std::string, fewstep::error_estimator>& estimators()
{
  static const std::map<std::string, fewstep::error_estimator> names{
      {"best", fewstep::error_estimator::best},
      {"second-moment", fewstep::error_estimator::second_moment},
      {"residual", fewstep::error_estimator::residual},
      {"clipped", fewstep::error_estimator::clipped}};
  return names;
}

chosen_moments choose_errors(const std::filesystem::path& path, fewstep::moment_table moments,
                             const std::string& estimator, bool repair)
{
  const fewstep::error_estimator wanted = estimators().at(estimator);
  if (repair) return {fewstep::repaired(std::move(moments), wanted), fewstep::error_estimator::repaired};
  std::vector<double> none, all;
  for (const std::size_t k : fewstep::impossible_levels(moments, wanted)) {
    const fewstep::moment_level& level = moments.levels[k];
    (fewstep::raw_error(level, wanted).value < 0 ? none : all).push_back(level.at.t);
  }
  const auto report = [&](const std::vector<double>& times, const char* what, const char* taken_as) {
    if (times.empty()) return;
    std::string text;
    for (std::size_t k = 0; k < times.size(); ++k) text += (k > 0 ? ", " : "") + fewstep::json::write(times[k]);
    std::fprintf(stderr, "%s: %zu of %zu levels hold an error %s, which is taken as %s; --repair fits one: t = %s\n",
                 path.string().c_str(), times.size(), moments.levels.size(), what, taken_as, text.c_str());
  };
  report(none, "below 0 (ms_eps above 1)", "0");
  report(all, "of more than all the noise", "all of it");
  return {std::move(moments), wanted};
}

}  // namespace examples
