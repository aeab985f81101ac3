#include "support/moments_file.hpp"

#include "fewstep/io/json.hpp"
#include "fewstep/io/moments.hpp"
#include "fewstep/io/ms_eps.hpp"
#include "fewstep/schedule/moment_repair.hpp"
#include "fewstep/schedule/moment_sources.hpp"

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

void repair_or_report(const std::filesystem::path& path, fewstep::moment_table& moments,
                      fewstep::error_estimator estimator, bool repair)
{
  if (repair) {
    moments = fewstep::repaired(std::move(moments), estimator);
    return;
  }
  const auto places = fewstep::impossible_levels(moments, estimator);
  if (places.empty()) return;
  const double first = moments.levels[places.front()].at.t, last = moments.levels[places.back()].at.t;
  std::fprintf(stderr,
               "%s: %zu of %zu levels, t = %g to %g, hold an error that cannot be: it is taken as 0, or as all of the "
               "noise; --repair fits errors that can be\n",
               path.string().c_str(), places.size(), moments.levels.size(), first, last);
}

}  // namespace examples
