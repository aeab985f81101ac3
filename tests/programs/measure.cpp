/// @file
/// The program that measures how good a sampler's images are, seen from the shell.
#include "fewstep/io/json.hpp"
#include "fewstep/io/json/convert.hpp"
#include "support/catch.hpp"
#include "support/cells.hpp"
#include "support/few_sprites.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <filesystem>
#include <string>
#include <vector>

using Catch::Matchers::WithinAbs;
using namespace fewstep;
namespace fs = std::filesystem;

namespace {

test::outcome measure(const fs::path& folder, const std::string& arguments)
{
  const auto given = [](const char* option, const fs::path& path) {
    return std::string(" --") + option + " '" + path.string() + "'";
  };
  return test::run_program("measure", folder,
                           given("model", test::in_repository("models/fontdigits-ddpm")) +
                               given("data", test::few_sprites(folder)) +
                               given("classifier", test::in_repository("models/fontdigits-classifier")) +
                               " --keep kept --threads 1 --steps 2 --images 20 --seeds 2 " + arguments);
}

const json::array& cells(const json::value& document)
{
  return *document.find("cells")->get_if<json::array>();
}

}  // namespace

TEST_CASE("a cell is measured once, and goes on from the images that were drawn", "[programs]")
{
  const fs::path folder = test::empty_folder("measure_once");
  const test::outcome first = measure(folder, "");
  REQUIRE(first.errors.empty());
  REQUIRE(first.status == 0);
  const std::string written = test::content_of(folder / "cells.json");
  const json::value document = json::parse(written);
  REQUIRE(cells(document).size() == 1);
  const json::value& cell = cells(document)[0];
  REQUIRE(*cell.find("name") == json::value("ddim-even-2"));
  REQUIRE(test::number(cell, "frechet") > 0);
  const auto parts = json::to<std::vector<double>>(*cell.find("accuracy_of_seeds"), "accuracy_of_seeds");
  REQUIRE(parts.size() == 2);
  REQUIRE_THAT(test::number(cell, "accuracy"), WithinAbs((parts[0] + parts[1]) / 2, 1e-12));

  const test::outcome again = measure(folder, "");
  REQUIRE(test::contains(again.output, "already"));
  REQUIRE(test::content_of(folder / "cells.json") == written);

  const fs::path drawn = folder / "kept/fontdigits-ddpm/ddim-even-2-seed2.safetensors";
  const std::string pixels = test::content_of(drawn);
  fs::remove(folder / "cells.json"), fs::remove(drawn);
  REQUIRE(measure(folder, "").status == 0);
  REQUIRE(test::content_of(folder / "cells.json") == written);
  REQUIRE(test::content_of(drawn) == pixels);
}

TEST_CASE("images do not depend on the number of threads, and real ones are nearer to the data", "[programs]")
{
  const fs::path folder = test::empty_folder("measure_threads");
  REQUIRE(measure(folder, "--images 60 --seeds 1 --out one.json").status == 0);
  REQUIRE(measure(folder, "--images 60 --seeds 1 --out two.json --threads 2 --keep other").status == 0);
  REQUIRE(test::content_of(folder / "one.json") == test::content_of(folder / "two.json"));
  const std::string data = " --data '" + test::in_repository("data/fontdigits").string() + "'";
  REQUIRE(measure(folder, "--images 60 --seeds 1 --out one.json --real" + data).status == 0);
  const json::value document = json::read_file(folder / "one.json");
  REQUIRE(cells(document).size() == 2);
  REQUIRE(test::number(cells(document)[1], "frechet") < test::number(cells(document)[0], "frechet"));
}

TEST_CASE("a bound on the likelihood is measured where there is one", "[programs]")
{
  const fs::path folder = test::empty_folder("measure_likelihood");
  REQUIRE(measure(folder, "--sampler ddpm --likelihood 50").status == 0);
  const json::value document = json::read_file(folder / "cells.json");
  REQUIRE(test::number(cells(document)[0], "bits") > 0);
  const test::outcome none = measure(folder, "--sampler ddim --likelihood 50");
  REQUIRE(none.status == 2);
  REQUIRE(test::contains(none.errors, "no likelihood"));
  REQUIRE(json::read_file(folder / "cells.json") == document);
}

TEST_CASE("what cannot be measured is one sentence and leaves the cells alone", "[programs]")
{
  const fs::path folder = test::empty_folder("measure_refused");
  test::put(folder / "cells.json", "{\"cells\": []}\n");
  for (const std::string arguments :
       {"--images 0", "--seeds 0", "--threads 0", "--model nowhere", "--classifier nowhere", "--data nowhere",
        "--sampler analytic-ddpm", "--out no/such/folder.json", "--branch 6 --refresh 2", "--rho nan"}) {
    CAPTURE(arguments);
    const test::outcome ran = measure(folder, arguments);
    REQUIRE(ran.status == 2);
    REQUIRE(ran.errors.starts_with("measure: "));
    REQUIRE(ran.errors.find('\n') == ran.errors.size() - 1);
    REQUIRE(test::content_of(folder / "cells.json") == "{\"cells\": []}\n");
  }
}
