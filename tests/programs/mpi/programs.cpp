/// @file
/// The programs for many machines, run as several processes on this one.
#include "fewstep/io/moments.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

const std::string model = "--model '" + test::in_repository("models/fontdigits-ddpm").string() + "' ";

/// Runs a program on so many ranks, more than there are cores if need be. Open MPI lets root run it only if asked
/// twice.
test::outcome run_ranks(int ranks, const std::string& name, const fs::path& folder, const std::string& arguments)
{
  const std::string mpirun = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 '" FEWSTEP_MPIRUN
                             "' --oversubscribe -n " +
                             std::to_string(ranks) + " ";
  return test::run_command(mpirun + "'" FEWSTEP_PROGRAMS_DIR "/" + name + "' " + model + arguments, folder);
}

}  // namespace

TEST_CASE("moments have the same bits on one process, and on 1, 2 and 3 ranks", "[programs]")
{
  const fs::path folder = test::empty_folder("mpi_moments");
  const std::string same = "--data '" + test::in_repository("data/fontdigits").string() +
                           "' --samples 330 --levels 2 --clipped --per channel --seed 3 ";
  REQUIRE(test::run_program("moments", folder, model + same + "--threads 1 --out one.json").status == 0);
  const std::string one = test::content_of(folder / "one.json");
  REQUIRE(read_moments(folder / "one.json").levels.size() == 2);
  for (const int ranks : {1, 2, 3}) {
    const std::string file = std::to_string(ranks) + ".json";
    const test::outcome ran = run_ranks(ranks, "moments_mpi", folder, same + "--out " + file);
    CAPTURE(ranks, ran.errors);
    REQUIRE(ran.status == 0);
    REQUIRE(ran.output == file + ": 2 levels of 1000\n");
    REQUIRE(test::content_of(folder / file) == one);
  }
}

TEST_CASE("image k is the same whatever the number of ranks", "[programs]")
{
  const fs::path folder = test::empty_folder("mpi_digits");
  const std::string same = "--sampler ddpm --steps 3 --count 25 --seed 5 ";
  for (const int ranks : {1, 2, 3}) {
    const std::string file = std::to_string(ranks) + ".png";
    const test::outcome ran = run_ranks(ranks, "digits_mpi", folder, same + "--out " + file);
    CAPTURE(ranks, ran.errors);
    REQUIRE(ran.status == 0);
    REQUIRE(ran.output == file + ": 25 images\n");
    REQUIRE(test::content_of(folder / file) == test::content_of(folder / "1.png"));
  }
}

TEST_CASE("what is wrong on many machines is said once, and no rank waits for another", "[programs]")
{
  const fs::path folder = test::empty_folder("mpi_refused");
  test::put(folder / "there.json", "{}");
  for (const auto& [program, arguments, part] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"moments_mpi", "--data nowhere", "nowhere"},
           {"moments_mpi", "--out there.json", "there.json: is there already"},
           {"moments_mpi", "--levels 1001", "there are 1000 levels"},
           {"moments_mpi", "--colour red", "--colour"},
           {"digits_mpi", "--count 0", "--count must be at least 1"},
           {"digits_mpi", "--out no/such/folder.png", "no/such/folder.png"}}) {
    const std::string data = program == "moments_mpi" && arguments.find("--data") == std::string::npos
                                 ? "--data '" + test::in_repository("data/fontdigits").string() + "' "
                                 : "";
    const test::outcome ran = run_ranks(2, program, folder, data + arguments);
    CAPTURE(arguments, ran.errors);
    REQUIRE(ran.status == 2);
    REQUIRE(ran.output.find("levels of") == std::string::npos);
    const std::size_t said = ran.errors.find(program + ": ");
    REQUIRE(said != std::string::npos);
    REQUIRE(ran.errors.find(program + ": ", said + 1) == std::string::npos);
    REQUIRE(test::contains(ran.errors, part));
  }
}
