/// @file
/// conformance FOLDER...: runs every golden case below the folders and says of each whether we compute the same.
#include "cases.hpp"
#include "golden.hpp"
#include "networks.hpp"
#include "report.hpp"
#include "samplers.hpp"

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace conformance {

namespace {

outcome check(const golden_file& file)
{
  switch (file.kind) {
    case case_kind::sampler:
      return check_sampler(sampler_case(file.path));
    case case_kind::network:
      return check_network(file.path);
    case case_kind::autoencoder:
      return check_autoencoder(file.path);
    case case_kind::checkpoint:
      return check_checkpoint(file.path);
    case case_kind::schedule_lists:
      return check_schedule_lists(file.path);
  }
  throw unsupported("unknown kind of case");
}

/// Whatever goes wrong with a case is the case's failure.
outcome checked(const golden_file& file)
{
  try {
    return check(file);
  } catch (const unsupported& reason) {
    return {verdict::unsupported, 0, 0, reason.what()};
  } catch (const std::exception& error) {
    return {verdict::fail, 0, 0, error.what()};
  }
}

std::vector<golden_file> all_cases(const std::vector<std::string>& folders)
{
  std::vector<golden_file> files;
  for (const std::string& folder : folders)
    for (golden_file& file : find_cases(folder)) files.push_back(std::move(file));
  if (files.empty()) throw std::runtime_error("no golden case lies below the folders that were given");
  return files;
}

/// Runs every case below the folders; 1 if one fails.
int run_cases(const std::vector<std::string>& folders)
{
  totals sums;
  for (const golden_file& file : all_cases(folders)) {
    const outcome result = checked(file);
    sums.count(result);
    std::puts(line(file.name, result).c_str());
    std::fflush(stdout);
  }
  std::puts(line(sums).c_str());
  return sums.fail > 0 ? 1 : 0;
}

}  // namespace

}  // namespace conformance

int main(int count, char** arguments)
{
  const std::vector<std::string> folders(arguments + 1, arguments + count);
  if (folders.empty()) {
    std::fputs("conformance: at least one folder with golden cases must be given\n", stderr);
    return 2;
  }
  try {
    return conformance::run_cases(folders);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance: %s\n", error.what());
    return 2;
  }
}
