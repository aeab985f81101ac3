/// @file
/// The program that measures real and bad images against unseen digits, seen from the shell.
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <cstddef>
#include <filesystem>
#include <sstream>
#include <string>

using namespace fewstep;

namespace {

/// The Frechet distance in the line of the table that speaks of `what`.
double distance(const std::string& table, const std::string& what)
{
  std::istringstream rest(table.substr(table.find(what + "  ") + what.size()));
  std::string recognised;
  double distance = 0;
  rest >> recognised >> distance;
  return distance;
}

}  // namespace

TEST_CASE("real digits are nearer to unseen ones than one digit alone, and that than noise", "[programs]")
{
  const std::string where = "--data '" + test::in_repository("data/fontdigits").string() + "' --classifier '" +
                            test::in_repository("models/fontdigits-classifier").string() + "'";
  const test::outcome ran = test::run_program("floor", test::empty_folder("floor"), where + " --images 300");
  REQUIRE(ran.errors.empty());
  REQUIRE(ran.status == 0);
  REQUIRE(test::contains(ran.output, "10240 digits of unseen faces: 99.09% recognised"));
  REQUIRE(distance(ran.output, "training faces") < 0.5);
  REQUIRE(distance(ran.output, "training faces, 3s") > 20);
  REQUIRE(distance(ran.output, "noise") > distance(ran.output, "training faces, 3s"));
}

TEST_CASE("images that are not there are one sentence and no table", "[programs]")
{
  for (const std::string arguments : {"--images 2", "--classifier nowhere", "--data nowhere"}) {
    CAPTURE(arguments);
    const test::outcome ran = test::run_program("floor", test::empty_folder("floor_refused"), arguments);
    REQUIRE(ran.status == 2);
    REQUIRE(ran.output.empty());
    REQUIRE(ran.errors.starts_with("floor: "));
    REQUIRE(ran.errors.find('\n') == ran.errors.size() - 1);
  }
}
