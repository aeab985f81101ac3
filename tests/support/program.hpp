/// @file
/// Programs of the repository, run as from a shell.
#pragma once

#include "support/files.hpp"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace fewstep::test {

struct outcome {
  int status;
  std::string output, errors;
};

/// Runs a command in a folder, with nobody at the terminal. What it printed is left there as *.txt.
inline outcome run_command(const std::string& command, const std::filesystem::path& folder)
{
  const std::string line = "cd '" + folder.string() + "' && " + command + " >output.txt 2>errors.txt </dev/null";
  const int status = std::system(line.c_str());
  return {WEXITSTATUS(status), content_of(folder / "output.txt"), content_of(folder / "errors.txt")};
}

/// Runs an example program.
inline outcome run_program(const std::string& name, const std::filesystem::path& folder, const std::string& arguments)
{
  return run_command("'" FEWSTEP_PROGRAMS_DIR "/" + name + "' " + arguments, folder);
}

}  // namespace fewstep::test
