// Measures a checkpoint's errors over its data, level by level: the moments from which Analytic-DPM gets its variances
// and its trajectories. Whoever kills it may start it again: it goes on with the file that it left, to the same bits.
//
//     moments --model models/fontdigits-ddpm --data data/fontdigits --samples 1000 --out moments.json
//     moments --report moments.json
#include "support/measurement.hpp"
#include "support/program.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

struct options {
  examples::measurement_options measured;
  std::filesystem::path report;
  std::size_t threads = 2;
};

void declare(CLI::App& app, options& o)
{
  examples::declare(app, o.measured);
  app.add_option("--relative-error", o.measured.relative_error, "a level is done once its error is known to this")
      ->capture_default_str();
  app.add_option("--report", o.report, "measures nothing, but prints how precise the estimators in this file are");
  app.add_option("--threads", o.threads, "cores to use")->capture_default_str();
}

void measure(const options& o)
{
  const std::filesystem::path& out = o.measured.out;
  if (o.threads == 0) throw std::invalid_argument("--threads must be at least 1, but is 0");
  fewstep::require_writable(out);
  const examples::measurement m = examples::open_measurement(o.measured);
  fewstep::moment_table done;
  if (std::filesystem::exists(out)) done = examples::moments_so_far(out, m);

  std::vector<examples::round_denoiser> networks;
  for (std::size_t k = 0; k < o.threads; ++k) networks.emplace_back(m);
  examples::progress_bar bar(fewstep::measured_places(m.levels, m.options).size(), "levels");
  std::optional<examples::stopwatch> written;
  const auto keep = [&](const fewstep::moment_table& so_far) {
    bar.show(so_far.levels.size());
    if (written && written->seconds() < 2) return;
    fewstep::write_moments(out, so_far, m.notes);
    written.emplace();
  };
  const auto moments =
      fewstep::estimate_moments(std::span(networks), m.data, m.levels, m.options, keep, std::move(done));
  fewstep::write_moments(out, moments, m.notes);
  std::printf("%s: %zu levels of %zu\n", out.string().c_str(), moments.levels.size(), m.levels.size());
}

/// How many samples tell the error C to 1 %, given that so many tell it to that standard error.
double samples_for_percent(double error, double standard_error, double samples)
{
  return samples * std::pow(standard_error / (0.01 * error), 2);
}

/// A table in Markdown: what the paper's estimator and the residual say of C, how precisely, and what 1 % would take.
void report(const fewstep::stored_moments& stored)
{
  const auto& levels = stored.moments.levels;
  for (const auto& [name, value] : stored.notes) std::printf("- %s: %s\n", name.c_str(), value.c_str());
  std::printf("- levels: %zu\n- variance of the data: %.5f\n\n", levels.size(), stored.moments.data_variance);
  std::printf(
      "| t | sigma / alpha | C, second moment | C, residual | samples for 1 %%, second moment | residual | ratio |\n");
  std::printf("|--:|--:|--:|--:|--:|--:|--:|\n");
  std::size_t better = 0;
  const std::size_t every = std::max<std::size_t>(1, levels.size() / 20);
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const fewstep::moment_level& level = levels[k];
    const auto second = fewstep::raw_error(level, fewstep::error_estimator::second_moment);
    const auto residual = fewstep::raw_error(level, fewstep::error_estimator::residual);
    better += residual.standard_error < second.standard_error ? 1 : 0;
    if (k % every != 0 && k + 1 != levels.size()) continue;
    const double by_second =
        samples_for_percent(residual.value, second.standard_error, static_cast<double>(level.second_moment.count));
    const double by_residual =
        samples_for_percent(residual.value, residual.standard_error, static_cast<double>(level.residual.count));
    std::printf("| %g | %.4g | %.3g +- %.1g | %.3g +- %.1g | %.3g | %.3g | %.3g |\n", level.at.t,
                level.at.sigma / level.at.alpha, second.value, second.standard_error, residual.value,
                residual.standard_error, by_second, by_residual, by_second / by_residual);
  }
  std::printf("\nThe residual has the smaller standard error at %zu of %zu levels.\n", better, levels.size());
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{
      "moments",
      "Measures the moments of a diffusion model's U-Net for Analytic-DPM, and goes on with a file that is there."};
  const auto options_of = [&](CLI::App& app) { declare(app, chosen); };
  return examples::run_program(title, argc, argv, options_of, [&] {
    if (chosen.report.empty())
      measure(chosen);
    else
      report(fewstep::read_stored_moments(chosen.report));
  });
}
