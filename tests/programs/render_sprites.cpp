/// @file
/// The script that renders digits of fonts, where Pillow and the fonts are installed.
#include "examples/support/sprites.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/program.hpp"

#include <nlohmann/json.hpp>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

const fs::path fonts = "/usr/share/fonts/truetype/dejavu";

test::outcome render(const fs::path& folder, const std::string& arguments)
{
  return test::run_command("'" + test::in_repository("scripts/render_sprites.py").string() + "' " + arguments, folder);
}

bool can_render(const fs::path& folder)
{
  const std::string font = (fonts / "DejaVuSerif.ttf").string();
  const std::string needs = "(/usr/bin/python3 -c 'import PIL.Image' && command -v fc-list && test -f " + font + ")";
  return test::run_command(needs, folder).status == 0;
}

}  // namespace

TEST_CASE("digits of fonts are rendered into sheets that programs read", "[programs]")
{
  const fs::path folder = test::empty_folder("render_sprites");
  if (!can_render(folder)) return;
  const std::string few = " --train 2 --eval 1 --fonts " + fonts.string();
  const test::outcome ran = render(folder, "one" + few + " --seed 5");
  CAPTURE(ran.errors);
  REQUIRE(ran.output == "one: 2 faces for training, 1 for eval\n");
  REQUIRE(render(folder, "two" + few + " --seed 5").status == 0);
  REQUIRE(render(folder, "three" + few + " --seed 6").status == 0);
  const auto read = [&](const char* name, const examples::sprite_set& set) {
    return examples::read_sprites(folder / name, set).images;
  };
  for (const examples::sprite_set* set : {&examples::train_sprites, &examples::eval_sprites}) {
    const auto images = read("one", *set);
    REQUIRE(images.count == (set == &examples::train_sprites ? 80 : 40));
    REQUIRE(images.values == read("two", *set).values);
    REQUIRE(images.values != read("three", *set).values);
    std::set<std::vector<float>> different;
    for (std::size_t k = 0; k < images.count; ++k) {
      const auto first = images.values.begin() + static_cast<std::ptrdiff_t>(k * 1024);
      different.emplace(first, first + 1024);
    }
    REQUIRE(different.size() == images.count);
  }
  const auto told = nlohmann::json::parse(test::content_of(folder / "one" / "sprites.json"));
  const auto family = [](const nlohmann::json& name) {
    const auto text = name.get<std::string>();
    return text.substr(0, text.find(','));
  };
  for (const auto& seen : told["train"]) REQUIRE(family(seen) != family(told["eval"][0]));
}

TEST_CASE("fonts that give no digits or too few, and folders with sheets, are refused in a sentence", "[programs]")
{
  const fs::path folder = test::empty_folder("render_refusals");
  if (!can_render(folder)) return;
  fs::create_directories(folder / "empty");
  test::put(folder / "full" / "eval-0.png");
  const auto refusal = [&](const std::string& arguments) {
    const test::outcome ran = render(folder, arguments);
    REQUIRE(ran.status == 1);
    return ran.errors;
  };
  REQUIRE(refusal("out --fonts empty") ==
          "render_sprites.py: empty: has no scalable font with the digits 0 to 9; scripts/setup.sh render installs "
          "some\n");
  REQUIRE(refusal("out --fonts none") == "render_sprites.py: none: there is no such folder\n");
  REQUIRE(refusal("full") == "render_sprites.py: full: has sheets already; choose another folder\n");
  REQUIRE(refusal("full/eval-0.png/out").starts_with("render_sprites.py: full/eval-0.png/out: cannot be written: "));
  REQUIRE(test::contains(refusal("out --train 5000 --fonts " + fonts.string()),
                         "5000 faces for training and some of other families for eval were asked for, but of "));
}
