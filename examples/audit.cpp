// Judges a sampling plan, ours or another program's, without a network:
//
//     audit plan.json
#include "fewstep/audit/audit.hpp"
#include "fewstep/io/plans.hpp"
#include "support/program.hpp"

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

struct options {
  std::filesystem::path plan;
  bool table = false;
};

void print(const fewstep::sampling_plan& plan)
{
  const fewstep::plan_audit found = fewstep::audit(plan);
  const auto row_of = [](const fewstep::extreme& worst) { return " (row " + std::to_string(worst.row) + ")"; };
  std::printf("evaluations      %zu\n", found.evaluations);
  std::printf("a row weighs     predicted %s of %zu row%s%s\n", std::string(fewstep::name_of(plan.predicts)).c_str(),
              found.depth, found.depth == 1 ? "" : "s", found.stochastic ? ", and noise" : "");
  std::printf("largest weight   %.6g%s\n", found.weight.value, row_of(found.weight).c_str());
  std::printf("law of levels    signal off by %.2g%s, variance by %.2g%s\n", found.signal.value,
              row_of(found.signal).c_str(), found.variance.value, row_of(found.variance).c_str());
  std::printf("normal data      mean off by %.3g deviations, variance by %.3g %%\n", found.mean_error,
              100 * found.variance_error);
  if (!found.normal_error) return;
  std::printf("flow             missed by %.3g deviations on normal data, by %.3g on a mixture\n", *found.normal_error,
              *found.mixture_error);
}

}  // namespace

int main(int argc, char** argv)
{
  options chosen;
  const examples::program_title title{
      "audit",
      "Prints whether the rows of a sampling plan carry each noise level's law into the next's, and how far it "
      "ends from the exact flow of data whose best denoiser is known."};
  const auto options_of = [&](CLI::App& app) {
    app.add_option("plan", chosen.plan, "JSON, as fewstep's write_plan and `digits --trace` write it")->required();
    app.add_flag("--table", chosen.table, "print the rows, too");
  };
  return examples::run_program(title, argc, argv, options_of, [&] {
    const fewstep::sampling_plan plan = fewstep::read_plan(chosen.plan);
    print(plan);
    if (chosen.table) std::fputs(("\n" + fewstep::to_table(plan)).c_str(), stdout);
  });
}
