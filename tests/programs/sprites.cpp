/// @file
/// The digits of data/fontdigits as programs read them.
#include "examples/support/sprites.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace fewstep;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t pixels = 32 * 32;

std::vector<float> image(const examples::labelled_images& all, std::size_t k)
{
  const auto first = all.images.values.begin() + static_cast<std::ptrdiff_t>(k * pixels);
  return {first, first + pixels};
}

/// The sprite at a row and a column of a sheet, as a network sees it.
std::vector<float> cut(const examples::picture& sheet, std::size_t row, std::size_t column)
{
  std::vector<float> out;
  for (std::size_t y = 0; y < 32; ++y)
    for (std::size_t x = 0; x < 32; ++x)
      out.push_back(float(sheet.pixels[(row * 32 + y) * sheet.width + column * 32 + x] / 127.5 - 1));
  return out;
}

}  // namespace

TEST_CASE("sprites come out of their sheets with the digits taking turns", "[programs]")
{
  const fs::path folder = test::in_repository("data/fontdigits");
  const auto some = examples::read_sprites(folder, examples::train_sprites, 12205);
  REQUIRE(nn::shape_of(some.images) == "(12205, 1, 32, 32)");
  for (std::size_t k = 0; k < 12205; ++k) REQUIRE(some.labels[k] == int(k % 10));
  const auto [low, high] = std::minmax_element(some.images.values.begin(), some.images.values.end());
  REQUIRE(*low == -1);
  REQUIRE(*high == 1);
  const auto sheet = [&](const char* name) { return examples::read_grey_png(folder / name); };
  // digit 3 of turn 7 is of face 7 + 3 * 122 = 373 = 6 * 61 + 7; digit 9 of turn 200 of 200 + 1098 - 1220 = 78
  REQUIRE(image(some, 73) == cut(sheet("train-0-3.png"), 6, 7));
  REQUIRE(image(some, 2009) == cut(sheet("train-0-9.png"), 1, 17));
  // turn 1220 begins the next map
  REQUIRE(image(some, 12204) == cut(sheet("train-1-4.png"), 8, 0));
  // the first are the same however many are read
  const auto few = examples::read_sprites(folder, examples::train_sprites, 20);
  REQUIRE(std::equal(few.images.values.begin(), few.images.values.end(), some.images.values.begin()));
}

TEST_CASE("the sprites of unseen faces come map after map", "[programs]")
{
  const fs::path folder = test::in_repository("data/fontdigits");
  const auto all = examples::read_sprites(folder, examples::sprite_set_of("eval"));
  REQUIRE(nn::shape_of(all.images) == "(10240, 1, 32, 32)");
  const auto sheet = examples::read_grey_png(folder / "eval-1.png");
  // digit 1 of turn 600 = 2 * 256 + 88 is of map 2 and face 88 + 25 = 113: sprite 2 * 256 + 113 = 19 * 32 + 17
  REQUIRE(image(all, 6001) == cut(sheet, 19, 17));
  // every sprite once
  std::set<std::vector<float>> different;
  for (std::size_t k = 1; k < 10240; k += 10) different.insert(image(all, k));
  std::set<std::vector<float>> in_sheet;
  for (std::size_t k = 0; k < 1024; ++k) in_sheet.insert(cut(sheet, k / 32, k % 32));
  REQUIRE(different == in_sheet);
}

TEST_CASE("sheets of another size are of another number of faces", "[programs]")
{
  const fs::path folder = test::empty_folder("sprites_of_three_faces");
  for (std::size_t digit = 0; digit < 10; ++digit)
    for (std::size_t map = 0; map < 4; ++map) {
      examples::picture sheet{.height = 32, .width = 96, .channels = 1};
      for (std::size_t k = 0; k < sheet.pixels.size(); ++k)
        sheet.pixels[k] = static_cast<std::uint8_t>(64 * map + 16 * (k % 96 / 32) + digit);
      examples::write_png(folder / ("train-" + std::to_string(map) + "-" + std::to_string(digit) + ".png"), sheet);
    }
  const auto all = examples::read_sprites(folder, examples::train_sprites);
  REQUIRE(nn::shape_of(all.images) == "(120, 1, 32, 32)");
  for (std::size_t k = 0; k < 120; ++k) {
    const std::size_t digit = k % 10, turn = k / 10, face = (turn + digit * 3 / 10) % 3;
    const float value = float(double(64 * (turn / 3) + 16 * face + digit) / 127.5 - 1);
    REQUIRE(image(all, k) == std::vector<float>(pixels, value));
    REQUIRE(all.labels[k] == int(digit));
  }
  REQUIRE(test::refusal<std::invalid_argument>([&] { examples::read_sprites(folder, examples::train_sprites, 121); }) ==
          "there are 120 sprites in train, but 121 were asked for");
}

TEST_CASE("sheets that are missing or of another kind are refused by name", "[programs]")
{
  const auto refusal = [](const fs::path& folder) {
    return test::refusal<std::runtime_error>([&] { examples::read_sprites(folder, examples::eval_sprites); });
  };
  const fs::path folder = test::empty_folder("sprites");
  const fs::path file = folder / "eval-0.png";
  REQUIRE(refusal(folder) == file.string() + ": there is no such file");
  test::put(file, "no picture");
  REQUIRE(refusal(folder).starts_with(file.string() + ": is no PNG: "));
  for (const auto& [height, width] : {std::pair<std::size_t, std::size_t>{64, 96}, {64, 65}, {40, 64}}) {
    examples::write_png(file, {.height = height, .width = width, .channels = 1});
    REQUIRE(refusal(folder) == file.string() +
                                   ": must be filled by sprites of 32 x 32 pixels, 4 for each face, but has " +
                                   std::to_string(width) + " x " + std::to_string(height));
  }
  examples::write_png(file, {.height = 1024, .width = 1024, .channels = 3});
  REQUIRE(refusal(folder) == file.string() + ": must be grey with 8 bits a pixel, but has colours or transparency");
  const fs::path sheet = test::in_repository("data/fontdigits/eval-0.png");
  test::put(file, test::content_of(sheet).substr(0, 20000));
  REQUIRE(refusal(folder).starts_with(file.string() + ": cannot be decoded: "));
  fs::copy_file(sheet, file, fs::copy_options::overwrite_existing);
  examples::write_png(folder / "eval-1.png", {.height = 512, .width = 2048, .channels = 1});
  REQUIRE(refusal(folder) ==
          (folder / "eval-1.png").string() + ": must have 1024 x 1024 pixels as the first sheet, but has 2048 x 512");
  REQUIRE(test::refusal<std::invalid_argument>([&] {
            examples::read_sprites(folder, examples::eval_sprites, 10241);
          }) == "there are 10240 sprites in eval, but 10241 were asked for");
  REQUIRE(test::refusal<std::invalid_argument>([] { examples::sprite_set_of("test"); }) ==
          "sprites are train or eval, but not test");
}
