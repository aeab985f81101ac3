/// @file
/// The program that looks into a U-Net, seen from the shell.
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <cstddef>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

test::outcome skips(const fs::path& folder, const std::string& arguments)
{
  const std::string model = "--model '" + test::in_repository("models/fontdigits-ddpm").string() + "'";
  return test::run_program("skips", folder, model + " --threads 1 --count 2 --steps 4 --levels 2 " + arguments);
}

/// The numbers of a line, after its first word.
std::vector<double> numbers_of(const std::string& line)
{
  std::istringstream words(line);
  std::string first;
  words >> first;
  std::vector<double> numbers;
  for (double number = 0; words >> number;) numbers.push_back(number);
  return numbers;
}

}  // namespace

TEST_CASE("the table of skips has a line for each connection, and the means below", "[programs]")
{
  const fs::path folder = test::empty_folder("skips_table");
  const test::outcome ran = skips(folder, "");
  REQUIRE(ran.errors.empty());
  REQUIRE(ran.status == 0);
  std::istringstream lines(ran.output);
  std::string line;
  std::getline(lines, line);
  REQUIRE(test::contains(line, "connection  t = 999    t = 499"));
  std::vector<double> means(2);
  for (std::size_t i = 0; i < 6; ++i) {
    std::getline(lines, line);
    const auto numbers = numbers_of(line);
    REQUIRE(numbers.size() == 4);
    for (std::size_t k = 0; k < 2; ++k) means[k] += numbers[k] / 6;
    REQUIRE(numbers[2] <= 1);
    REQUIRE(numbers[3] > 0);
  }
  std::getline(lines, line);
  // printed to three digits each
  for (std::size_t k = 0; k < 2; ++k)
    REQUIRE_THAT(numbers_of(line).at(k), Catch::Matchers::WithinAbs(means[k], 0.0011));
  const std::string plot = test::content_of(folder / "skips.svg");
  REQUIRE(plot.starts_with("<svg"));
  REQUIRE(plot.ends_with("</svg>\n"));
}

TEST_CASE("what cannot be looked at is one sentence and no plot", "[programs]")
{
  const fs::path folder = test::empty_folder("skips_refused");
  for (const std::string arguments : {"--steps 0", "--levels 0", "--model nowhere", "--out no/such/folder.svg"}) {
    CAPTURE(arguments);
    const test::outcome ran = skips(folder, arguments);
    REQUIRE(ran.status == 2);
    REQUIRE(ran.output.empty());
    REQUIRE(ran.errors.starts_with("skips: "));
    REQUIRE(ran.errors.find('\n') == ran.errors.size() - 1);
    REQUIRE(!fs::exists(folder / "skips.svg"));
  }
}
